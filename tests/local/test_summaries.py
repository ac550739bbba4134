"""Whole databases summed up as in a pod: the scripts that the pod would get, in containers of the databases."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shelterctl.adapters.documents.client import Client, Login
from shelterctl.adapters.documents.sql import SqlShell
from shelterctl.adapters.documents.tokens import Shell
from shelterctl.adapters.kube.own.mongo import MongoShell
from shelterctl.adapters.kube.own.postgres import PostgresShell
from shelterctl.core.faults.summary import Course, DatabaseSummary, compare
from tests.cluster.commands import wait_until
from tests.local.clients import Server, server

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]

PASSWORD = "p'w \"x$HOME"
MONGO = """
const uri = "mongodb://root:" + encodeURIComponent(process.env.MONGO_INITDB_ROOT_PASSWORD) + "@127.0.0.1/?authSource=admin";
const base = new Mongo(uri).getDB("things");
"""


def courses(one: DatabaseSummary, other: DatabaseSummary) -> dict[str, Course]:
    return {table.name: table.course for table in compare([one], [other]).tables}


def after_kill(found: Server, shell: Shell) -> DatabaseSummary:
    """The server's process is killed, and starts anew on the same folder."""
    found.docker("kill", "--signal", "KILL")
    found.docker("start")
    summaries: list[DatabaseSummary] = []

    def answers() -> bool:
        try:
            summaries.append(shell.summary())
        except Exception:  # noqa: BLE001 - not there yet
            return False
        return True

    wait_until(answers, "an answer after the kill", timeout_s=60)
    return summaries[-1]


def test_collections_are_counted_and_their_documents_compared(need_docker: Callable[..., None]) -> None:
    need_docker("mongo:8")
    settings = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": PASSWORD}

    def said(text: str) -> None:
        code, _, err = found(["mongosh", "--quiet", "--nodb", "--eval", MONGO + text])
        assert code == 0, err

    seed = "base.notes.insertMany([{n: 1}, {n: NumberLong(2)}]); base.pets.insertOne({name: 'Rex'}); base.gone.insertOne({});"
    with server("mongo:8", settings, ["mongosh", "--quiet", "--nodb", "--eval", MONGO + "base.runCommand({ping: 1})"]) as found:
        said(seed)
        shell = MongoShell(Client(found))
        before = shell.summary()
        assert (before.words, before.row) == ("3 collections with 4 documents", "document")
        assert all(table.checksum for table in before.tables)
        assert shell.summary() == before
        assert after_kill(found, shell) == before
        said("base.notes.updateOne({n: 1}, {$set: {n: 3}}); base.pets.deleteOne({}); base.gone.drop(); base.came.insertOne({});")
        assert courses(before, shell.summary()) == {
            "things.notes": Course.CHANGED, "things.pets": Course.SHRUNK, "things.gone": Course.GONE, "things.came": Course.NEW,
        }  # fmt: skip


