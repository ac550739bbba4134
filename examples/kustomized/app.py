import os

from flask import Flask, jsonify, request
from pymongo import MongoClient
from pymongo.errors import PyMongoError

app = Flask(__name__)
client = MongoClient(os.environ["MONGO_URI"], serverSelectionTimeoutMS=2000, journal=True)
bookmarks = client[os.environ.get("MONGO_DATABASE", "bookmarks")].bookmarks


@app.get("/healthz")
def healthz():
    return jsonify(status="ok")


@app.get("/readyz")
def readyz():
    try:
        client.admin.command("ping")
    except PyMongoError as error:
        return jsonify(status=str(error)), 503
    return jsonify(status="ok")


@app.post("/bookmarks")
def add():
    body = request.get_json()
    if "address" not in body or "title" not in body:
        return jsonify(error="give an address and a title"), 400
    stored = bookmarks.insert_one({"address": body["address"], "title": body["title"]})
    return jsonify(id=str(stored.inserted_id)), 201


@app.get("/bookmarks")
def every():
    return jsonify(list(bookmarks.find({}, {"_id": 0})))
