"""PostgreSQL read by psql as in a pod: the scripts that the pod would get, in a container of the database of examples/ledger."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from shelterctl.adapters.documents.client import Client, Login
from shelterctl.adapters.documents.tokens import spoken
from shelterctl.adapters.kube.own.postgres import PostgresShell
from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.stack.exchange import token
from shelterctl.errors import ApiRejected
from shelterctl.ops.chaos.shutdown_line import unclean
from tests.cluster.commands import wait_until
from tests.local.clients import Server, server

pytestmark = pytest.mark.local

IMAGE = "shelterctl-test-postgres"
#: With all that a shell, a URI and SQL would take for their own.
PASSWORD = "p'w \"x\\t$HOME :y@"
MARK = token("abcdefghijk", 1)
OTHER = token("abcdefghijk", 2)
PREFIX = MARK[:12]
SCHEMA = f"""
CREATE DOMAIN title AS varchar(60);
CREATE TABLE entries (
  id serial PRIMARY KEY, note text, fixed char(40), kept jsonb, words text[], heading title, hidden name, raw bytea, price numeric(8, 2)
);
INSERT INTO entries (note, price) VALUES ('ä {MARK} "quoted"', 12.00), ('{OTHER}', 13);
INSERT INTO entries (kept) VALUES ('{{"name": "{MARK}", "price": 12}}');
INSERT INTO entries (fixed) VALUES ('{MARK}');
INSERT INTO entries (words) VALUES ('{{one,{MARK}}}');
INSERT INTO entries (heading) VALUES ('{MARK}');
INSERT INTO entries (hidden, raw) VALUES ('{MARK}', '{MARK}');
CREATE VIEW shown AS SELECT note FROM entries;
CREATE TABLE parts (day int, note text) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (1, '{MARK}');
CREATE SCHEMA "Odd ""one";
CREATE TABLE "Odd ""one"."we're\\here" ("a""\\b" text, told json);
INSERT INTO "Odd ""one"."we're\\here" VALUES (E'\\'\\\\{MARK}', E'{{\\n"a":\\r\\n 1}}'), ('{MARK}', NULL), ('none', NULL);
"""


@pytest.fixture(scope="module")
def database(need_docker: Callable[..., None]) -> Iterator[Server]:
    need_docker("debian:trixie-slim")
    folder = Path(__file__).parents[2] / "examples" / "ledger" / "db"
    subprocess.run(["docker", "build", "--quiet", "--tag", IMAGE, str(folder)], check=True, capture_output=True, timeout=500)
    settings = {"POSTGRES_USER": "ledger", "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "ledger"}
    with server(IMAGE, settings, ["psql", "-U", "ledger", "-c", "SELECT 1"]) as found:
        query(found, SCHEMA)
        query(found, 'CREATE DATABASE "an other=\\one"')
        query(found, 'ALTER DATABASE "an other=\\one" SET standard_conforming_strings = off')
        query(found, f'CREATE TABLE "b\\" ("c\'" varchar); INSERT INTO "b\\" VALUES (\'{OTHER}\')', "dbname='an other=\\\\one'")
        query(found, "CREATE DATABASE closed")
        query(found, "ALTER DATABASE closed ALLOW_CONNECTIONS false")
        query(found, "CREATE ROLE reader LOGIN PASSWORD 'given by a secret'")
        query(found, "GRANT SELECT ON entries TO reader")
        yield found


def query(found: Server, statement: str, base: str = "ledger") -> str:
    code, out, err = found(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "ledger", "-d", base, "-c", statement])
    assert code == 0, err
    return out


def shell(found: Server, login: Login | None = None, /, **environment: str) -> PostgresShell:
    return PostgresShell(Client(Server(found.name, environment), login))


def test_a_text_is_found_in_every_column_that_can_hold_it_and_once_for_each_row(database: Server) -> None:
    places = [spoken(place) for place in shell(database).locate(MARK)]
    assert sorted(places) == sorted(
        [
            *(f"ledger.public.entries:{column}" for column in ("note", "kept", "fixed", "words", "heading")),
            "ledger.public.parts:note",
            'ledger.Odd "one.we\'re\\here:a"\\b',
            'ledger.Odd "one.we\'re\\here:a"\\b',
        ]
    )
    assert shell(database).locate("t%") == shell(database).locate("t_bcd") == []


def test_names_and_texts_are_quoted_whatever_the_server_takes_backslashes_for(database: Server) -> None:
    """In one database a backslash is a letter in a plain text, in the other one it is not."""
    found = shell(database).locate(OTHER)
    assert found == [("ledger", "public", "entries", "note"), ("an other=\\one", "public", "b\\", "c'")]
    assert [row for _, row in shell(database).read(found[1], PREFIX, 5)] == [{"c'": OTHER}]
    for text in ("\\", "'", "\\'", "''; DROP TABLE entries; --", "$$", "\\047"):
        assert shell(database).locate(text + MARK) == ([("ledger", 'Odd "one', "we're\\here", 'a"\\b')] if text in ("\\",) else [])


def test_rows_are_read_by_their_key_with_what_is_around_the_text(database: Server) -> None:
    asked = shell(database)
    rows = asked.read(("ledger", "public", "entries", "note"), PREFIX, 5)
    assert [(key, row["note"], row["price"]) for key, row in rows] == [("[1]", f'ä {MARK} "quoted"', 12.0), ("[2]", OTHER, 13.0)]
    assert "raw" not in rows[0][1]
    assert len(asked.read(("ledger", "public", "entries", "note"), "", 2)) == 3
    ((_, row),) = asked.read(("ledger", "public", "entries", "kept"), PREFIX, 5)
    text, around = asked.field(row, ("ledger", "public", "entries", "kept"))
    assert MARK in str(text)
    assert (around["name"], around["price"]) == (MARK, 12)


def test_rows_without_a_key_and_with_line_breaks_within_json(database: Server) -> None:
    rows = shell(database).read(("ledger", 'Odd "one', "we're\\here", 'a"\\b'), PREFIX, 5)
    assert [(row['a"\\b'], row["told"]) for _, row in rows] == [("'\\" + MARK, {"a": 1}), (MARK, None)]


def test_only_the_named_place_is_looked_at(database: Server) -> None:
    assert [spoken(place) for place in shell(database).locate(MARK, "entries:kept")] == ["ledger.public.entries:kept"]
    assert shell(database).locate(MARK, "public.entries:hidden") == []


def test_nothing_can_be_written(database: Server) -> None:
    with pytest.raises(ApiRejected) as refused:
        shell(database)._rows("", "DELETE FROM entries RETURNING to_json(id)")
    assert "read-only transaction" in refused.value.why


def test_the_process_is_known_by_its_start_and_its_end_by_its_log(database: Server) -> None:
    before = shell(database).identity()
    assert before == shell(database).identity()
    assert before[2].startswith("PostgreSQL 17.")
    assert unclean(database.docker("logs").splitlines(), before[2]) == ""
    database.docker("kill", "--signal", "KILL")
    database.docker("start")
    wait_until(lambda: database(["psql", "-U", "ledger", "-c", "SELECT 1"])[0] == 0, "the database again", timeout_s=60)
    after = shell(database).identity()
    assert DatabaseIdentity(before[0], before[1]).is_still(DatabaseIdentity(after[0], after[1])) is False
    assert "not properly shut down" in unclean(database.docker("logs").splitlines(), after[2])


def test_a_server_that_acknowledges_before_it_writes_says_so(database: Server) -> None:
    query(database, "ALTER ROLE reader SET synchronous_commit = off")
    assert shell(database).identity()[2].endswith(" (synchronous_commit=off)")
    query(database, "ALTER ROLE reader RESET synchronous_commit")
    assert "synchronous_commit" not in shell(database).identity()[2]


@pytest.fixture
def over_tcp(database: Server) -> Iterator[Server]:
    """The socket asks for the password, too."""
    query(database, "SELECT 1")
    database(["sed", "-i", "s/^local\\(.*\\)trust$/local\\1scram-sha-256/", "/var/lib/postgresql/data/pgdata/pg_hba.conf"])
    query(database, "SELECT pg_reload_conf()")
    yield database
    database(["sed", "-i", "s/^local\\(.*\\)scram-sha-256$/local\\1trust/", "/var/lib/postgresql/data/pgdata/pg_hba.conf"])
    database.docker("kill", "--signal", "HUP")


def test_the_password_of_the_container_or_of_a_secret_lets_in_and_no_other_does(over_tcp: Server) -> None:
    def user(asked: PostgresShell) -> str:
        return str(asked._rows("ledger", "SELECT to_json(current_user::text)")[0])

    nothing = dict.fromkeys(("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"), "")
    assert user(shell(over_tcp)) == "ledger"
    code, _, err = over_tcp(["sh", "-c", 'umask 077; printf "%s\n" "$POSTGRES_PASSWORD" >/tmp/password; echo ledger >/tmp/user'])
    assert code == 0, err
    files = {"POSTGRES_PASSWORD_FILE": "/tmp/password", "POSTGRES_USER_FILE": "/tmp/user"}
    assert user(shell(over_tcp, **{**nothing, **files})) == "ledger"
    assert user(shell(over_tcp, **{**nothing, "POSTGRESQL_USERNAME": "ledger", "POSTGRESQL_PASSWORD": PASSWORD})) == "ledger"
    assert user(shell(over_tcp, Login("reader", "given by a secret"), **nothing)) == "reader"
    for wrong in (shell(over_tcp, **nothing), shell(over_tcp, Login("reader", PASSWORD)), shell(over_tcp, POSTGRES_PASSWORD="wrong")):
        with pytest.raises(ApiRejected) as refused:
            wrong.identity()
        assert "password authentication failed" in refused.value.why or "no password supplied" in refused.value.why
        assert PASSWORD not in refused.value.why


def test_a_user_of_few_rights_finds_what_it_may_read(database: Server) -> None:
    found = shell(database, Login("reader", "given by a secret")).locate(MARK)
    assert {place[2] for place in found} == {"entries"}


def test_no_password_is_in_a_command_line(database: Server) -> None:
    """Of the command that goes into the pod, of the shell that it starts, and of psql."""
    folder = "/tmp/stand-in"
    psql = "#!/bin/sh\nfor id in $$ $PPID; do tr '\\0' ' ' </proc/$id/cmdline >&2; done\nprintf %s \"$PGPASSWORD\" >/tmp/given\nexit 1\n"
    code, _, err = database(["sh", "-c", 'mkdir -p "$1"; printf %s "$2" >"$1/psql"; chmod +x "$1/psql"', "sh", folder, psql])
    assert code == 0, err
    watched = Server(database.name, {"PATH": f"{folder}:/usr/bin:/bin"})
    login = Login("reader", "given by a secret")
    seen: list[str] = []

    def run(command: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
        seen.extend(command)
        code, out, err = watched(command, stdin)
        seen.append(err)
        return code, out, err

    for given in (login, None):
        with pytest.raises(ApiRejected):
            PostgresShell(Client(run, given)).identity()
        password = given.password if given is not None else PASSWORD
        assert database(["cat", "/tmp/given"])[1] == password
        assert any("psql -X -w" in word for word in seen)
        assert not [word for word in seen if password in word]
