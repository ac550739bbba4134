"""Loaded into Locust's own process, beside the locustfile: counts what happens and writes one JSON line a second.

Locust imports it under its bare file name, beside the user's own modules: hence the long name.
What it imports of shelterctl imports nothing of it: gevent has patched everything here. What is counted, and how: `recorder`.

Environment: SHELTERCTL_LOAD_SAMPLES (the file to append to), SHELTERCTL_LOAD_PARENT (the process whose end ends the swarm),
SHELTERCTL_LOAD_DURATION_S (how long the load lasts from its first user on; Locust's own limit knows whole seconds and starts earlier),
SHELTERCTL_LOAD_REQUESTS (after how many requests it ends; empty for no such bound), SHELTERCTL_LOAD_STAGES (how many users there are
over time, as [[seconds, users], …]; empty for as many as Locust was told), SHELTERCTL_LOAD_RATE (requests that begin per second, whether or
not earlier ones are answered; empty for users who pause).
"""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Callable
from typing import Any

import gevent
import geventhttpclient.client
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from shelterctl.adapters.swarm import pace
from shelterctl.adapters.swarm.own_process import end_with_parent, raise_file_limit
from shelterctl.adapters.swarm.recorder import Recorder, bin_of

__all__ = ["bin_of"]

if os.environ.get("SHELTERCTL_LOAD_STAGES"):
    # Locust takes the shape that it finds in a file's namespace.
    from shelterctl.adapters.swarm.pace import Stages  # noqa: F401


def watch(session: Any) -> None:
    """Sees the requests of a client class that end without an event: Locust fires none for those that it breaks off."""
    ask: Callable[..., Any] = session.request
    if hasattr(ask, "__wrapped__"):
        return  # watched already, or the child of a class that is

    @functools.wraps(ask)
    def request(self: Any, method: str, url: str, name: str | None = None, *arguments: Any, **options: Any) -> Any:
        if schedule is not None:
            schedule.wait()
        recorder.let_begin()
        began = time.monotonic()
        try:
            return ask(self, method, url, name, *arguments, **options)
        except Exception:
            raise
        except BaseException as broken:
            recorder.on_unended(method, name or getattr(self, "request_name", None) or url, time.monotonic() - began, broken)
            raise
        finally:
            recorder.ended()

    session.request = request


# Its HTTP client asks again, and tells nobody, where a connection ends without an answer to a GET: a request that a dying pod dropped
# would be counted as answered. Whoever asks has to know.
geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()

RATE = os.environ.get("SHELTERCTL_LOAD_RATE", "")
schedule = pace.Schedule(float(RATE)) if RATE else None
recorder = Recorder(os.environ["SHELTERCTL_LOAD_SAMPLES"], schedule)
for client in (FastHttpSession, HttpSession):
    watch(client)


def end() -> None:
    if recorder.environment is not None and recorder.environment.runner is not None:
        recorder.environment.runner.quit()
    recorder.finish()


def on_init(**_: object) -> None:
    raise_file_limit()
    gevent.spawn(end_with_parent, int(os.environ["SHELTERCTL_LOAD_PARENT"]), end)


def on_start(environment: Environment, **_: object) -> None:
    for user in environment.user_classes:
        # A user with a client of its own names its class, as locustfiles/lean_user.py does.
        if (session := getattr(user, "session_class", None)) is not None:
            watch(session)
    recorder.begin(environment)
    assert environment.runner is not None
    gevent.spawn_later(float(os.environ["SHELTERCTL_LOAD_DURATION_S"]), environment.runner.quit)
    events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call]


def on_quit(**_: object) -> None:
    recorder.finish()


events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
events.test_start.add_listener(on_start)  # type: ignore[no-untyped-call]
events.quit.add_listener(on_quit)  # type: ignore[no-untyped-call]
atexit.register(recorder.finish)
