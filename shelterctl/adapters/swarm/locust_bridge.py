"""Loaded into Locust's own process, beside the locustfile: has what happens counted and written, one JSON line a second.

Locust imports it under its bare file name, beside the user's own modules: hence the long name.
What it imports of shelterctl imports nothing of it: gevent has patched everything here. `recorder` counts. Where the load has several
processes, each worker's recorder gives its lines to the master through Locust's own messages (`workers`), and the master writes them
(`master`).

Environment: SHELTERCTL_LOAD_SAMPLES (the file to append to), SHELTERCTL_LOAD_PARENT (the process whose end ends the swarm),
SHELTERCTL_LOAD_DURATION_S (how long the load lasts from its first user on; Locust's own limit knows whole seconds and starts earlier),
SHELTERCTL_LOAD_REQUESTS (after how many requests it ends; empty for no such bound), SHELTERCTL_LOAD_STAGES (how many users there are
over time, as [[seconds, users], …]; empty for as many as Locust was told), SHELTERCTL_LOAD_RATE (requests that begin per second, whether or
not earlier ones are answered; empty for users who pause). With several processes: SHELTERCTL_LOAD_PROCESSES (how many workers are
expected), SHELTERCTL_LOAD_WORKER (a worker's number, from 1 on), SHELTERCTL_LOAD_VERSION (shelterctl's), SHELTERCTL_LOAD_KEY (what a
worker must know to be let in).
"""

from __future__ import annotations

import atexit
import functools
import os
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import gevent
import geventhttpclient.client
from locust import events, runners
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from shelterctl.adapters.swarm import own_stats, pace
from shelterctl.adapters.swarm.master import Master
from shelterctl.adapters.swarm.own_process import end_with_parent, raise_file_limit
from shelterctl.adapters.swarm.own_tasks import watch_tasks
from shelterctl.adapters.swarm.recorder import FileSink, Limit, Recorder
from shelterctl.adapters.swarm.workers import Worker

if os.environ.get("SHELTERCTL_LOAD_STAGES"):
    # Locust takes the shape that it finds in a file's namespace.
    from shelterctl.adapters.swarm.pace import Stages  # noqa: F401

# Its HTTP client asks again, and tells nobody, where a connection ends without an answer to a GET: a request that a dying pod dropped
# would be counted as answered. Whoever asks has to know.
geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()

#: How long a worker goes on without a word of its master, which has one for it every second.
MASTERLESS_S = 10.0

RATE = os.environ.get("SHELTERCTL_LOAD_RATE", "")
REQUESTS = os.environ.get("SHELTERCTL_LOAD_REQUESTS", "")
schedule = pace.Schedule(float(RATE)) if RATE else None
recorder = Recorder()
recorder.schedule = schedule
if os.environ.get("SHELTERCTL_LOAD_WORKER"):
    # Locust gives users out in the order of its workers' names, which it draws: the same seed would not find the same users again.
    vars(runners)["uuid4"] = lambda: UUID(int=int(os.environ["SHELTERCTL_LOAD_WORKER"]))
    # Locust's own is a minute: so long a worker on another machine would send on where its master was killed.
    vars(runners)["MASTER_HEARTBEAT_TIMEOUT"] = MASTERLESS_S
#: The master of several processes; None in every other process.
master: Master | None = None


def watch(session: Any) -> None:
    """Sees the requests of a client class that end without an event: Locust fires none for those that it breaks off."""
    ask: Callable[..., Any] = session.request
    if hasattr(ask, "__wrapped__"):
        return  # watched already, or the child of a class that is

    @functools.wraps(ask)
    def unbounded(self: Any, method: str, url: str, name: str | None = None, *arguments: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            return ask(self, method, url, name, *arguments, **options)
        except Exception:
            raise
        except BaseException as broken:
            recorder.on_unended(method, name or getattr(self, "request_name", None) or url, time.monotonic() - began, broken)
            raise

    @functools.wraps(ask)
    def bounded(self: Any, method: str, url: str, name: str | None = None, *arguments: Any, **options: Any) -> Any:
        if schedule is not None:
            schedule.wait()
        recorder.let_begin()
        try:
            return unbounded(self, method, url, name, *arguments, **options)
        finally:
            recorder.ended()

    session.request = bounded if schedule is not None or REQUESTS else unbounded


for client in (FastHttpSession, HttpSession):
    watch(client)
watch_tasks(recorder.own_tasks)


def end() -> None:
    if master is not None:
        master.quit()
    if recorder.environment is not None and recorder.environment.runner is not None:
        recorder.environment.runner.quit()
    recorder.finish()


def on_init(environment: Environment, runner: Runner, **_: object) -> None:
    global master
    raise_file_limit()
    gevent.spawn(end_with_parent, int(os.environ["SHELTERCTL_LOAD_PARENT"]), end)
    if isinstance(runner, WorkerRunner):
        worker = Worker(runner, recorder)
        recorder.sink, recorder.bound = worker, worker.leases if REQUESTS else None
        recorder.at_bound = worker.tell_done
        worker.greet()
        return
    sink = FileSink(os.environ["SHELTERCTL_LOAD_SAMPLES"])
    if isinstance(runner, MasterRunner):
        master = Master(environment, runner, sink, int(REQUESTS) if REQUESTS else None)
        master.await_workers(int(os.environ["SHELTERCTL_LOAD_PROCESSES"]))
        return
    recorder.sink, recorder.bound = sink, Limit(int(REQUESTS)) if REQUESTS else None
    recorder.at_bound = runner.quit


def on_start(environment: Environment, **_: object) -> None:
    assert environment.runner is not None
    for user in environment.user_classes:
        # A user with a client of its own names its class, as locustfiles/lean_user.py does.
        if (session := getattr(user, "session_class", None)) is not None:
            watch(session)
    if master is not None:
        master.begin()
    else:
        recorder.begin(environment)
        if own_stats.unread(environment.user_classes):
            recorder.stats = own_stats.take_over(environment)
            events.test_stop.add_listener(recorder.on_test_stop)  # type: ignore[no-untyped-call]
        events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call]
        events.user_error.add_listener(recorder.own_tasks.on_user_error)  # type: ignore[no-untyped-call]
    if not isinstance(environment.runner, WorkerRunner):
        gevent.spawn_later(float(os.environ["SHELTERCTL_LOAD_DURATION_S"]), environment.runner.quit)


def on_quit(**_: object) -> None:
    recorder.finish()


events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
events.test_start.add_listener(on_start)  # type: ignore[no-untyped-call]
if schedule is not None:
    events.test_stopping.add_listener(schedule.end)  # type: ignore[no-untyped-call]
events.quit.add_listener(on_quit)  # type: ignore[no-untyped-call]
atexit.register(recorder.finish)
