"""MySQL and MariaDB take capitals and small letters for the same in most columns: a token is another one in capitals all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shelterctl.adapters.documents.client import Client, Exec
from shelterctl.adapters.documents.sql import SqlShell
from shelterctl.core.stack.exchange import token
from tests.local.clients import server

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]

RUN = "abcdefghijk"
PASSWORD = "p'w \"x$HOME"


def said_by(run: Exec, client: str, text: str) -> None:
    code, _, err = run(["sh", "-c", f'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" {client} -u root things -e "$1"', "sh", text])
    assert code == 0, err


def only_the_exact_text_is_found(run: Exec, said: Callable[[str], None]) -> None:
    """In columns of each kind: a token in capitals is not the token."""
    said("CREATE TABLE kept (id int PRIMARY KEY, t varchar(60), l varchar(60) CHARACTER SET latin1, u text CHARACTER SET utf8mb3, j json)")
    mark, other, shell = token(RUN, 1), token(RUN, 2), SqlShell(Client(run))
    for number, text in enumerate((mark, other.upper(), f"<b>{mark}</b> é")):
        said(f"INSERT INTO kept VALUES ({number}, '{text}', '{text}', '{text}', '{{\"n\": \"{text}\"}}')")
    found = [place for place in shell.locate(mark) if place[1] == "kept"]
    assert sorted(found) == sorted([("things", "kept", column) for column in "tluj"] * 2)
    assert shell.locate(mark.upper()) == []
    assert shell.locate(other) == []
    assert {place[2] for place in shell.locate(other.upper())} == set("tluj")
    for column in "tluj":
        assert [key for key, _ in shell.read(("things", "kept", column), f"t{RUN}", 9)] == ["[0]", "[2]"]
        assert [key for key, _ in shell.read(("things", "kept", column), f"T{RUN.upper()}", 9)] == ["[1]"]


@pytest.mark.parametrize(("image", "client"), [("mysql:8.4", "mysql"), ("mariadb:11", "mariadb")])
def test_capitals_are_other_letters(need_docker: Callable[..., None], image: str, client: str) -> None:
    need_docker(image)
    settings = {"MYSQL_ROOT_PASSWORD": PASSWORD, "MYSQL_DATABASE": "things"}
    ping = ["sh", "-c", f'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" {client} -h 127.0.0.1 -u root things -e "SELECT 1"']
    with server(image, settings, ping) as found:
        only_the_exact_text_is_found(found, lambda text: said_by(found, client, text))
