"""The stacks under examples/, read as their owners' folders are: the parts, the requests, the findings, what can be proved."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from shelterctl.adapters.stack import config, reader
from shelterctl.cli.render import init
from shelterctl.core.stack import exchange
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Engine, Weight
from shelterctl.errors import UsageError
from tests.stack.broken import EXAMPLES, FAULTS, broken

pytestmark = pytest.mark.unit

UNDERSTOOD = sorted(path.parent.name for path in EXAMPLES.glob("*/expected.toml") if "\napp = " in path.read_text())


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_an_example_is_understood_as_its_expected_toml_says(name: str) -> None:
    stack = reader.read(EXAMPLES / name)
    roles, write, read, service = stack.roles, stack.requests.write, stack.requests.read, stack.app_service
    assert roles.app is not None
    assert roles.database is not None
    assert roles.engine is not None
    assert write is not None
    assert read is not None
    assert service is not None
    assert tomllib.loads((EXAMPLES / name / "expected.toml").read_text()) == {
        "app": roles.app.key,
        "database": roles.database.key,
        "engine": roles.engine.value,
        "front_ends": [front.key for front in roles.front_ends],
        "service": service.name,
        "reached": service.kind,
        "write": f"POST {write.path}",
        "write_origin": str(write.origin),
        "fields": exchange.template(write),
        "read": f"GET {read.path}",
        "questions": [question.setting for question in stack.questions],
        "possible": [claim.claim for claim in inspect(stack).claims if claim.possible],
        "findings": sorted({finding.code for finding in stack.findings}),
        "images": {image: build.dockerfile for image, build in stack.built.items()},
    }


def test_every_stack_in_examples_has_what_is_expected_of_it() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {*UNDERSTOOD, "broken", "kustomized", "liars", "liars-mysql"}
    assert [name for name in sorted(folders) if not (EXAMPLES / name / "README.md").is_file()] == []


def test_the_notes_are_understood() -> None:
    stack = reader.read(EXAMPLES / "notes")
    roles = stack.roles
    assert (roles.app and roles.app.key, roles.database and roles.database.key, roles.engine) == (
        "Deployment/flask-app",
        "StatefulSet/mongo",
        Engine.MONGODB,
    )
    assert stack.app_service is not None
    assert (stack.app_service.name, stack.app_service.ports) == ("flask-service", ((5000, "5000", 30080),))
    assert {name: build.dockerfile for name, build in stack.built.items()} == {"notes-app:1.0": "Dockerfile"}
    write, read = stack.requests.write, stack.requests.read
    assert write is not None
    assert read is not None
    assert (write.path, write.verbatim, str(write.origin), read.path) == ("/data", True, "app.py:20", "/data")
    assert not stack.questions
    assert [claim.claim for claim in inspect(stack).claims if claim.possible] == [
        "deploys", "scales", "keeps its data", "resolves its names",
    ]  # fmt: skip
    codes = {finding.code for finding in stack.findings}
    assert codes >= {
        "replicas-beside-hpa", "app-no-readiness", "acknowledged-before-journaled", "reads-everything", "claim-unused", "volume-unused",
        "pod-names-unresolvable", "password-in-clear", "development-server", "driver-default-timeout",
    }  # fmt: skip
    assert not [finding for finding in stack.findings if finding.weight is Weight.BLOCKS]


def test_nothing_secret_is_in_what_is_told() -> None:
    assert "notes-example" not in repr(inspect(reader.read(EXAMPLES / "notes")))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_cause_and_nothing_else_is(fault: str, tmp_path: Path) -> None:
    folder, expected = broken(fault, tmp_path)
    stack = reader.read(folder)
    blocking = {finding.code for finding in stack.findings if finding.weight is Weight.BLOCKS}
    if "finding" not in expected:
        assert {finding.code for finding in stack.findings} == {finding.code for finding in reader.read(EXAMPLES / "notes").findings}
        assert expected["up"]["says"]
        return
    found = [finding for finding in stack.findings if finding.code == expected["finding"]]
    assert found, [f"{finding.code}: {finding.what}" for finding in stack.findings]
    assert expected["says"] in found[0].what
    assert found[0].weight.value == expected["weight"]
    if "origin" in expected:
        assert str(found[0].origin) == expected["origin"]
    assert blocking <= {expected["finding"]}


def test_the_guestbook_is_understood_and_asks_which_folder_is_meant() -> None:
    stack = reader.read(EXAMPLES / "guestbook")
    assert [question.choices for question in stack.questions] == [("cloud-manifests", "k8s")]
    assert stack.manifests.folders == ("k8s",)
    assert stack.roles.engine is Engine.MYSQL
    assert {name: build.dockerfile for name, build in stack.built.items()} == {"someuser/guestbook:latest": "Dockerfile"}
    write, read = stack.requests.write, stack.requests.read
    assert write is not None
    assert read is not None
    assert (write.path, write.body.value, write.keys, write.redirects, read.path, read.html) == (
        "/submit", "form", ("message",), True, "/", True,
    )  # fmt: skip
    assert {"image-always-pulled", "database-rolls", "no-hpa"} <= {finding.code for finding in stack.findings}


def test_the_liars_are_understood() -> None:
    stack = reader.read(EXAMPLES / "liars")
    assert stack.roles.app is not None
    assert (stack.roles.app.key, stack.roles.engine) == ("Deployment/liars", Engine.MONGODB)
    assert "connects-at-import" in {finding.code for finding in stack.findings}


def test_the_ledger_is_understood() -> None:
    stack = reader.read(EXAMPLES / "ledger")
    roles = stack.roles
    assert roles.app is not None
    assert roles.database is not None
    assert (roles.app.key, roles.database.key, roles.engine) == ("Deployment/ledger", "StatefulSet/ledger-db", Engine.POSTGRESQL)
    assert roles.reasons["StatefulSet/ledger-db"] == "image ledger-db:1.0, whose db/Dockerfile installs postgresql-17"
    assert {name: build.dockerfile for name, build in stack.built.items()} == {
        "ledger-web:1.0": "Dockerfile",
        "ledger-db:1.0": "db/Dockerfile",
    }
    assert stack.data_path == "/var/lib/postgresql/data/pgdata"
    write, read = stack.requests.write, stack.requests.read
    assert write is not None
    assert read is not None
    assert (write.path, set(write.keys), write.body.value, read.path) == ("/entries", {"account", "amount"}, "json", "/entries")
    assert exchange.template(write) == {"account": "{token}", "amount": "{n}"}
    assert all(claim.possible for claim in inspect(stack).claims)
    assert {finding.code for finding in stack.findings} == {"reads-everything", "secret-in-files"}
    assert not stack.questions


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('engine = "postgres"', "[database] engine = 'postgres' (did you mean postgresql?)"),
        ('place = "entries"', "[database] place = 'entries'"),
        ('place = "a:b:c"', "[database] place = 'a:b:c'"),
        ('credentials = "root"', "[database] credentials = 'root'"),
        ('secret = "ledger-database/username"', "[database] secret = 'ledger-database/username'"),
        ('credentials = "pod"\nsecret = "a/b/c"', "[database] secret = 'a/b/c'"),
        ('driver_timeout = "soon"', "[database] driver_timeout = 'soon'"),
    ],
)
def test_what_cannot_be_meant_of_the_database_is_told_before_anything_runs(line: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "shelterctl.toml").write_text(f"[database]\n{line}\n")
    with pytest.raises(UsageError, match=re.escape(what)):
        config.read(tmp_path)


def test_what_the_owner_says_of_the_database_counts(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "ledger", tmp_path / "ledger")
    text = (tmp_path / "ledger" / "db" / "Dockerfile").read_text()
    # A server of one's own making, which nothing names.
    (tmp_path / "ledger" / "db" / "Dockerfile").write_text(text.replace("postgresql-17", "own-server"))
    settled = (
        '[stack]\ndatabase = "StatefulSet/ledger-db"\n[database]\nengine = "postgresql"\nplace = "entries:account"\nsecret = "a/b/c"\n'
    )
    (tmp_path / "ledger" / "shelterctl.toml").write_text(settled)
    assert reader.read(tmp_path / "ledger").roles.engine is Engine.POSTGRESQL
    assert config.read(tmp_path / "ledger").database_facts == {"engine": "postgresql", "place": "entries:account", "secret": "a/b/c"}


def test_the_catalog_is_understood() -> None:
    stack = reader.read(EXAMPLES / "catalog")
    assert stack.namespaces == ("web", "data")
    assert stack.roles.database is not None
    assert "it names the database's Service" in stack.roles.reasons["Deployment/catalog"]
    write, read, one = stack.requests.write, stack.requests.read, stack.requests.read_one
    assert write is not None
    assert read is not None
    assert one is not None
    assert (set(write.keys), read.path, one.path) == ({"name", "price", "description"}, "/api/items", "/api/items/<item_id>")
    assert exchange.template(write) == {"name": "{token}", "price": "{n}", "description": "n{n}"}
    codes = {finding.code for finding in stack.findings}
    assert not codes & {"acknowledged-before-journaled", "app-no-readiness", "development-server", "driver-default-timeout"}
    assert all(claim.possible for claim in inspect(stack).claims)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('[stack]\napp = "Deployment/flaskapp"\n', "[stack] app = Deployment/flaskapp: the stack has none of that name (did you mean"),
        ('[stack]\ndatabase = "StatefulSet/postgres"\n', "[stack] database = StatefulSet/postgres: the stack has none of that name"),
        ('[stack]\nservice = "web:80"\n', "[stack] service = web: the stack has none of that name"),
        ('[stack]\nservice = "web:http"\n', "[stack] service = 'web:http'"),
        ('[stack]\nservice = "mongo-service"\n', "[stack] service = mongo-service: its selector does not lead to Deployment/flask-app"),
        ('[stack]\nservice = "flask-service:80"\n', "[stack] service = flask-service:80: Service flask-service has no port 80"),
        ('[[stack.image]]\nname = "other:1.0"\n', "[[stack.image]] name = other:1.0: the stack has none of that name"),
    ],
)
def test_a_file_that_names_what_is_not_there_is_not_passed_over(line: str, what: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "notes", tmp_path / "notes")
    (tmp_path / "notes" / "shelterctl.toml").write_text(line)
    with pytest.raises(UsageError, match=re.escape(what)):
        reader.read(tmp_path / "notes")


@pytest.mark.parametrize(
    ("line", "by_id", "pointer"),
    [
        ("", False, None),
        ('[reads]\nfinds = "one"\n', True, None),
        ('[reads]\nrequest = "GET /api/items/{id}"\n[writes]\nid = "/id"\n', True, "/id"),
        ('[reads]\nrequest = "GET /api/items"\nfinds = "all"\n', False, None),
    ],
)
def test_the_catalog_can_be_read_one_by_one(line: str, pointer: str | None, tmp_path: Path, *, by_id: bool) -> None:
    folder = tmp_path / "catalog"
    shutil.copytree(EXAMPLES / "catalog", folder)
    if line:
        (folder / "shelterctl.toml").write_text(line)
    stack, settled = reader.read(folder), config.read(folder)
    found = exchange.of(stack, settled.writes, settled.reads)
    assert found.read is not None
    assert found.one is not None
    assert (found.by_id, found.read.path, found.one.path, found.one.pointer) == (by_id, "/api/items", "/api/items/{id}", pointer)


def test_what_init_writes_of_the_reads_is_what_it_would_take(tmp_path: Path) -> None:
    """With a collection, reading by id is a comment; without one it is the way."""
    folder = tmp_path / "catalog"
    shutil.copytree(EXAMPLES / "catalog", folder)
    text = init.toml(reader.read(folder), {}, ())
    assert '# request = "GET /api/items/{id}"' in text
    source = (folder / "app.py").read_text()
    (folder / "app.py").write_text(source.replace('    @app.get("/api/items")\n', ""))
    stack = reader.read(folder)
    (folder / "shelterctl.toml").write_text(init.toml(stack, {}, ()))
    settled = config.read(folder)
    assert (settled.reads["request"], settled.reads["finds"], settled.writes["id"]) == ("GET /api/items/{id}", "one", "/id")
    assert exchange.of(reader.read(folder), settled.writes, settled.reads).by_id
    (keeps,) = [claim for claim in inspect(stack).claims if claim.claim == "keeps its data"]
    assert any("each write is read by its id: GET /api/items/<item_id>, with the id at /id" in limit for limit in keeps.limits)


def test_whom_a_policy_lets_in_is_told_and_that_it_may_bind_nobody() -> None:
    told = inspect(reader.read(EXAMPLES / "adoption"))
    (fact,) = [fact for fact in told.facts if "NetworkPolicy" in fact.text]
    assert (fact.text, str(fact.origin)) == (
        "NetworkPolicy adoption-db-from-backend lets in pods with app=adoption-backend",
        "kubernetes/database-networkpolicy.yaml:5",
    )
    assert "or nobody does: shelterctl doctor says which" in fact.why


REPLICA_SET = ("k8s/app", "k8s/database/setup.yaml", "variants/replica-set")


def test_a_replica_set_is_read_and_its_kill_is_no_promise() -> None:
    stack = reader.read(EXAMPLES / "notes-003", manifests=REPLICA_SET)
    database = stack.roles.database
    assert database is not None
    assert (database.key, database.replicas, str(database.origin)) == ("StatefulSet/mongo", 3, "variants/replica-set/statefulset.yaml:4")
    assert stack.roles.engine is Engine.MONGODB
    assert [service.headless for service in stack.services_of(database)] == [True]
    assert not [finding.what for finding in stack.findings if finding.weight is Weight.BLOCKS]
    assert [claim.claim for claim in inspect(stack).claims if claim.possible] == ["deploys", "scales", "resolves its names"]
    (keeps,) = [claim.text for claim in inspect(stack).claims if not claim.possible]
    assert keeps == "StatefulSet/mongo runs 3 pods: to kill one of several shows a failover, which is another experiment"


def test_a_member_that_is_not_headless_is_no_member(tmp_path: Path) -> None:
    """Without a headless Service no member finds another: their names do not resolve."""
    shutil.copytree(EXAMPLES / "notes-003", tmp_path / "notes")
    members = tmp_path / "notes" / "variants" / "replica-set" / "statefulset.yaml"
    members.write_text(members.read_text().replace("  clusterIP: None\n", ""))
    stack = reader.read(tmp_path / "notes", manifests=REPLICA_SET)
    assert any(finding.what == "mongo-0.mongo does not resolve: Service mongo is not headless" for finding in stack.findings)


def test_a_guestbook_that_names_its_database_by_the_services_address_is_told_so(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "guestbook", tmp_path / "guestbook")
    (tmp_path / "guestbook" / "shelterctl.toml").write_text('[stack]\nmanifests = ["k8s"]\n')
    app = tmp_path / "guestbook" / "k8s" / "app.yaml"
    app.write_text(app.read_text().replace("value: mysql\n", "value: 10.103.44.17\n"))
    (found,) = [finding for finding in reader.read(tmp_path / "guestbook").findings if finding.weight is Weight.BLOCKS]
    assert (found.code, str(found.origin), found.mend) == ("database-by-address", "k8s/app.yaml:23", "its Service is mysql")
    assert found.what == "MYSQL_HOST of Deployment/guestbook names its database by an address, 10.103.44.17"
