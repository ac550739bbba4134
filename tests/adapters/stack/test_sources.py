"""What Flask sources say of their routes, in the ways in which people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.stack import folder
from shelterctl.adapters.stack.code import sources
from shelterctl.core.stack import requests
from shelterctl.core.stack.model import Body, Sources

pytestmark = pytest.mark.unit


def read(tmp_path: Path, **files: str) -> Sources:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sources.read(folder.listing(tmp_path))


def test_a_blueprint_with_a_prefix_and_a_helper_that_stores(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        api__views_py="""
from flask import Blueprint, jsonify, request
animals = Blueprint("animals", __name__)

def store(values):
    cursor.execute("INSERT INTO animals (name, age) VALUES (%s, %s)", (values["name"], values["age"]))

@animals.post("/adoption")
def adopt():
    body = request.get_json()
    store({"name": body["name"], "age": body.get("age")})
    return jsonify({"message": "thanks"}), 200

@animals.get("/dogs")
def dogs():
    cursor.execute("SELECT * FROM animals")
    return jsonify(cursor.fetchall())

@animals.route("/dogs/<int:dog>")
def dog(dog):
    cursor.execute(f"SELECT * FROM animals WHERE id = {dog}")
    return jsonify(cursor.fetchone())
""",
        app_py="""
from flask import Flask
from api.views import animals
app = Flask(__name__)
app.register_blueprint(animals, url_prefix="/api")
""",
    )
    asked = requests.choose(found)
    assert asked.write is not None
    assert asked.read is not None
    assert (asked.write.path, asked.write.body, asked.write.keys, asked.write.verbatim) == (
        "/api/adoption",
        Body.JSON,
        ("name", "age"),
        False,
    )
    assert asked.read.path == "/api/dogs"
    assert set(found.roots) == {".", "api"}


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ('note = request.get_json(silent=True) or {}\n    notes.insert_one({"t": note["title"]})', ("title",)),
        ('note = dict(request.form)\n    notes.insert_one({"t": note.get("title")})', ("title",)),
        ('note = request.json\n    if "a" not in note or "b" not in note: return "", 400\n    notes.insert_one(note)', ("a", "b")),
        ('note = request.json\n    for key in ("a", "b"):\n        if key not in note: abort(400)\n    notes.insert_one(note)', ("a", "b")),
        ('FIELDS = ["a", "b"]\n    note = request.json\n    if not all(note.get(f) for f in FIELDS): abort(4)\n    keep(note)', ("a", "b")),
        ('data = request.json\n    notes.insert_one({k: data[k] for k in ("title", "text")})', ("title", "text")),
        ("note = request.json\n    for f in REQUIRED:\n        if f not in note: abort(400)\n    keep(note)", ("x", "y")),
        ('note = checked(request.get_json())\n    notes.insert_one(note)', ("name",)),
        # Another thing by the same name, and the database's own.
        ('note = request.get_json()\n    notes.insert_one(note)\n    for note in notes.find():\n        note["x"] = str(note["y"])', ()),
        ('note = request.get_json()\n    notes.insert_one(note)\n    return str(note["_id"])', ()),
    ],
)  # fmt: skip
def test_the_keys_that_a_body_must_have(tmp_path: Path, body: str, keys: tuple[str, ...]) -> None:
    found = read(
        tmp_path,
        app_py=f"""
from flask import Flask, request
app = Flask(__name__)
REQUIRED = ("x", "y")

@app.route("/notes", methods=["POST"])
def add():
    {body}
    return "ok"

def keep(note):
    notes.insert_one(note)

def checked(data):
    return {{"name": data["name"]}}
""",
    )
    assert found.routes[0].keys == keys


def test_a_blueprints_own_address_is_its_prefix(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        app_py="""
from flask import Flask, Blueprint, request
bp = Blueprint("notes", __name__)
bare = Blueprint("bare", __name__)

@bp.route("", methods=["POST"])
def add():
    notes.insert_one(request.get_json())

@bare.route("")
def nothing():
    return ""

app.register_blueprint(bp, url_prefix="/api/notes")
""",
    )
    assert [route.path for route in found.routes] == ["/api/notes"]


def test_what_deletes_logs_in_or_takes_a_file_is_never_written_to(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        app_py="""
from flask import Flask, request, session
app = Flask(__name__)

@app.route("/login", methods=["POST"])
def login():
    users.insert_one(request.get_json())

@app.route("/delete_all", methods=["POST"])
def wipe():
    db.things.insert_one(request.get_json())

@app.route("/photo", methods=["POST"])
def photo():
    files.insert_one({"name": request.files["photo"].filename})

@app.route("/mine", methods=["POST"])
@login_required
def mine():
    things.insert_one(request.get_json())

@app.route("/cart", methods=["POST"])
def cart():
    things.insert_one({"user": session["user"], **request.form})
