import os

from flask import Flask

from . import database
from .routes import bp


def create_app():
    app = Flask(__name__)
    app.config.update(
        DB_HOST=os.environ.get("DB_HOST", "localhost"),
        DB_PORT=int(os.environ.get("DB_PORT", "27017")),
        DB_NAME=os.environ.get("DB_NAME", "notes"),
        DB_USER=os.environ.get("DB_USER"),
        DB_PASSWORD=os.environ.get("DB_PASSWORD"),
    )
    database.init_app(app)
    app.register_blueprint(bp, url_prefix="/api/notes")

    @app.get("/healthz")
    def healthz():
        return {"status": "up"}

    @app.get("/readyz")
    def readyz():
        database.get_db().command("ping")
        return {"status": "ready"}

    return app
