"""Where the program for MongoDB's shells looks for a token: run by node, with a server that is told.

What mongosh makes of it, which waits where node does not, is shown in containers and on a cluster.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from typing import Any

import pytest

from shelterctl.adapters.documents.mongo import MongoDocuments
from shelterctl.core.stack.exchange import token

pytestmark = [pytest.mark.local, pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")]

MARK = token("abcdefghijk", 1)
#: Documents lie in the order in which they were inserted. `looked` is how many were read.
SERVER = """
var looked = 0, print = console.log, EJSON = { stringify: JSON.stringify };
function at(value, path) {
  return path.split(".").reduce(function (found, part) { return found === undefined ? found : found[part]; }, value);
}
function cursor_over(documents) {
  var found = documents.slice(), next = 0;
  return {
    sort: function (by) {
      if (by.$natural && BASES.unordered) throw new Error("unknown sort $natural");
      if (by.$natural) found.reverse();
      else found.sort(function (a, b) { return a._id < b._id ? 1 : -1; });
      return this;
    },
    limit: function (most) { found = found.slice(0, most); return this; },
    hasNext: function () { return next < found.length; },
    next: function () { looked++; return found[next++]; },
    toArray: function () { looked += found.length; return found; },
  };
}
function Mongo() {}
Mongo.prototype.getDB = function (base) {
  return {
    auth: function () { return 1; },
    adminCommand: function () { return { ok: 1, databases: Object.keys(BASES.held).map(function (name) { return { name: name }; }) }; },
    getCollectionInfos: function () {
      return Object.keys(BASES.held[base]).map(function (name) { return { name: name, type: "collection" }; });
    },
    getCollection: function (name) {
      return {
        find: function (chosen) {
          return cursor_over(BASES.held[base][name].filter(function (document) {
            return Object.keys(chosen || {}).every(function (path) {
              return String(at(document, path)).indexOf(chosen[path].$regex) >= 0;
            });
          }));
        },
      };
    },
  };
};
"""


class Told(MongoDocuments):
    """MongoDB by a program of node, with what its collections hold."""

    def __init__(self, held: dict[str, dict[str, list[dict[str, Any]]]], *, unordered: bool = False) -> None:
        self.bases = {"held": held, "unordered": unordered}
        self.looked = 0

    def ask(self, question: Any) -> Any:
        program = files("shelterctl.adapters.kube.probes").joinpath("mongo_probe.js").read_text(encoding="utf-8")
        whole = f"var ASKED = {json.dumps(question)}, BASES = {json.dumps(self.bases)};\n{SERVER}\n{program}\nprint('LOOKED ' + looked);"
        ran = subprocess.run(["node", "-"], input=whole, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        answer, looked = ran.stdout.splitlines()
        self.looked = int(looked.removeprefix("LOOKED "))
        return json.loads(answer.removeprefix("ANSWER "))


def notes(count: int, **marked: Any) -> list[dict[str, Any]]:
    """Documents with _ids of an application's own, the marked one inserted last unless it says `at`."""
    found: list[dict[str, Any]] = [{"_id": f"user-{number:05}", "text": f"note {number}"} for number in range(count)]
    place = marked.pop("at", count)
    found.insert(place, {"_id": "a-first-by-its-name", **marked})
    return found


PLACE = ("shop", "notes", "text")


def test_what_was_inserted_last_is_found_whatever_its_id_is() -> None:
    told = Told({"shop": {"notes": notes(3000, text=MARK), "other": notes(900, text="x")}, "admin": {"notes": notes(1, text=MARK)}})
    assert told.locate(MARK) == [PLACE]
    assert told.looked == 500 + 500


def test_a_server_without_an_order_of_its_own_is_asked_by_id() -> None:
    found = [{"_id": number, "text": f"note {number}"} for number in range(700)] + [{"_id": 9000, "text": MARK}]
    assert Told({"shop": {"notes": found}}, unordered=True).locate(MARK) == [PLACE]


def test_what_was_written_into_an_older_document_is_found_within_the_bound() -> None:
    told = Told({"shop": {"notes": notes(3000, text=[{"body": MARK}], at=100)}})
    assert told.locate(MARK) == [("shop", "notes", "text.0.body")]
    buried = Told({"shop": {"notes": notes(20_500, text=MARK, at=100)}})
    assert buried.locate(MARK) == []
    assert buried.looked == 500 + 500 + 20_000


@pytest.mark.parametrize("wanted", ["notes:text", "shop.notes:text"])
def test_where_the_owner_names_the_place_all_of_it_is_looked_through(wanted: str) -> None:
    told = Told({"shop": {"notes": notes(20_500, text=MARK, at=100), "foot.notes": notes(3, text="x")}})
    assert told.locate(MARK, wanted) == [PLACE]
    assert told.looked == 1
    assert told.locate(MARK, "notes:body") == []
