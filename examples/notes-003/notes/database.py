from flask import current_app
from pymongo import MongoClient


def init_app(app):
    # The user lives in the application's own database, and not in admin.
    app.extensions["mongo"] = MongoClient(
        host=app.config["DB_HOST"],
        port=app.config["DB_PORT"],
        username=app.config["DB_USER"],
        password=app.config["DB_PASSWORD"],
        authSource=app.config["DB_NAME"],
        serverSelectionTimeoutMS=5000,
        w="majority",
        journal=True,
    )


def get_db():
    return current_app.extensions["mongo"][current_app.config["DB_NAME"]]
