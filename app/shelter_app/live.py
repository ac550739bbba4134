"""``GET /health/live`` on a port of its own, answered by a thread of its own.

With the database gone, every request thread may be waiting for it; the probe must not wait behind them, or the kubelet
restarts each pod just then. The thread lives in the worker process: with the worker dead, the port is closed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shelter_app.problems import CONTENT_TYPE as PROBLEM_TYPE
from shelter_app.problems import Problem, title_of

PATH: Final = "/health/live"
_REQUEST_TIMEOUT_S: Final = 2.0
_REQUEST_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Liveness:
    """``reason`` is None while a restart would mend nothing."""

    reason: str | None


def judge_worker(heartbeat_age_s: float, limit_s: float, parent_alive: bool) -> Liveness:
    """Whether the serving process should be replaced.

    The worker's main loop, which hands connections to the request threads, touches its heartbeat every second whatever
    the threads do, and the arbiter kills a worker whose heartbeat stops. Only where that did not happen by ``limit_s``,
    well after the arbiter's own limit, is it the kubelet's turn.
    """
    if not parent_alive:
        return Liveness("the arbiter process is gone")
    if heartbeat_age_s > limit_s:
        return Liveness(f"the main loop has not turned for {heartbeat_age_s:.0f} s")
    return Liveness(None)


def answer(request_line: str, liveness: Callable[[], Liveness], pod: str) -> bytes:
    """The whole response to a request that begins with this line."""
    method, target = ([*request_line.split(" "), "", ""])[:2]
    path = target.partition("?")[0]
    extra = ""
    if path != PATH:
        status, body, kind = 404, Problem(404, f"only {PATH} is served here", path, pod).body(), PROBLEM_TYPE
    elif method not in ("GET", "HEAD"):
        status, body, kind = 405, Problem(405, "only GET is served here", path, pod).body(), PROBLEM_TYPE
        extra = "Allow: GET, HEAD\r\n"
    elif (found := liveness()).reason is None:
        status, body, kind = 200, json.dumps({"status": "live", "pod": pod}).encode(), "application/json"
    else:
        status, body, kind = 503, Problem(503, found.reason or "", path, pod).body(), PROBLEM_TYPE
        extra = "Retry-After: 1\r\n"
    head = (
        f"HTTP/1.1 {status} {title_of(status)}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"X-Pod: {pod}\r\nCache-Control: no-store\r\n{extra}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (b"" if method == "HEAD" else body)


class LiveServer:
    """Serves :func:`answer` from a daemon thread, to any number of slow or silent connections at once."""

    def __init__(self, host: str, port: int, pod: str, liveness: Callable[[], Liveness]) -> None:
        """Binds at once.

        :raises OSError: the address is taken or not ours.
        """
        self._pod = pod
        self._liveness = liveness
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # On a reload the next worker starts before the last one is gone.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((host, port))
        self._socket.listen(64)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=lambda: asyncio.run(self._serve()), name="live", daemon=True).start()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._socket, limit=_REQUEST_BYTES)
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head.split(b"\r\n", 1)[0].decode("latin-1"), self._liveness, self._pod))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the other side is gone, too slow, or does not speak HTTP
        finally:
            writer.close()