def test_tables_of_mariadb_are_counted_and_their_rows_compared(need_docker: Callable[..., None]) -> None:
    need_docker("mariadb:11")
    ping = ["sh", "-c", 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -h 127.0.0.1 -u root things -e "SELECT 1"']

    def said(text: str) -> None:
        code, _, err = found(["sh", "-c", 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -u root things -e "$1"', "sh", text])
        assert code == 0, err

    with server("mariadb:11", {"MARIADB_ROOT_PASSWORD": PASSWORD, "MARIADB_DATABASE": "things"}, ping) as found:
        said("CREATE TABLE notes (n int, body blob, f double); INSERT INTO notes VALUES (1, x'00ff', 0.1), (2, NULL, NULL);")
        said("CREATE TABLE `we``re here` (t text); INSERT INTO `we``re here` VALUES ('a'); CREATE VIEW seen AS SELECT * FROM notes;")
        said("CREATE TABLE gone (n int); CREATE TABLE memo (n int) ENGINE=MEMORY; INSERT INTO memo VALUES (1);")
        said("CREATE TABLE loose (n int PRIMARY KEY); INSERT INTO loose VALUES (2), (1);")
        shell = SqlShell(Client(found))
        before = shell.summary()
        assert before.words == "5 tables with 6 rows"
        assert {table.name: table.volatile for table in before.tables}["things.memo"] == "engine MEMORY"
        assert shell.summary() == before
        # An order of its own changes nothing.
        said("DELETE FROM notes WHERE n = 1; INSERT INTO notes VALUES (1, x'00ff', 0.1);")
        assert shell.summary() == before
        killed = courses(before, after_kill(found, shell))
        assert killed.pop("things.memo") is Course.SHRUNK
        assert set(killed.values()) == {Course.SAME}
        said("UPDATE notes SET body = 'x' WHERE n = 1; DELETE FROM `we``re here`; DROP TABLE gone; INSERT INTO loose VALUES (7);")
        found_now = courses(before, shell.summary())
        assert found_now == {
            "things.notes": Course.CHANGED, "things.we`re here": Course.SHRUNK, "things.gone": Course.GONE, "things.loose": Course.GROWN,
            "things.memo": Course.SHRUNK,
        }  # fmt: skip
        said("SET GLOBAL event_scheduler = ON; CREATE EVENT sweep ON SCHEDULE EVERY 1 DAY DO DELETE FROM loose;")
        assert {table.leaving for table in shell.summary().tables} == {"a scheduled event"}


def test_tables_of_postgresql_are_counted_and_their_rows_compared(need_docker: Callable[..., None]) -> None:
    need_docker("debian:trixie-slim")
    folder, image = Path(__file__).parents[2] / "examples" / "ledger" / "db", "shelterctl-test-postgres"
    subprocess.run(["docker", "build", "--quiet", "--tag", image, str(folder)], check=True, capture_output=True, timeout=500)
    settings = {"POSTGRES_USER": "ledger", "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "ledger"}

    def said(text: str) -> None:
        code, _, err = found(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "ledger", "-d", "ledger", "-c", text])
        assert code == 0, err

    with server(image, settings, ["psql", "-U", "ledger", "-c", "SELECT 1"]) as found:
        said("CREATE TABLE notes (n int, body bytea, f float8); INSERT INTO notes VALUES (1, '\\x00ff', 0.1), (2, NULL, NULL)")
        said('CREATE SCHEMA "o""dd"; CREATE TABLE "o""dd"."we\'re" (t json); INSERT INTO "o""dd"."we\'re" VALUES (\'{"a": 1}\')')
        said(
            "CREATE TABLE gone (n int); CREATE UNLOGGED TABLE loose (n int); INSERT INTO loose VALUES (1); CREATE VIEW seen AS TABLE notes"
        )
        said("CREATE TABLE parts (day int) PARTITION BY RANGE (day); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)")
        said("INSERT INTO parts VALUES (1), (2); CREATE ROLE reader LOGIN PASSWORD 'given'; GRANT SELECT ON notes TO reader")
        shell = PostgresShell(Client(found))
        before = shell.summary()
        ours = {table.name.removeprefix("ledger."): table for table in before.tables if not table.name.startswith("ledger.public.entries")}
        assert {name: table.rows for name, table in ours.items()} == {
            "public.notes": 2, 'o"dd.we\'re': 1, "public.gone": 0, "public.loose": 1, "public.parts": 2,
        }  # fmt: skip
        assert ours["public.loose"].volatile
        said("DELETE FROM notes WHERE n = 1; INSERT INTO notes VALUES (1, '\\x00ff', 0.1)")
        assert shell.summary() == before
        few = PostgresShell(Client(found, Login("reader", "given"))).summary()
        assert "ledger.public.gone" in few.unread
        assert [table.name for table in few.tables] == ["ledger.public.notes"]
        killed = courses(before, after_kill(found, shell))
        assert killed.pop("ledger.public.loose") is Course.SHRUNK
        assert set(killed.values()) == {Course.SAME}
        said("UPDATE notes SET f = 0.2 WHERE n = 1; DELETE FROM parts WHERE day = 1; DROP TABLE gone")
        found_now = courses(before, shell.summary())
        assert found_now["ledger.public.notes"] is Course.CHANGED
        assert found_now["ledger.public.parts"] is Course.SHRUNK
        assert found_now["ledger.public.gone"] is Course.GONE
