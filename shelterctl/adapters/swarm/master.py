"""The master of a load of several processes: lets workers in, hands out what they share, writes their lines, ends them in order.

Loaded by `locust_bridge`. What Locust's own master leaves open is closed here: it starts with whoever comes first, it waits half a second
for its workers' last words where their users may take twelve to finish, and it knows nothing of a bound on all requests.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from shelterctl.adapters.swarm.bins import RELATIVE_ERROR
from shelterctl.adapters.swarm.own_process import complain
from shelterctl.adapters.swarm.recorder import SCHEMA, Sink

#: As long as `runner.STOP_TIMEOUT_S` lets users finish what they do, and a worker's way to say so.
LAST_LINE_S = 14.0
LOOK_S = 0.5
ACKNOWLEDGED_S = 1.0
MISSED = "stopped answering"


def handover() -> dict[str, Any] | None:
    """What workers elsewhere are given; None where there are none. The file has the load's key: it is read once and removed."""
    name = os.environ.get("SHELTERCTL_LOAD_HANDOVER", "")
    if not name:
        return None
    path = Path(name)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return found


@dataclass(slots=True)
class Known:
    """A worker that was let in."""

    name: str
    pid: int
    leased: int = 0
    done: bool = False
    final: bool = False
    gone: str = ""

    @property
    def there(self) -> bool:
        return not self.final and not self.gone


