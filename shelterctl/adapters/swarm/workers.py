"""A worker of a load of several processes: what it tells the master, and what the master tells it.

Loaded by `locust_bridge`. It goes through Locust's own messages, so that a worker needs no file and no port besides.

To the master: shelterctl_hello (who it is), shelterctl_line (a line of its recorder), shelterctl_ask (for requests that may begin),
shelterctl_done (the last of those has ended). From the master: shelterctl_go (its share of the load), shelterctl_lease (how many requests
more may begin; 0 for none any more), shelterctl_end (let the users finish and tell the rest).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import locust
from gevent.event import Event
from locust.exception import RPCError
from locust.runners import WorkerRunner

from shelterctl.adapters.swarm.own_process import complain

if TYPE_CHECKING:
    from shelterctl.adapters.swarm.recorder import Recorder

#: How long a worker that ends waits for its last line to reach the master.
LINGER_MS = 2000


class Leases:
    """The requests that the master lets this worker begin, asked for before they run out."""

    def __init__(self, runner: WorkerRunner) -> None:
        self.runner = runner
        self.left = self.low = 0
        self.asked = self.closed = False
        self.came = Event()

    def take(self) -> bool:
        while not self.left and not self.closed:
            self.ask()
            self.came.wait()
        if not self.left:
            return False
        self.left -= 1
        if self.left <= self.low and not self.closed:
            self.ask()
        return True

    @property
    def over(self) -> bool:
        return self.closed and not self.left

    def ask(self) -> None:
        if not self.asked:
            self.asked = True
            self.came.clear()
            self.runner.send_message("shelterctl_ask")

    def add(self, number: int) -> None:
        self.asked = False
        self.left += number
        self.low = number // 2
        self.closed = self.closed or not number
        self.came.set()


class Worker:
    """Fulfils `recorder.Sink` with the connection to the master."""

    def __init__(self, runner: WorkerRunner, recorder: Recorder) -> None:
        self.runner = runner
        self.recorder = recorder
        self.leases = Leases(runner)
        self.lines = 0
        self.done = False
        for name, listener in (("go", self.on_go), ("lease", self.on_lease), ("end", self.on_end), ("refused", self.on_refused)):
            runner.register_message(f"shelterctl_{name}", listener, concurrent=name == "end")

    def greet(self) -> None:
        self.runner.send_message(
            "shelterctl_hello",
            {
                "key": os.environ.get("SHELTERCTL_LOAD_KEY", ""),
                "number": int(os.environ.get("SHELTERCTL_LOAD_WORKER", "0")),
                "shelterctl": os.environ.get("SHELTERCTL_LOAD_VERSION", ""),
                "locust": locust.__version__,
                "host": socket.gethostname(),
                "pid": os.getpid(),
            },
        )

    def write(self, kind: str, body: Mapping[str, object]) -> None:
        self.lines += 1
        try:
            self.runner.send_message("shelterctl_line", {"kind": kind, "line": self.lines, **body})
        except RPCError as error:
            raise OSError(f"the master does not take them: {error}") from error

    def close(self) -> None:
        """A worker that goes on waits for Locust's own word; one that ends by itself must not take its last line along."""
        if not len(self.runner.greenlet):
            context = self.runner.client.socket.context
            self.runner.client.close(linger=LINGER_MS)  # type: ignore[no-untyped-call]
            context.term()

    def tell_done(self) -> None:
        if not self.done:
            self.done = True
            self.runner.send_message("shelterctl_done")

    def on_go(self, msg: Any, **_: object) -> None:
        if self.recorder.schedule is not None:
            self.recorder.schedule.share(msg.data["index"], msg.data["workers"])

    def on_lease(self, msg: Any, **_: object) -> None:
        self.leases.add(msg.data["requests"])
        self.recorder.look_for_end()

    def on_end(self, **_: object) -> None:
        self.runner.stop()
        # A worker that never had a user has no line yet, and its last one is waited for.
        if self.recorder.environment is None:
            self.write("none", {"final": True})
        self.recorder.finish()

    def on_refused(self, msg: Any, **_: object) -> None:
        complain(f"the master refused this worker: {msg.data['why']}")
