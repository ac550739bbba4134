"""Where the program for this machine's MongoDB looks for a token, by the server that a machine without mongod gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from pymongo import MongoClient

from shelterctl.adapters.documents.mongo import MongoDocuments
from shelterctl.core.stack.exchange import token
from tests.cluster.api_proxy import closed_port
from tests.cluster.commands import wait_until

pytestmark = pytest.mark.local

MARK = token("abcdefghijk", 1)


class Asked(MongoDocuments):
    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, question: Any) -> Any:
        source = files("shelterctl.adapters.documents").joinpath("token_probe.py").read_text(encoding="utf-8")
        told = json.dumps({**question, "port": self.port, "timeout_s": 50})
        ran = subprocess.run([sys.executable, "-c", source, told], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("nx"), closed_port()
    options = ["--port", str(port), "--data-dir", str(folder), "--pid-file", str(folder / "pid"), "--log-file", os.devnull]
    command = [sys.executable, "-m", "nx_27017.nx_27017", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as process:
        try:
            wait_until(lambda: pings(port), "nx-27017")
            yield port
        finally:
            process.terminate()


def pings(port: int) -> bool:
    with MongoClient[dict[str, Any]]("127.0.0.1", port, serverSelectionTimeoutMS=500) as client:
        try:
            return bool(client.admin.command("ping"))
        except Exception:  # noqa: BLE001 - not there yet
            return False


@pytest.mark.parametrize("at", [0, 900, 1500])
def test_a_token_is_found_whatever_the_ids_are(port: int, at: int) -> None:
    """`at` is when it was inserted among 1500 others whose ids are an application's own."""
    base = f"shop{at}"
    found: list[dict[str, Any]] = [{"_id": f"user-{number:05}", "text": f"note {number}"} for number in range(1500)]
    found.insert(at, {"_id": "a-first", "within": {"list": ["x", MARK]}})
    with MongoClient[dict[str, Any]]("127.0.0.1", port) as client:
        client[base].notes.insert_many(found)
        try:
            assert Asked(port).locate(MARK) == [(base, "notes", "within.list.1")]
            assert Asked(port).locate(MARK, "notes:within.list.1") == [(base, "notes", "within.list.1")]
            assert Asked(port).locate(MARK, "notes:text") == Asked(port).locate(token("abcdefghijk", 2)) == []
        finally:
            client.drop_database(base)
