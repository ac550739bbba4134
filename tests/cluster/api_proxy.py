"""A TCP proxy before the API server, which a test can cut, and kubeconfigs that lead to it or nowhere."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import kube


class ApiProxy:
    """Forwards 127.0.0.1:`port` to the API server until it is cut; `restore` lets connections through again."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open = True
        self._closed = False
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks every connection off and lets none through."""
        with self._lock:
            self._open = False
            for connection in self._connections:
                _break(connection)
            self._connections.clear()

    def restore(self) -> None:
        with self._lock:
            self._open = True

    def close(self) -> None:
        self._closed = True
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    _break(client)
                    continue
                try:
                    server = socket.create_connection(self._target, timeout=5)
                    server.settimeout(None)
                except OSError:
                    _break(client)
                    continue
                self._connections += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    for end in (source, sink):
        _break(end)


def _break(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def api_server() -> tuple[str, int]:
    """Where the API server of the tests' context answers."""
    server = str(_config()["clusters"][0]["cluster"]["server"])
    host, _, port = server.removeprefix("https://").rpartition(":")
    return host, int(port)


def kubeconfig(file: Path, port: int) -> dict[str, str]:
    """Writes a kubeconfig whose API server is 127.0.0.1:`port`, and returns the variables that name it."""
    config = _config()
    host, _ = api_server()
    for item in config["clusters"]:
        # The certificate is for the server's own name.
        item["cluster"] |= {"server": f"https://127.0.0.1:{port}", "tls-server-name": host}
    file.touch(0o600)
    file.write_text(yaml.safe_dump(config))
    return {"KUBECONFIG": str(file)}


def closed_port() -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _config() -> dict[str, Any]:
    parsed = json.loads(kube.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    assert isinstance(parsed, dict)
    return parsed


def path_without(folder: Path, program: str) -> dict[str, str]:
    """A PATH that has everything but one program; and a cluster is meant all the same."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for file in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / file.name
            if file.name != program and not link.is_symlink():
                link.symlink_to(file)
    return {"PATH": str(folder), "SHELTERCTL_TARGET": "minikube"}
