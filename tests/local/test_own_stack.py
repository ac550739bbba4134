"""A user's own stack as processes of this machine: up, a load's users, a kill, down; and what is said before anything starts."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest

from shelterctl.adapters.local.own import mariadb
from tests.cluster.commands import REPOSITORY
from tests.local.stacks import Stack, left_of, stack_in

pytestmark = pytest.mark.local
#: A virtual environment is made, and packages come from an index.
UP_S = 240.0


def copied(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    shutil.copytree(REPOSITORY / "examples" / name, folder, ignore=shutil.ignore_patterns(".shelterctl"))
    return folder


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Stack]:
    """`python app.py`, a URI with a password, a driver older than the database's protocol."""
    with stack_in(copied(tmp_path, "notes"), "--no-wait-hpa") as found:
        yield found


@pytest.mark.timeout(400)
def test_it_comes_up_answers_and_goes(notes: Stack) -> None:
    ran = notes.shelterctl("up", output="jsonl", timeout_s=UP_S)
    assert any("a marked write to /data was taken, and GET /data has it" in title for title in ran.titles), ran.shown()
    assert any(caveat.startswith("`python app.py` is served by gunicorn") for caveat in ran.result["caveats"])
    pods = notes.pods("app")
    assert [pod["ready"] for pod in pods] == [True, True]
    with urllib.request.urlopen(f"{notes.url}/data", timeout=10) as answer:
        assert len(json.load(answer)) == 1
    assert "GET /data" in notes.shelterctl("logs", "app").stdout

    again = notes.shelterctl("up", timeout_s=UP_S)
    assert not again.result["changed"]
    assert {pod["name"] for pod in notes.pods("app")} == {pod["name"] for pod in pods}

    text = (notes.shelterctl.folder / "app.py").read_text()
    (notes.shelterctl.folder / "app.py").write_text(text.replace("Welcome to the Flask app!", "Another greeting."))
    notes.shelterctl("up", timeout_s=UP_S)
    with urllib.request.urlopen(notes.url, timeout=10) as answer:
        assert answer.read().startswith(b"Another greeting.")

    assert not [file for file in notes.home.rglob("*.log") if "notes-example" in file.read_text(errors="replace")]
    notes.shelterctl("down", "--delete-data", "--yes")
    assert left_of(notes.home) == []


@pytest.mark.timeout(400)
def test_no_acknowledged_write_is_lost_when_the_database_is_killed(tmp_path: Path) -> None:
    """gunicorn's own command, an application factory, a database in another namespace with a user of its own."""
    with stack_in(copied(tmp_path, "notes-003"), "--no-wait-hpa") as stack:
        stack.shelterctl("up", timeout_s=UP_S)
        result = stack.shelterctl("chaos", "kill-db").result
        assert result["judgement"]["verdict"] == "PASS"
        assert result["acknowledged"] > 20
        loaded = stack.shelterctl("loadtest", "--users", "10", "--duration", "12s").result
        assert loaded["judgement"]["verdict"] == "PASS"


@pytest.mark.timeout(400)
def test_it_is_proved_as_a_whole(notes: Stack) -> None:
    ran = notes.shelterctl("prove", "--users", "30", "--only", "deploy", "--only", "data", "--down", timeout_s=UP_S)
    claims = {claim["claim"]: claim for claim in ran.result["claims"]}
    assert [claims[name]["verdict"] for name in ("deploy", "scale", "data", "names")] == ["PASS", None, "PASS", None], ran.shown()
    assert "acknowledged writes, none lost" in claims["data"]["text"]
    assert left_of(notes.home) == []


@pytest.mark.timeout(400)
def test_without_a_route_that_writes_the_whole_database_is_held_against_what_it_was(tmp_path: Path) -> None:
    folder = copied(tmp_path, "liars")
    text = (folder / "app.py").read_text()
    start, end = text.index('@app.route("/notes", methods=["POST"])'), text.index('@app.route("/")')
    (folder / "app.py").write_text(text[:start] + text[end:])
    with stack_in(folder, "--no-wait-hpa") as stack:
        stack.shelterctl("up", timeout_s=UP_S)
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            f"mongodb://127.0.0.1:{stack.pods('db')[0]['containers'][0]['ports'][0]}", serverSelectionTimeoutMS=5000
        )
        with client:
            client["liars"]["notes"].insert_many([{"name": "Rex"}, {"name": "Ada"}])
        killed = stack.shelterctl("chaos", "kill-db", "--after-acks", "10", expect=7).result
        assert killed["judgement"]["verdict"] == killed["data"]["verdict"] == "UNKNOWN"
        (notes,) = killed["tables"]["tables"]
        assert (notes["name"], notes["course"], notes["compared"]) == ("liars.notes", "as before", True)
        assert notes["before"] == notes["after"] == 2
        assert any("got SIGKILL" in fact for fact in killed["proof"]["facts"])
        assert killed["gets"]["sent"] > 20