class Master:
    """Leads the workers. `requests` bounds what all of them begin together, None for no such bound."""

    def __init__(self, environment: Environment, runner: MasterRunner, sink: Sink, requests: int | None) -> None:
        self.environment, self.runner, self.sink = environment, runner, sink
        self.pool = requests
        self.workers: dict[str, Known] = {}
        self.refused: set[str] = set()
        self.expected = 0
        self.let_go = False
        self.handover = handover()
        self.given: dict[str, int] = {}
        self.ending: gevent.Greenlet | None = None
        # Locust knows no hook for these: each of its own calls finds them here.
        self.locust_quit, runner.quit = runner.quit, self.quit  # type: ignore[method-assign]
        self.locust_handle, runner.handle_message = runner.handle_message, self.handle  # type: ignore[method-assign]
        for name, listener in (("hello", self.on_hello), ("line", self.on_line), ("ask", self.on_ask), ("done", self.on_done)):
            runner.register_message(f"shelterctl_{name}", listener)

    def await_workers(self, expected: int) -> None:
        """Locust's own wait is held until all are there, or the time for that is over."""
        self.expected = expected
        assert self.environment.parsed_options is not None
        self.environment.parsed_options.expect_workers = sys.maxsize
        self.sink.write("listening", {"port": self.runner.server.port})
        gevent.spawn(self.await_all)

    def await_all(self) -> None:
        arrive_s = float(os.environ["SHELTERCTL_LOAD_ARRIVE_S"])
        deadline = time.monotonic() + arrive_s
        while len(self.workers) < self.expected and time.monotonic() < deadline:
            gevent.sleep(0.05)
        if not self.workers:
            complain(f"no worker came within {arrive_s:g} s")
            os._exit(1)
        self.let_go = True
        for node in list(self.runner.clients):
            if node not in self.workers:
                self.refuse(node, "it is no worker of shelterctl's: it did not say who it is")
        for index, node in enumerate(self.workers):
            self.runner.send_message("shelterctl_go", {"index": index, "workers": len(self.workers)}, client_id=node)
        assert self.environment.parsed_options is not None
        self.environment.parsed_options.expect_workers = 1

    def begin(self) -> None:
        body = {
            "schema": SCHEMA,
            "relative_error": RELATIVE_ERROR,
            "wall_s": time.time(),
            "pid": os.getpid(),
            "expected": self.expected,
            "workers": {worker.name: worker.pid for worker in sorted(self.workers.values(), key=lambda worker: worker.name)},
        }
        self.sink.write("start", body)
        gevent.spawn(self.look_after)

    def handle(self, client_id: str, msg: Any) -> None:
        """What Locust does with a message, but for a worker that comes into a load whose shares are given."""
        if msg.type == "shelterctl_plan":
            self.give(client_id, msg.data)
        elif msg.type == "client_ready" and self.let_go and client_id not in self.workers:
            # Without the acknowledgement it would ask for minutes, and it is deaf until it has taken that in.
            self.runner.send_message("ack", {"index": -1}, client_id=client_id)
            if client_id not in self.refused:
                gevent.spawn_later(ACKNOWLEDGED_S, self.refuse, client_id, "the load had begun without it")
        elif msg.type == "quit":
            # It may end the load, and that waits for other messages.
            gevent.spawn(self.locust_handle, client_id, msg)
        else:
            self.locust_handle(client_id, msg)

    def refuse(self, node: str, why: str) -> None:
        if node in self.refused:
            return
        self.refused.add(node)
        self.sink.write("worker", {"worker": node.partition("_")[0], "state": "refused", "why": why, "wall_s": time.time()})
        self.runner.send_message("shelterctl_refused", {"why": why}, client_id=node)
        self.runner.send_message("quit", client_id=node)
        if node in self.runner.clients:
            del self.runner.clients[node]

    def give(self, node: str, said: Mapping[str, Any]) -> None:
        """The files and the variables for a worker elsewhere, before it becomes one."""
        why = self.objection(said)
        if not why and self.handover is None:
            why = "this load has no workers elsewhere"
        elif not why and self.handover is not None and node not in self.given and len(self.given) == len(self.handover["workers"]):
            why = f"all {len(self.given)} workers of this load are there"
        if why or self.handover is None:
            self.sink.write("worker", {"worker": node.partition("_")[0], "state": "refused", "why": why, "wall_s": time.time()})
            answer: dict[str, Any] = {"refused": why}
        else:
            number = self.given.setdefault(node, len(self.given))
            answer = {name: self.handover[name] for name in ("name", "files", "options")}
            answer["variables"] = self.handover["workers"][number]
        self.runner.send_message("shelterctl_plan", answer, client_id=node)

    def objection(self, said: Mapping[str, Any]) -> str:
        """Why a worker is not let in; empty where it is."""
        if not hmac.compare_digest(str(said["key"]).encode(), os.environ["SHELTERCTL_LOAD_KEY"].encode()):
            return "it does not know this load's key"
        theirs, ours = (said["shelterctl"], said["locust"]), (os.environ["SHELTERCTL_LOAD_VERSION"], locust.__version__)
        if theirs != ours:
            return "it has shelterctl {} and Locust {}; here are shelterctl {} and Locust {}".format(*theirs, *ours)
        return "the load had begun without it" if self.let_go else ""

    def on_hello(self, msg: Any, **_: object) -> None:
        said = msg.data
        if why := self.objection(said):
            self.refuse(msg.node_id, why)
        else:
            place = f" on {said['host']}" if self.handover is not None else ""
            self.workers[msg.node_id] = Known(f"process {said['number']}{place}", said["pid"])

    def on_line(self, msg: Any, **_: object) -> None:
        worker = self.workers.get(msg.node_id)
        if worker is None:
            return
        if worker.gone == MISSED:
            # Its machine slept, or the way to it was cut: Locust takes it in again, and what it counted meanwhile comes now.
            worker.gone = ""
            self.sink.write("worker", {"worker": worker.name, "state": "back", "wall_s": time.time()})
        worker.final = worker.final or bool(msg.data.get("final"))
        body = {name: value for name, value in msg.data.items() if name != "kind"}
        if msg.data["kind"] != "start":
            self.sink.write(msg.data["kind"], {"worker": worker.name, "arrived_s": round(time.time(), 4), **body})

    def on_ask(self, msg: Any, **_: object) -> None:
        """Requests that may begin: fewer each time, so that no worker sits on many while the others have none."""
        worker = self.workers.get(msg.node_id)
        if worker is None or self.pool is None:
            return
        number = min(self.pool, max(1, self.pool // (4 * len(self.workers))))
        self.pool -= number
        worker.leased += number
        self.runner.send_message("shelterctl_lease", {"requests": number}, client_id=msg.node_id)

    def on_done(self, msg: Any, **_: object) -> None:
        if (worker := self.workers.get(msg.node_id)) is not None:
            worker.done = True
        self.look_for_end()

    def look_for_end(self) -> None:
        """Every request that was asked for has ended, or nobody is there to send the rest."""
        there = [worker for worker in self.workers.values() if worker.there]
        if not there or (self.pool == 0 and all(worker.done or not worker.leased for worker in there)):
            gevent.spawn(self.quit)

    def look_after(self) -> None:
        """Tells of a worker that goes: Locust's own heartbeat misses it after four seconds."""
        while True:
            gevent.sleep(LOOK_S)
            for node, worker in self.workers.items():
                client = self.runner.clients.get(node)
                if self.ending is None and worker.final and not worker.gone:
                    self.tell_gone(worker, "ended before the load did")
                elif worker.there and client is not None and client.state == STATE_MISSING:
                    self.tell_gone(worker, MISSED)
                elif worker.there and client is None and self.ending is None:
                    self.tell_gone(worker, "went away")
            if self.ending is None:
                self.look_for_end()

    def tell_gone(self, worker: Known, why: str) -> None:
        worker.gone = why
        self.sink.write("worker", {"worker": worker.name, "state": "lost", "why": why, "wall_s": time.time()})

    def quit(self) -> None:
        """Instead of Locust's own, which all of its ends come to: returns when every worker has told the rest."""
        if self.ending is None:
            self.ending = gevent.spawn(self.end)
        self.ending.join()

    def end(self) -> None:
        self.runner.stop(send_stop_to_client=False)
        for node, worker in self.workers.items():
            # One that is missing may be there again in a moment: it must not go on.
            if not worker.final:
                self.runner.send_message("shelterctl_end", client_id=node)
        deadline = time.monotonic() + LAST_LINE_S
        while any(worker.there for worker in self.workers.values()) and time.monotonic() < deadline:
            gevent.sleep(0.02)
        for worker in self.workers.values():
            if worker.there:
                self.tell_gone(worker, f"did not tell its last counts within {LAST_LINE_S:g} s")
        self.sink.write("end", {"wall_s": round(time.time(), 4)})
        self.sink.close()
        self.locust_quit()
