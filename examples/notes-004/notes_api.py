from bson import ObjectId
from bson.errors import InvalidId
from flask import Flask, abort, jsonify, request
from pymongo import MongoClient, ReturnDocument

app = Flask(__name__)
app.config.from_object("config.Config")

mongo = MongoClient(app.config["MONGO_URL"])
notes = mongo[app.config["MONGO_DATABASE"]][app.config["NOTES_COLLECTION"]]


def to_json(note):
    note["id"] = str(note.pop("_id"))
    return note


def object_id(text):
    try:
        return ObjectId(text)
    except InvalidId:
        abort(404)


@app.get("/")
def index():
    return "notes-api v1\n"


@app.get("/notes")
def list_notes():
    return jsonify([to_json(note) for note in notes.find()])


@app.post("/notes")
def create_note():
    payload = request.get_json()
    note = {"text": payload["text"], "done": bool(payload.get("done", False))}
    notes.insert_one(note)
    return jsonify(to_json(note)), 201


@app.get("/notes/<note_id>")
def get_note(note_id):
    note = notes.find_one({"_id": object_id(note_id)})
    return jsonify(to_json(note)) if note else abort(404)


@app.put("/notes/<note_id>")
def update_note(note_id):
    payload = request.get_json()
    note = notes.find_one_and_update({"_id": object_id(note_id)}, {"$set": {"text": payload["text"]}}, return_document=ReturnDocument.AFTER)
    return jsonify(to_json(note)) if note else abort(404)


@app.delete("/notes/<note_id>")
def delete_note(note_id):
    notes.delete_one({"_id": object_id(note_id)})
    return "", 204