""",
    )
    assert requests.choose(found).write is None
    assert [route.guarded for route in found.routes] == ["", "", "", "login_required", "session"]


def test_variables_traits_and_a_file_that_is_no_python(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        app_py="""
import os
from os import getenv
from pymongo import MongoClient
client = MongoClient(os.environ["MONGO_URI"], serverSelectionTimeoutMS=500)
client.admin.command("ping")
HOST = os.environ.get("DB_HOST", "localhost")
NAME = getenv("DB_NAME", default="x") or getenv("DB_NAME", "animals")
if __name__ == "__main__":
    app.run(debug=True)
""",
        old_py="import flask\nprint 'python 2'\n",
        tests__test_app_py="import flask\nos.environ['ONLY_IN_TESTS']\n",
    )
    assert {read.name: read.default for read in found.reads}.items() >= {"MONGO_URI": "", "DB_HOST": "localhost"}.items()
    assert {trait.code for trait in found.traits} == {
        "mongo-client", "server-selection-timeout", "connects-at-import", "dev-server", "debug",
    }  # fmt: skip
    assert [str(origin) for origin in found.unreadable] == ["old.py:2"]
    assert "ONLY_IN_TESTS" not in {read.name for read in found.reads}


@pytest.mark.parametrize(
    ("dockerfile", "context"),
    [("api/Dockerfile|COPY app.py .", "api"), ("docker/api.Dockerfile|COPY api/app.py .", "."), ("Dockerfile|COPY . .", ".")],
)
def test_a_context_is_where_the_copied_files_are(tmp_path: Path, dockerfile: str, context: str) -> None:
    name, _, line = dockerfile.partition("|")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "app.py").touch()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f'FROM python:3.13 AS base\nFROM base\n{line}\nUSER 1000\nCMD ["python", "app.py"]\n')
    (build,) = folder.builds(folder.listing(tmp_path))
    assert (build.context, build.base, build.command, build.user) == (context, "python:3.13", ("python", "app.py"), "1000")


PSYCOPG = """
import os
import psycopg2
from flask import Flask, request
app = Flask(__name__)
{top}

@app.post("/notes")
def add():
    data = request.get_json()
    {write}
    return "ok", 201

@app.get("/notes")
def every():
    return {read}
"""


@pytest.mark.parametrize(
    ("top", "write", "read", "codes"),
    [
        (
            'connection = psycopg2.connect(os.environ["DATABASE_URL"])',
            'connection.cursor().execute("INSERT INTO notes (title) VALUES (%s)", (data["title"],))',
            'connection.cursor().execute("SELECT title FROM notes").fetchall()',
            {"connects-at-import", "one-connection"},
        ),
        (
            'pool = psycopg2.pool.ThreadedConnectionPool(1, 5, os.environ["DATABASE_URL"])',
            'pool.getconn().cursor().execute("INSERT INTO notes (title) VALUES (%s)", (data["title"],))',
            'pool.getconn().cursor().execute("SELECT title FROM notes ORDER BY id DESC LIMIT 20").fetchall()',
            {"connects-at-import", "pool", "limited-read"},
        ),
        (
            'app.config["SQLALCHEMY_DATABASE_URI"] = "x"\ndb = SQLAlchemy(app)\nwith app.app_context():\n    db.create_all()',
            'db.session.add(Note(title=data["title"])); db.session.commit()',
            "[note.title for note in Note.query.all()]",
            {"connects-at-import"},
        ),
        (
            'engine = create_engine(os.environ["DATABASE_URL"], connect_args={"connect_timeout": 2})\nSession = sessionmaker(engine)',
            'session = Session(); session.add_all([Note(title=data["title"])]); session.commit()',
            "[note.title for note in Session().scalars(select(Note))]",
            {"connect-timeout"},
        ),
        (
            'connection = psycopg.connect("", connect_timeout=5) if False else None',
            'connection.execute("INSERT INTO notes (title) VALUES (%s)", (data["title"],))',
            'connection.execute("SELECT title FROM notes").fetchall()',
            {"connects-at-import", "one-connection", "connect-timeout"},
        ),
    ],
)
def test_the_drivers_of_postgresql(tmp_path: Path, top: str, write: str, read: str, codes: set[str]) -> None:
    found = sources.read(_listed(tmp_path, PSYCOPG.format(top=top, write=write, read=read)))
    asked = requests.choose(found)
    assert asked.write is not None
    assert asked.read is not None
    assert (asked.write.path, asked.write.keys, asked.read.path) == ("/notes", ("title",), "/notes")
    assert {trait.code for trait in found.traits} == codes


def _listed(tmp_path: Path, text: str) -> folder.Listing:
    (tmp_path / "app.py").write_text(text)
    return folder.listing(tmp_path)


@pytest.mark.parametrize(
    ("answer", "pointer"),
    [
        ('jsonify(id=str(done.inserted_id), status="ok"), 201', "/id"),
        ('jsonify({"item": {"_id": str(done.inserted_id)}})', "/item/_id"),
        ('{"book_id": str(done.inserted_id)}, 201', "/book_id"),
        ("jsonify(shown(body)), 201", "/uuid"),
        ("jsonify({**shown(body), 'ok': True})", "/uuid"),
        ("make_response(jsonify(id=1), 201)", "/id"),
        ('jsonify(status="stored")', ""),
        ('redirect("/")', ""),
        ('render_template("done.html", id=1)', ""),
        ("json.dumps({'id': 5})", "/id"),
    ],
)
def test_where_an_answer_has_an_id(answer: str, pointer: str, tmp_path: Path) -> None:
    found = read(
        tmp_path,
        app_py=f"""
