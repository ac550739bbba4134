"""A server on 127.0.0.1 that counts the requests it gets and misbehaves as it is told, connection by connection."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nX-Pod: app-1\r\nContent-Length: 2\r\n\r\n{}"
#: What a connection does with its nth request: returns False to close the connection.
Answer = Callable[[socket.socket], bool]


def answers(text: bytes = OK, *, keep: bool = True) -> Answer:
    def act(connection: socket.socket) -> bool:
        connection.sendall(text)
        return keep

    return act


def resets(connection: socket.socket) -> bool:
    """RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def closes(connection: socket.socket) -> bool:
    return False


def is_silent(connection: socket.socket) -> bool:
    time.sleep(3)
    return False


def streams(head: bytes, piece: bytes, *, times: int = 2**40, pause_s: float = 0.0) -> Answer:
    """A head, and the same bytes again and again, without an end as far as anybody will read."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(head)
        for _ in range(times):
            connection.sendall(piece)
            time.sleep(pause_s)
        return False

    return act


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Server:
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    idle_closed: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(*script: Answer, close_idle: bool = False) -> Iterator[Server]:
    """Serves one answer after the other. With `close_idle`, each connection is closed right after its first answer, unannounced."""
    server = Server()
    steps = iter(script)
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while True:
                request = _read_request(connection)
                if not request:
                    return
                server.requests.append(request)
                step = next(steps, closes)
                if not step(connection):
                    return
                if close_idle:
                    connection.shutdown(socket.SHUT_RDWR)
                    server.idle_closed.set()
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        # A listener that a thread waits on goes on accepting until it is shut down.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _read_request(connection: socket.socket) -> bytes:
    """One request with its body; empty where the connection was closed before one came."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            return b""
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