@pytest.mark.timeout(600)
def test_a_collection_too_large_to_be_read_is_read_by_id_and_else_leaves_the_service_open(tmp_path: Path) -> None:
    folder = copied(tmp_path, "catalog")
    text = (folder / "app.py").read_text()
    whole = "return jsonify(count=len(found), items=found)"
    assert whole in text
    huge = text.replace(whole, 'return app.response_class((b"x" * 65536 for _ in range(3200)), mimetype="text/plain")')
    (folder / "app.py").write_text(huge)
    with stack_in(folder, "--no-wait-hpa") as stack:
        ran = stack.shelterctl("up", output="jsonl", timeout_s=UP_S)
        assert any("a marked write to /api/items was taken, and GET /api/items/{id} has it" in title for title in ran.titles), ran.shown()
        result = stack.shelterctl("chaos", "kill-db").result
        assert result["judgement"]["verdict"] == "PASS"
        assert "GET /api/items: too large (more than 32 MiB); each write is read by its id instead" in result["notes"]

        (folder / "app.py").write_text(huge.replace('    @app.get("/api/items/<item_id>")\n', ""))
        stack.shelterctl("up", timeout_s=UP_S)
        result = stack.shelterctl("chaos", "kill-db", expect=7).result
        assert (result["data"]["verdict"], result["service"]["verdict"]) == ("PASS", "UNKNOWN")
        assert result["service"]["reasons"][0]["text"] == (
            "read in the database; through the service: GET /api/items: too large (more than 32 MiB)"
        )


@pytest.mark.timeout(400)
def test_a_guestbook_in_mysql_is_kept_by_a_mariadb_of_this_machine(tmp_path: Path) -> None:
    if mariadb.programs() is None:
        pytest.skip(f"no MariaDB is here: {mariadb.INSTALL}")
    folder = copied(tmp_path, "guestbook")
    (folder / "shelterctl.toml").write_text('[stack]\nmanifests = ["k8s"]\n')
    with stack_in(folder, "--no-wait-hpa") as stack:
        stack.shelterctl("up", timeout_s=UP_S)
        killed = stack.shelterctl("chaos", "kill-db").result
        assert killed["judgement"]["verdict"] == "PASS"
        assert killed["server"].startswith("MariaDB")
        assert killed["acknowledged"] > 20
        stack.shelterctl("down")
        stack.shelterctl("up", timeout_s=UP_S)
        again = stack.shelterctl("chaos", "kill-db").result
        assert again["judgement"]["verdict"] == "PASS"
        assert again["prior"] > 20
        stack.shelterctl("down", "--delete-data", "--yes")
        assert left_of(stack.home) == []


@pytest.mark.parametrize(
    ("name", "what", "beside"),
    [
        ("adoption", "Deployment/adoption-db, which is mysql", "Deployment/adoption-frontend, a front end"),
        ("guestbook", "Deployment/mysql, which is mysql", ""),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_starts(tmp_path: Path, name: str, what: str, beside: str) -> None:
    if mariadb.programs() is not None:
        pytest.skip("MariaDB is here, so that a MySQL can be had")
    with stack_in(copied(tmp_path, name)) as stack:
        ran = stack.shelterctl("up", expect=3)
        assert what in ran.error["what"]
        assert "nothing was started" in ran.error["why"]
        assert beside in " ".join(ran.error["details"])
        assert not stack.home.exists()


def test_what_pip_says_is_the_cause(notes: Stack) -> None:
    (notes.shelterctl.folder / "requirements.txt").write_text("Flask==0.0.99\n")
    ran = notes.shelterctl("up", expect=3, timeout_s=UP_S)
    assert ran.error["what"].startswith("the application's packages cannot be installed for Python")
    assert "Flask==0.0.99" in ran.error["why"]


def test_a_database_that_no_variable_names_is_refused(notes: Stack) -> None:
    folder = notes.shelterctl.folder
    for file, old, new in (
        ("app.py", 'os.environ.get("MONGODB_URI", "mongodb://localhost:27017/")', '"mongodb://mongo-service:27017/"'),
        ("k8s/flask-deployment.yaml", "name: MONGODB_URI", "name: GREETING"),
        ("k8s/flask-deployment.yaml", "mongodb://admin:notes-example@mongo-service:27017/flask_db?authSource=admin", "hello"),
    ):
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))
    assert "no variable of the application names its database" in notes.shelterctl("up", expect=3).error["what"]