import json
from flask import Flask, jsonify, make_response, redirect, render_template, request
app = Flask(__name__)

def shown(item):
    return {{"uuid": item["uuid"], "name": item["name"]}}

@app.post("/books")
def add():
    body = request.get_json()
    if not body:
        return jsonify(error="give a body"), 400
    done = books.insert_one({{"_id": body["x"], "name": body["name"]}})
    return {answer}

@app.get("/books/<book>/history")
def history(book):
    return jsonify(log.find({{"book": book}}))

@app.get("/books/<book>")
def one(book):
    return jsonify(books.find_one({{"_id": book}}))
""",
    )
    asked = requests.choose(found)
    assert asked.write is not None
    assert asked.write.answers_id == pointer
    assert asked.read_one is not None
    assert asked.read_one.path == "/books/<book>"


def test_a_configured_read_by_id_leaves_the_whole_for_when_it_does_not_work(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        app_py="""
from flask import Flask, request
app = Flask(__name__)

@app.post("/books")
def add():
    books.insert_one(request.get_json())
    return "ok"

@app.get("/books")
def every():
    return list(books.find())
""",
    )
    asked = requests.choose(found, read="GET /lent/{id}")
    assert asked.read is not None
    assert asked.read_one is not None
    assert (asked.read.path, asked.read_one.path) == ("/books", "/lent/{id}")


LAYERED = {
    "store_py": """
class NoteStore:
    def __init__(self, collection): self._collection = collection
    def put(self, note): return self._collection.insert_one(note).inserted_id
    def latest(self): return list(self._collection.find().limit(50))
    def get(self, key): return self._collection.find_one({"_id": key})
""",
    "services__notes_py": """
from store import NoteStore
from db import database
store = NoteStore(database.notes)

def add(values):
    if "title" not in values: raise ValueError("title")
    return store.put({"title": values["title"]})

def newest():
    return store.latest()
""",
    "app_py": """
from flask import Flask, jsonify, request
from services.notes import add as add_note
from services import notes
app = Flask(__name__)

@app.post("/notes")
def create():
    return jsonify({"id": str(add_note(request.get_json()))}), 201

@app.get("/notes")
def listing():
    request.args.get("page")
    return jsonify(notes.newest())

@app.post("/echo")
def echo():
    return jsonify(request.get_json())
""",
}


def test_a_write_is_followed_through_services_and_stores_of_other_modules(tmp_path: Path) -> None:
    found = read(tmp_path, **LAYERED)
    asked = requests.choose(found)
    assert asked.write is not None
    assert (asked.write.path, asked.write.keys, asked.write.answers_id) == ("/notes", ("title",), "/id")
    assert asked.read is not None
    assert asked.read.path == "/notes"
    assert [route.path for route in found.routes if route.writes] == ["/notes"]


def test_a_name_that_two_modules_define_or_that_every_dictionary_has_is_not_followed(tmp_path: Path) -> None:
    twice = LAYERED | {"other_py": "def put(x): cursor.execute('SELECT 1')\n"}
    app = twice["app_py"].replace("from services.notes import add as add_note\n", "").replace("add_note(", "store.put(")
    found = read(tmp_path, **(twice | {"app_py": app}))
    assert not any(route.writes for route in found.routes)
    # `request.args.get` is no read of the store, whose own `get` is.
    assert not next(route for route in found.routes if route.path == "/echo").reads


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        ("MongoClient(uri)", None),
        ("MongoClient(uri, w=1)", None),
        ("MongoClient(uri, journal=False)", None),
        ("MongoClient(uri, w='majority', journal=False)", None),
        ("MongoClient(uri, journal=True)", "journaled"),
        ("MongoClient(uri, w='majority')", "journaled"),
        ("MongoClient(uri, w=0)", "unacknowledged"),
        ("MongoClient(uri, w=WRITERS)", "undecided"),
        ("client.get_database('x', write_concern=WriteConcern(w='majority', j=True))", "journaled"),
        ("notes.with_options(write_concern=pymongo.write_concern.WriteConcern('majority', 1000, True))", "journaled"),
        ("WriteConcern(0)", "unacknowledged"),
        ("WriteConcern(2)", None),
    ],
)
def test_what_is_asked_of_mongodb_before_it_acknowledges(tmp_path: Path, call: str, detail: str | None) -> None:
    trait = read(tmp_path, app_py=f"import pymongo\nclient = {call}\n").trait("write-concern")
    assert (trait and trait.detail) == detail
