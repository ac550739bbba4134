"""A service on 127.0.0.1 over a store in memory that can be killed, and that can do each thing that a database must not.

The pods beside it are told, not run: they carry the story of one kill, and no test here says anything about a cluster.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from shelterctl.adapters.http_client import HttpxClient
from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsScene
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.events import Event, PodsSeen
from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import StoredDocument, payload_digest
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.stack.exchange import stated
from shelterctl.core.state import Claim, ContainerState, Pod, StackState
from shelterctl.errors import ApiUnreachable, ClusterError
from shelterctl.ops.chaos.dialogue import EchoedIds
from tests.core.stack_examples import CLAIM, DATABASE, DEPLOYMENT, NOW, POD, STATEFUL_SET

#: How the store here is written to and read: as the shipped application, in what it says of itself.
SHIPPED = stated(
    {"request": "POST /data", "key": "Idempotency-Key", "id": "/id", "json": {"name": "{token}"}},
    {"request": "GET /data/{id}", "finds": "one"},
)
IDS = EchoedIds(SHIPPED)
OUTAGE_S = 0.4
#: The writes that an outage turns away before it ends, and how long it lasts at most.
FELT, OUTAGE_LIMIT_S = 9, 20.0
BEFORE = DATABASE.containers[0]
AFTER = replace(BEFORE, restarts=1, container_id="d1" * 6, last_exit_code=137, last_reason="Error", last_container_id=BEFORE.container_id)
RESTARTED = replace(DATABASE, containers=(AFTER,))
UNCLEAN = '{"id": 22271, "msg": "Detected unclean shutdown - Lock file is not empty"}'


@dataclass
class Store:
    """Documents by id. `up` is False during the outage; the hooks are where a test makes it misbehave."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    rejected: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    up: bool = True
    readable: bool = True
    acknowledges: bool = True
    echo: Callable[[str], str] = lambda id_: id_
    listings: int = 0
    after_listing: Callable[[Store], None] = lambda store: None
    hidden_from_service: set[str] = field(default_factory=set)
    #: What a question for one id is answered with instead.
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    turn: int = 0
    starts: int = 1

    def post(self, id_: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Status and body, or None for a connection that is closed without an answer."""
        with self.lock:
            if self.up and self.acknowledges:
                self.documents[id_] = data
                self.acknowledged.append(id_)
                return 201, {"id": self.echo(id_), "data": data}
            self.turn += 1
            if self.turn % 3 == 0:
                self.rejected[id_] = data
                return 503, {"applied": False}
            if self.turn % 2 and self.up is False:
                # Written, and the answer is lost with the process.
                self.documents[id_] = data
                self.open.append(id_)
            return (503, {"applied": "unknown"}) if self.turn % 3 == 1 else None

    def one(self, id_: str) -> dict[str, Any] | None:
        with self.lock:
            shown = self.documents.keys() - self.hidden_from_service
            return self.by_id.get(id_, self.documents[id_]) if id_ in shown else None

    def page(self, prefix: str, after: str, limit: int) -> dict[str, Any]:
        with self.lock:
            shown = self.documents.keys() - self.hidden_from_service
            ids = sorted(id_ for id_ in shown if id_.startswith(prefix) and id_ > after)
            page = {"items": [{"id": id_, "data": self.documents[id_]} for id_ in ids[:limit]], "next": len(ids) > limit}
            answer = copy.deepcopy(page)
            if len(ids) <= limit and prefix:
                self.listings += 1
                if self.listings == 1:
                    self.after_listing(self)
            return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.store.post(self.headers["Idempotency-Key"], body)
        if answer is None:
            self.close_connection = True
        else:
            self._send(*answer)

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        name = unquote(urlsplit(self.path).path.removeprefix("/data").removeprefix("/"))
        if not self.store.readable:
            self._send(500, {})
        elif name:
            found = self.store.one(name)
            self._send(200 if found is not None else 404, {"id": name, "data": found} if found is not None else {})
        else:
            self._send(200, self.store.page(query.get("prefix", ""), query.get("after", ""), int(query["limit"])))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@dataclass
class Scene:
    """The parts that the operation's ports need, around one store. `on_recovery` is what the database does wrong when it is back."""

    store: Store
    url: str
    app: Pod = POD
    pod: Pod = DATABASE
    pod_after: Pod = RESTARTED
    claims_after: tuple[Claim, ...] = (CLAIM,)
    on_recovery: Callable[[Store], None] = lambda store: None
    on_kill: Callable[[], None] = lambda: None
    recovers: bool = True
    #: The application writes to another database than the one that is killed.
    elsewhere: bool = False
    #: The cluster has not told how its pods are since their node started.
    stale: bool = False
    state_after_fails: bool = False
    database_fails: bool = False
    database_lacks: set[str] = field(default_factory=set)
    log: tuple[str, ...] = (UNCLEAN,)
    killed: bool = False
    prepared: bool = False
    closed: int = 0
    mode: KillMode = KillMode.SIGKILL
    breaks_s: float = 0.0
    way_asked: int = 0

    # The cluster.

    noun: ClassVar[str] = "the cluster"

    def version(self) -> str:
        return "v1.34.4"

    def cut_off_s(self) -> float:
        self.way_asked += 1
        return self.breaks_s if self.way_asked > 1 else 0.0

    def clocks(self) -> tuple[ClockReading, ...]:
        return ()

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        if self.killed and self.state_after_fails:
            raise ApiUnreachable("the API server does not answer", why="connection refused")
        endpoint = Endpoint("app", 30300, "10.0.0.1", self.url)
        claims = self.claims_after if self.killed else (CLAIM,)
        state = StackState(NOW, "shelter", (DEPLOYMENT, STATEFUL_SET), (self.app, self.pod), None, claims, endpoint)
        return replace(state, stale=(self.pod.name,), stale_why="node minikube started 3 s ago") if self.stale else state

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        seen: tuple[Pod, ...] = ()
        while not stop():
            now = (self.app, self.pod)
            if now != seen:
                seen = now
                yield PodsSeen(seen)
            time.sleep(0.01)

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]:
        return self.log

    # The fault.

    def prepare(self, pod: Pod, container: ContainerState, mode: KillMode) -> None:
        self.prepared, self.mode = True, mode

    def kill(self) -> KillReport:
        self.on_kill()
        sent_s = time.monotonic()
        with self.store.lock:
            self.store.up = self.elsewhere
        self.pod = replace(self.pod, ready=False)
        self.killed = True
        threading.Thread(target=self._recover, daemon=True).start()
        sigkill = self.mode is KillMode.SIGKILL
        return KillReport(self.mode, sent_s, time.monotonic(), time.time(), "minikube", 2079 if sigkill else None, sigkill or None)

    def close(self) -> None:
        self.closed += 1

    def _recover(self) -> None:
        self._await_outage()
        if self.recovers:
            with self.store.lock:
                self.on_recovery(self.store)
                self.store.starts += 0 if self.store.up else 1
                self.store.up = True
            self.pod = self.pod_after

    def _await_outage(self) -> None:
        """The outage lasts until the writers have felt it, however busy the machine is; where none can, a fixed time."""
        until_s = time.monotonic() + (OUTAGE_S if self.elsewhere or not self.recovers else OUTAGE_LIMIT_S)
        while time.monotonic() < until_s and not (self.store.rejected and self.store.open and self.store.turn >= FELT):
            time.sleep(0.01)

    # The database.

    def documents(self, *, run: str | None, among: Collection[str] | None, limit: int) -> Sequence[StoredDocument]:
        if self.killed and self.database_fails:
            raise ClusterError("a program in pod app-1 failed with exit code 1", why="ServerSelectionTimeoutError")
        with self.store.lock:
            found = [
                StoredDocument(id_, payload_digest(data), str(data.get("id", "")) if run and data.get("run") == run else "")
                for id_, data in sorted(self.store.documents.items())
                if id_ not in self.database_lacks and (not run or data.get("run") == run) and (among is None or id_ <= max(among))
            ]
        return found[:limit]

    def identity(self) -> DatabaseIdentity:
        """The store's own process: another one once it was down."""
        return DatabaseIdentity(f"process-{self.store.starts}")

    def server(self) -> str:
        return "mongod 8.0.4"


@dataclass
class NoNames:
    """Names: no part of the account. It has a closing of its own, which is not the injector's."""

    closed: int = 0

    def scene(self) -> DnsScene:
        raise ClusterError("nothing resolves names here")

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]:
        raise ClusterError("nothing resolves names here")

    def close(self) -> None:
        self.closed += 1


@contextmanager
def scene() -> Iterator[Scene]:
    """A fresh store with two documents of somebody else's, served on 127.0.0.1."""
    store = Store(documents={"old-1": {"name": "Rex"}, "old-2": {"name": "Ada"}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": store}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield Scene(store, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


def make_http() -> HttpxClient:
    return HttpxClient()
