"""Reads documents straight from MongoDB, inside a pod of the application: standard library and pymongo only.

Run as `python -c <source> <JSON argument>`, where the argument is {"run": text or null, "until": list of ids (text, or {"$oid": text})
or null, "limit": number, "timeout_s": number}. It uses the application's own user, whose password it reads from the mounted file; nothing
secret is printed. It prints one JSON document: {"server": text, "documents": base64 of zlib of a JSON list of [id, digest, payload id],
"truncated": boolean, "identity": {"process": text, "started_s": number or null, "address": text}}. An id that is no text is told by its
type and value, as `ObjectId(…)`; where no run is asked for, documents with ids of other kinds than those two are left out. The digest is
computed from what the database returned, not read from a field of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sys
import zlib
from datetime import UTC
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import MongoClient, ReadPreference
from pymongo.errors import PyMongoError


def main() -> None:
    """Reads, and prints the document."""
    asked = json.loads(sys.argv[1])
    timeout_ms = int(asked["timeout_s"] * 1000)
    environ = os.environ
    name = environ.get("SHELTER_MONGO_DATABASE", "shelter")
    options: dict[str, Any] = {}
    if environ.get("SHELTER_MONGO_AUTH", "on") != "off":
        path = environ.get("SHELTER_MONGO_PASSWORD_FILE", "/run/secrets/mongodb/app-password")
        password = Path(path).read_text(encoding="utf-8").rstrip("\n")
        options = {
            "username": environ.get("SHELTER_MONGO_USER", "shelter-app"),
            "password": password,
            "authSource": environ.get("SHELTER_MONGO_AUTH_SOURCE", name),
        }
    hosts = environ.get("SHELTER_MONGO_HOST", "mongodb:27017").split(",")
    client: MongoClient[dict[str, Any]] = MongoClient(
        hosts, serverSelectionTimeoutMS=5000, timeoutMS=timeout_ms, retryReads=True, **options
    )
    # The primary holds what was acknowledged; a secondary may lag behind it.
    database = client.get_database(name, read_preference=ReadPreference.PRIMARY)
    build = client.admin.command("buildInfo")
    ferret = build.get("ferretdbVersion") or (build.get("ferretdb") or {}).get("version")
    # What stands in for MongoDB names itself in a field of its own, and tells a version of MongoDB's beside it.
    other = f"FerretDB {ferret}" if ferret else str(build.get("process") or "").replace("_", "-")
    server = other or f"mongod {build.get('version', 'of unknown version')}"
    limit = int(asked["limit"])
    query: dict[str, Any] = {"data.run": asked["run"]} if asked["run"] else {}
    # A comparison finds ids of its own kind only.
    bounds = [ObjectId(bound["$oid"]) if isinstance(bound, dict) else bound for bound in asked["until"] or ()]
    rows: list[list[str]] = []
    for bounded in [{**query, "_id": {"$lte": bound}} for bound in bounds] or [query]:
        # By id: the index serves the order, and two readings of the same documents are comparable.
        cursor = database["documents"].find(bounded, {"_id": 1, "data": 1, "json": 1}).sort("_id", 1).limit(limit + 1).batch_size(1000)
        for found in cursor:
            if held(found, asked):
                data = payload_of(found)
                rows.append([id_of(found["_id"]), digest(data), payload_id(data, asked["run"])])
    packed = base64.b64encode(zlib.compress(json.dumps(rows[:limit]).encode())).decode()
    answer = {"server": server, "documents": packed, "truncated": len(rows) > limit, "identity": identity(client, hosts[0])}
    sys.stdout.write(json.dumps(answer))


def identity(client: MongoClient[dict[str, Any]], host: str) -> dict[str, Any]:
    """Which process answers: mongod names it in hello (from 4.4), others tell how long they run; and the address that the host leads to."""
    hello = client.admin.command("hello")
    process = str((hello.get("topologyVersion") or {}).get("processId", ""))
    started_s = None
    try:
        status = client.admin.command("serverStatus")
        uptime_s = status["uptimeMillis"] / 1000 if "uptimeMillis" in status else float(status["uptime"])
        started_s = status["localTime"].replace(tzinfo=UTC).timestamp() - uptime_s
    except (PyMongoError, KeyError, TypeError, AttributeError):
        # The application's user may not ask for it: then the process's own name must do.
        pass
    name, _, port = host.rpartition(":") if ":" in host else (host, "", "27017")
    try:
        found = socket.getaddrinfo(name.strip("[]"), int(port), type=socket.SOCK_STREAM)
        address = ", ".join(sorted({str(item[4][0]) for item in found}))
    except (OSError, ValueError):
        address = ""
    return {"process": process, "started_s": started_s, "address": address}


def payload_of(found: dict[str, Any]) -> object:
    """The stored object: as a document, or as text where the database could not hold it as one without changing it."""
    text = found.get("json")
    return json.loads(text) if "data" not in found and isinstance(text, str) else found.get("data")


def digest(payload: object) -> str:
    """As `shelterctl.core.faults.ledger.payload_digest`: SHA-256 of the canonical JSON."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=told)
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def held(found: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a document is told: of the run all are, of the others those whose ids can be asked for again."""
    return bool(asked["run"]) or isinstance(found["_id"], str | ObjectId)


def told(value: object) -> dict[str, str]:
    """What JSON has no form for (an ObjectId, a date, a decimal): by its type and its text."""
    return {f"${type(value).__name__}": repr(value) if isinstance(value, bytes) else str(value)}


def id_of(value: object) -> str:
    """An id as text; one of another kind is told from a text that looks like it."""
    return value if isinstance(value, str) else f"{type(value).__name__}({value})"


def payload_id(payload: object, run: str | None) -> str:
    """The id that a writer of this run put into its payload; empty for everything else."""
    claimed = payload.get("id") if run and isinstance(payload, dict) and payload.get("run") == run else None
    return claimed if isinstance(claimed, str) else ""


main()
