"""Reads a database of MongoDB's wire protocol on this machine: standard library and pymongo only.

Run as `python -c <source> <JSON argument>`: {"port", "timeout_s", and one of "op": "locate" with "mark", "wanted", "limit", "most" and
"most_s", "read" with "place", "prefix" and "limit", "summary" with "most" and "limit", "identity"}. It prints one JSON document:
{"places": …}, {"documents": texts of canonical extended JSON}, {"collections": database, name, count, checksum, whether documents
expire}, or {"process", "started", "server"}. As `mongo_probe.js` does within a pod.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from pymongo import MongoClient
from pymongo.errors import PyMongoError

#: The server's own.
OWN = frozenset({"admin", "config", "local"})


def main() -> None:
    asked = json.loads(sys.argv[1])
    timeout_ms = int(asked["timeout_s"] * 1000)
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", asked["port"], directConnection=True, serverSelectionTimeoutMS=8000, timeoutMS=timeout_ms
    )
    answer = {"locate": locate, "read": read, "summary": summary, "identity": identity}[asked["op"]](client, asked)
    sys.stdout.write(json.dumps(answer))


def locate(client: MongoClient[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Every place that holds the text: where the owner says it lies, among all documents there; else among the last that were inserted,
    those with the largest _ids, and as far as the bounds let among all.
    """
    mark, wanted, until_s = asked["mark"], asked.get("wanted", ""), time.monotonic() + asked["most_s"]
    names = [
        (base, name)
        for base in client.list_database_names() if base not in OWN
        for name in client[base].list_collection_names() if not name.startswith("system.")
    ]  # fmt: skip
    place, _, field = wanted.partition(":")
    if wanted:
        names = [(base, name) for base, name in names if f"{base}.{name}" == place or f"{base}.{name}".endswith(f".{place}")]
    chosen = {field: {"$regex": re.escape(mark)}}
    passes = [("", asked["limit"])] if wanted else []
    passes += [("$natural", asked["limit"]), ("_id", asked["limit"]), ("$natural", asked["most"])]
    for order, limit in passes:
        places = []
        for base, name in names:
            found = client[base][name].find({} if order else chosen).limit(limit)
            try:
                for document in found.sort(order, -1) if order else found:
                    places += [[base, name, path] for path, text in paths(document, "") if mark in text]
                    if time.monotonic() > until_s:
                        break
            except PyMongoError:
                # Not every server knows the order of its records.
                if order != "$natural":
                    raise
        if places:
            return {"places": places}
    return {"places": []}


def paths(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The texts within a document, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, f"{path}.{index}" if path else str(index))


def read(client: MongoClient[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    base, name, path = asked["place"]
    chosen = {path: {"$regex": re.escape(asked["prefix"])}} if asked["prefix"] else {}
    found = client[base][name].find(chosen).sort("_id", 1).limit(asked["limit"] + 1)
    return {"documents": [dumps(document, json_options=CANONICAL_JSON_OPTIONS) for document in found]}


def summary(client: MongoClient[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Every collection counted, with the server's hash of it, or one over its documents in the order of their ids."""
    found: list[list[Any]] = []
    for base in client.list_database_names():
        if base in OWN:
            continue
        names = [info["name"] for info in client[base].list_collections() if info.get("type") != "view"]
        # What the server says without looking may be wrong after a kill: each document is counted.
        counts = {name: client[base][name].count_documents({}) for name in names if not name.startswith("system.")}
        hashes: dict[str, str] = {}
        if sum(counts.values()) <= asked["most"]:
            try:
                hashes = client[base].command("dbHash").get("collections") or {}
            except PyMongoError:
                hashes = {}
        for name, count in counts.items():
            source = client[base][name]
            checksum = hashes.get(name, "")
            if not checksum and count <= asked["limit"]:
                made = hashlib.sha256()
                for document in source.find().sort("_id", 1):
                    made.update(dumps(document, json_options=CANONICAL_JSON_OPTIONS).encode() + b"\0")
                checksum = made.hexdigest()
            expires = any("expireAfterSeconds" in index for index in source.list_indexes())
            found.append([base, name, count, str(checksum), expires])
    return {"collections": found}


def identity(client: MongoClient[dict[str, Any]], _asked: dict[str, Any]) -> dict[str, Any]:
    """The process's name for itself (mongod's, from 4.4), when it started, and what it is."""
    hello, build = client.admin.command("hello"), client.admin.command("buildInfo")
    started_s = None
    try:
        status = client.admin.command("serverStatus")
        uptime_s = status["uptimeMillis"] / 1000 if "uptimeMillis" in status else float(status["uptime"])
        started_s = status["localTime"].replace(tzinfo=UTC).timestamp() - uptime_s
    except (PyMongoError, KeyError, TypeError, AttributeError):
        pass
    # What stands in for MongoDB names itself in a field of its own, and tells a version of MongoDB's beside it.
    other = str(build.get("process") or "").replace("_", "-")
    server = other or f"mongod {build.get('version', 'of unknown version')}"
    return {"process": str((hello.get("topologyVersion") or {}).get("processId", "")), "started": started_s, "server": server}


main()
