import os
from datetime import datetime

from flask import Flask, jsonify, request
from pymongo import MongoClient

app = Flask(__name__)

mongo_uri = os.environ.get("MONGODB_URI", "mongodb://localhost:27017/")
client = MongoClient(mongo_uri)
db = client["notes"]
notes = db["data"]


@app.route("/")
def home():
    now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"Welcome to the notes! It is {now}."


@app.route("/data", methods=["GET", "POST"])
def data():
    if request.method == "POST":
        note = request.get_json()
        notes.insert_one(note)
        return jsonify({"message": "Note saved"}), 201

    result = []
    for note in notes.find():
        note["_id"] = str(note["_id"])
        result.append(note)
    return jsonify(result), 200


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
