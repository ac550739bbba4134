import os
from datetime import datetime
from urllib.parse import quote_plus

from bson import ObjectId
from flask import Flask, g, jsonify, request
from pymongo import MongoClient

app = Flask(__name__)

MONGO_HOST = os.getenv("MONGO_HOST", "localhost")
MONGO_PORT = os.getenv("MONGO_PORT", "27017")
MONGO_DB = os.getenv("MONGO_DB", "notesdb")
MONGO_USER = os.getenv("MONGO_USER", "")
MONGO_PASS = os.getenv("MONGO_PASS", "")


def build_uri():
    login = f"{quote_plus(MONGO_USER)}:{quote_plus(MONGO_PASS)}@" if MONGO_USER else ""
    return f"mongodb://{login}{MONGO_HOST}:{MONGO_PORT}/"


# A page that waits half a minute for a dead database is of no use to anybody.
client = MongoClient(build_uri(), serverSelectionTimeoutMS=3000)


def get_collection():
    if "notes" not in g:
        g.notes = client[MONGO_DB].notes
    return g.notes


def as_json(note):
    return {**note, "_id": str(note["_id"])}


@app.route("/")
def index():
    return jsonify({"service": "notes", "time": datetime.now().isoformat()})


@app.route("/notes", methods=["POST"])
def add_note():
    body = request.get_json(silent=True) or {}
    if "title" not in body or "content" not in body:
        return jsonify({"error": "title and content are required"}), 400
    note = {"title": body["title"], "content": body["content"], "created_at": datetime.now().isoformat()}
    result = get_collection().insert_one(note)
    return jsonify({"inserted_id": str(result.inserted_id)}), 201


@app.route("/notes", methods=["GET"])
def latest_notes():
    found = [as_json(note) for note in get_collection().find().sort("_id", -1).limit(20)]
    return jsonify({"count": len(found), "notes": found})


@app.route("/notes/<id>", methods=["GET"])
def one_note(id):
    note = get_collection().find_one({"_id": ObjectId(id)}) if ObjectId.is_valid(id) else None
    if note is None:
        return jsonify({"error": "note not found"}), 404
    return jsonify(as_json(note))
