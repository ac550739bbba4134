"""Questions to the local Docker engine over its socket, without docker-py: importing that takes longer than every question of a command.

Only where the engine is the default one: another context, a remote host or TLS is docker-py's to find.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

DEFAULT_SOCKET = "/var/run/docker.sock"


class Elsewhere(Exception):
    """The engine is not behind a socket of this machine, or its answer is not what it should be: docker-py is to ask."""


def default_socket() -> str:
    """The socket of the engine that the docker command would use. Raises Elsewhere."""
    if os.environ.get("DOCKER_CONTEXT") or os.environ.get("DOCKER_TLS_VERIFY"):
        raise Elsewhere
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        if not host.startswith("unix://"):
            raise Elsewhere
        return host.removeprefix("unix://")
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        chosen = json.loads((folder / "config.json").read_text()).get("currentContext", "default")
    except FileNotFoundError:
        chosen = "default"
    except (OSError, ValueError, AttributeError, RuntimeError):
        raise Elsewhere from None
    if chosen not in ("", "default"):
        raise Elsewhere
    return DEFAULT_SOCKET


def info(timeout_s: float) -> dict[str, Any]:
    """What `docker info` rests on. Raises Elsewhere, OSError."""
    found = _get("/info", timeout_s)
    if found is None:
        raise Elsewhere
    return found


def image(reference: str, timeout_s: float) -> dict[str, Any] | None:
    """What `docker image inspect` rests on, None for an image that is not there. Raises Elsewhere, OSError."""
    return _get(f"/images/{quote(reference, safe='/:@')}/json", timeout_s)


def container_status(name: str, timeout_s: float) -> str | None:
    """The state of a container (running, exited, paused), None for one that is not there. Raises Elsewhere, OSError."""
    found = _get(f"/containers/{quote(name, safe='')}/json", timeout_s)
    return None if found is None else str((found.get("State") or {}).get("Status") or "")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _get(path: str, timeout_s: float) -> dict[str, Any] | None:
    connection = _Connection(default_socket(), timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException:
        raise Elsewhere from None
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise Elsewhere
    found = json.loads(body)
    if not isinstance(found, dict):
        raise Elsewhere
    return found
