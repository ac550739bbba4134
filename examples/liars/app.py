"""An application that misleads whoever looks at it from outside; how, is said by LIE: one lie, or several by commas."""

import os
import time

from bson import ObjectId
from flask import Flask, jsonify, request
from pymongo import MongoClient
from pymongo.errors import PyMongoError

app = Flask(__name__)

LIES = os.environ.get("LIE", "").split(",")
client = MongoClient(os.environ["MONGO_URI"], serverSelectionTimeoutMS=2000, w="majority", journal=True)
notes = client["liars"]["notes"]
state = {"broken": False, "cached": None, "cached_at": 0.0, "count": 0}

if "exits-at-import" in LIES:
    client.admin.command("ping")


@app.route("/notes", methods=["GET"])
def read():
    if "broken-for-ever" in LIES and state["broken"]:
        return jsonify({"error": "no database"}), 503
    if "cached-reads" in LIES and state["cached"] is not None and time.time() - state["cached_at"] < 600:
        return jsonify(state["cached"])
    cursor = notes.find({}, {"_id": 0})
    if "newest-hundred" in LIES:
        cursor = notes.find({}, {"_id": 0}).sort("_id", -1).limit(100)
    state["cached"], state["cached_at"] = list(cursor), time.time()
    return jsonify(state["cached"])


@app.route("/notes", methods=["POST"])
def write():
    note = request.get_json()
    if "wraps" in LIES:
        note = {"data": note, "created_at": time.time()}
    if "broken-for-ever" in LIES and state["broken"]:
        return jsonify({"error": "no database"}), 503
    try:
        notes.insert_one(note)
        state["count"] += 1
        if "inserts-again" in LIES and state["count"] % 20 == 0:
            notes.insert_one({**note, "_id": ObjectId()})
    except PyMongoError as error:
        state["broken"] = True
        if "errors-as-200" in LIES:
            return jsonify({"message": f"could not insert: {error}"})
        return jsonify({"error": "no database"}), 503
    if "answers-500" in LIES:
        return jsonify(note), 201
    return jsonify({"message": "inserted"})


@app.route("/")
def index():
    return "notes"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
