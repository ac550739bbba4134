"""What the application adds to gunicorn: liveness, JSON access log, problem documents for what never reaches Flask."""

from __future__ import annotations

import functools
import json
import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

# gunicorn publishes no types: what comes from it is ignored here and below.
from gunicorn import util as gunicorn_util  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from shelter_app.live import LiveServer, judge_worker
from shelter_app.problems import CONTENT_TYPE, Problem, title_of
from shelter_app.settings import Settings

LINGER_S: Final = 0.1


class _Heartbeat(Protocol):
    def last_update(self) -> float: ...


class _Config(Protocol):
    timeout: int


class GunicornWorker(Protocol):
    """The part of gunicorn's worker that is used here."""

    ppid: int
    tmp: _Heartbeat
    cfg: _Config


def serve_liveness(worker: GunicornWorker, settings: Settings) -> LiveServer:
    """Starts the liveness port of this worker.

    :raises OSError: the port is taken; the worker then fails to boot, which ends the container.
    """
    # The arbiter kills at `timeout`; twice that is time enough for it to have done so.
    limit_s = 2.0 * worker.cfg.timeout
    live = LiveServer(
        settings.bind_host,
        settings.live_port,
        settings.pod_name,
        lambda: judge_worker(time.monotonic() - worker.tmp.last_update(), limit_s, parent_alive=os.getppid() == worker.ppid),
    )
    live.start()
    return live


def problem_response(status: int, detail: str, pod: str) -> bytes:
    """A whole HTTP response for a request that could not be parsed, so that its path is unknown."""
    body = Problem(status, detail or title_of(status), "", pod).body()
    head = (
        f"HTTP/1.1 {status} {title_of(status)}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nX-Pod: {pod}\r\n\r\n"
    )
    return head.encode("ascii") + body


def adapt_gunicorn(pod: str) -> None:
    """Two changes that gunicorn has no settings for; its workers call these functions of its util module.

    Its own errors (a malformed request, a line or header too long) become problem documents with X-Pod. And a client
    that keeps its side open after the last response is waited for :data:`LINGER_S` instead of 2 s: the wait is in the
    loop that accepts connections, and a few such clients would stop the worker long enough to be killed for it.
    """

    def write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
        gunicorn_util.write_nonblock(sock, problem_response(status_int, mesg or reason, pod))

    gunicorn_util.write_error = write_error
    gunicorn_util.close_graceful = functools.partial(gunicorn_util.close_graceful, timeout=LINGER_S)


class JsonAccessLogger(Logger):  # type: ignore[misc]
    """One JSON object a line for each request, where the access log is on."""

    def access(self, resp: object, req: object, environ: Mapping[str, object], request_time: timedelta) -> None:
        if self.access_log_enabled:
            self.access_log.info("%s", access_line(self.atoms(resp, req, environ, request_time)))


def access_line(atoms: Mapping[str, object]) -> str:
    """The line, from gunicorn's atoms (https://docs.gunicorn.org/en/stable/settings.html#access-log-format)."""
    return json.dumps(
        {
            "time": atoms["t"],
            "client": atoms["h"],
            "method": atoms["m"],
            "path": atoms["U"],
            "query": atoms["q"],
            "status": int(str(atoms["s"])),
            "bytes": atoms["B"],
            "duration_us": atoms["D"],
            "user_agent": atoms["a"],
        }
    )
