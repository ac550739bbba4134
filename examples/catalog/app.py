import os

from bson import ObjectId
from bson.errors import InvalidId
from flask import Flask, jsonify, request
from pymongo import MongoClient
from pymongo.errors import PyMongoError

FIELDS = {"name", "price", "description"}


def create_app():
    app = Flask(__name__)
    client = MongoClient(os.environ["DATABASE_URI"], serverSelectionTimeoutMS=2000)
    items = client.get_default_database()["items"]

    def shown(item):
        return {"id": str(item["_id"]), **{field: item[field] for field in FIELDS}}

    @app.get("/health")
    def health():
        return jsonify(status="ok")

    @app.get("/ready")
    def ready():
        try:
            client.admin.command("ping")
        except PyMongoError as error:
            return jsonify(status=str(error)), 503
        return jsonify(status="ok")

    @app.post("/api/items")
    def add():
        body = request.get_json()
        if set(body) != FIELDS or not isinstance(body["price"], int) or body["price"] <= 0:
            return jsonify(error=f"give {sorted(FIELDS)}, and a price above 0"), 400
        item = {"name": str(body["name"]), "price": body["price"], "description": str(body["description"])}
        items.insert_one(item)
        return jsonify(shown(item)), 201

    @app.get("/api/items")
    def every():
        found = [shown(item) for item in items.find()]
        return jsonify(count=len(found), items=found)

    @app.get("/api/items/<item_id>")
    def one(item_id):
        try:
            found = items.find_one({"_id": ObjectId(item_id)})
        except InvalidId:
            found = None
        return (jsonify(shown(found)), 200) if found else (jsonify(error="no such item"), 404)

    return app
