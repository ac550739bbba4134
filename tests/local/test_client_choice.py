"""MongoDB, MySQL and MariaDB read as in a pod: the scripts that the pod would get, in containers of the databases.

Images with the mongo shell of old are rare: here mongosh stands in for it, under its name, without what mongosh alone has, and with
`cat`, by which it gets the password. What its own engine makes of the program is not shown by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shelterctl.adapters.documents.client import Client, Login
from shelterctl.adapters.documents.sql import SqlShell
from shelterctl.adapters.kube.own.mongo import MongoShell
from shelterctl.core.stack.exchange import token
from shelterctl.errors import ApiRejected
from tests.local.clients import Server, server

pytestmark = pytest.mark.local

PASSWORD = "p'w \"x$HOME"
MARK = token("abcdefghijk", 1)
SEED = f"""
const uri = "mongodb://root:" + encodeURIComponent(process.env.MONGO_INITDB_ROOT_PASSWORD) + "@127.0.0.1/?authSource=admin";
new Mongo(uri).getDB("things").notes.insertOne({{
  text: "{MARK}", n: NumberInt(5), long: NumberLong("9007199254740993"), f: 1.5, at: new Date(0), within: {{ list: ["{MARK}", null] }}
}});
"""
LEGACY = r"""
mkdir -p /tmp/legacy; for program in sh cat node; do ln -sf "$(command -v $program)" /tmp/legacy/$program; done
printf '%s\n' '#!/bin/sh' 'echo "$0 $*" >/tmp/asked' \
  'prelude="cat = (path) => require(\"fs\").readFileSync(path, \"utf8\"); EJSON = undefined;"' \
  'prelude="$prelude NumberLong = Long; NumberInt = Int32; BinData = Binary; NumberDecimal = Decimal128;"' \
  'exec node MONGOSH --quiet --nodb --norc --eval "$prelude $5"' | sed "s,MONGOSH,$(command -v mongosh)," >/tmp/legacy/mongo
chmod +x /tmp/legacy/mongo
"""


@pytest.fixture(scope="module")
def mongo(need_docker: Callable[..., None]) -> Iterator[Server]:
    need_docker("mongo:8")
    settings = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": PASSWORD}
    with server("mongo:8", settings, ["mongosh", "--quiet", "--nodb", "--eval", SEED]) as found:
        code, _, err = found(["sh", "-c", LEGACY])
        assert code == 0, err
        yield found


@pytest.mark.parametrize("path", ["", "/tmp/legacy"])
def test_both_shells_find_and_read_the_same(mongo: Server, path: str) -> None:
    found = Server(mongo.name, {"PATH": path} if path else {})
    for login in (None, Login("root", PASSWORD)):
        asked = MongoShell(Client(found, login))
        places = asked.locate(MARK)
        assert sorted(set(places)) == [("things", "notes", "text"), ("things", "notes", "within.list.0")]
        assert asked.locate(MARK, "notes:text")[0] == ("things", "notes", "text")
        key, document = asked.read(("things", "notes", "text"), MARK[:12], 5)[0]
        assert key.startswith('{"$oid": "')
        assert (document["n"], document["long"], document["f"], document["within"]["list"]) == (5, 9007199254740993, 1.5, [MARK, None])
        assert asked.identity()[2] == MongoShell(Client(mongo)).identity()[2]
    wrong = MongoShell(Client(found, Login("root", "wrong")))
    with pytest.raises(ApiRejected) as refused:
        wrong.identity()
    assert "Authentication failed" in refused.value.why


def test_the_shell_of_old_is_asked_where_there_is_no_other_and_sees_no_password(mongo: Server) -> None:
    mongo(["rm", "-f", "/tmp/asked"])
    MongoShell(Client(mongo)).identity()
    assert mongo(["cat", "/tmp/asked"])[0] != 0
    MongoShell(Client(Server(mongo.name, {"PATH": "/tmp/legacy"}))).identity()
    words = mongo(["cat", "/tmp/asked"])[1]
    assert words.startswith("/tmp/legacy/mongo --quiet --nodb --norc --eval")
    assert PASSWORD not in words
    nothing = MongoShell(Client(Server(mongo.name, {"PATH": "/tmp/nothing"})))
    with pytest.raises(ApiRejected):
        nothing.identity()


def test_bitnamis_variables_let_in(mongo: Server) -> None:
    none = {"MONGO_INITDB_ROOT_USERNAME": "", "MONGO_INITDB_ROOT_PASSWORD": ""}
    assert MongoShell(Client(Server(mongo.name, {**none, "MONGODB_ROOT_PASSWORD": PASSWORD}))).locate(MARK)
    with pytest.raises(ApiRejected):
        MongoShell(Client(Server(mongo.name, {**none, "MONGODB_ROOT_PASSWORD": "wrong"}))).locate(MARK)


@pytest.fixture(scope="module")
def mariadb(need_docker: Callable[..., None]) -> Iterator[Server]:
    need_docker("mariadb:11")
    # Over TCP: the server of the first start, which makes the users, listens on its socket only.
    asked = ["sh", "-c", 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb -h 127.0.0.1 -u root -e "SELECT 1"']
    with server("mariadb:11", {"MARIADB_ROOT_PASSWORD": PASSWORD, "MARIADB_DATABASE": "things"}, asked) as found:
        table = f"CREATE TABLE things.notes (id INT PRIMARY KEY, note VARCHAR(60)); INSERT INTO things.notes VALUES (1, '{MARK}')"
        user = "CREATE USER reader@localhost IDENTIFIED BY 'given by a secret'; GRANT SELECT ON things.* TO reader@localhost"
        code, _, err = found(["sh", "-c", 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb -u root -e "$1"', "sh", f"{table}; {user}"])
        assert code == 0, err
        yield found


def test_mariadb_by_its_container_or_a_secret(mariadb: Server) -> None:
    both = Server(mariadb.name, {"MYSQL_ROOT_PASSWORD": PASSWORD})
    none = Server(mariadb.name, {"MARIADB_ROOT_PASSWORD": ""})
    for asked in (SqlShell(Client(mariadb)), SqlShell(Client(both)), SqlShell(Client(none, Login("reader", "given by a secret")))):
        assert asked.locate(MARK) == asked.locate(MARK, "notes:note") == [("things", "notes", "note")]
        assert asked.locate(MARK, "notes:id") == []
        assert asked.read(("things", "notes", "note"), MARK[:12], 5) == [("[1]", {"id": 1, "note": MARK})]
    with pytest.raises(ApiRejected):
        SqlShell(Client(mariadb, Login("reader", "wrong"))).locate(MARK)
