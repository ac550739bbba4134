"""Which claims a stack can be held to, and what stands in the way of the others: what `inspect` promises before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.stack.findings import blocking
from shelterctl.core.stack.model import Engine, StackFinding, Weight
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses, selection

#: Findings that keep a claim from being shown at all, by the claim. The other blocking ones keep the stack from being deployed.
_SCALING = ("hpa-", "no-hpa")
_DATA = ("database-in-empty-dir", "database-without-volume")
_OWN = (*_SCALING, *_DATA)


@dataclass(frozen=True, slots=True)
class Provable:
    """A claim (`deploys`, `scales`, `keeps its data`, `resolves its names`): whether it can be proved, why or why not, and its limits."""

    claim: str
    possible: bool
    text: str
    limits: tuple[str, ...] = ()


def judge(stack: Stack) -> tuple[Provable, ...]:
    """In the order in which they are proved."""
    return (_deploys(stack), _scales(stack), _keeps(stack), _resolves(stack))


def keeps_from_deploying(finding: StackFinding) -> bool:
    """Whether a stack with this fault cannot be deployed at all; else a claim of its own fails by it."""
    return finding.weight is Weight.BLOCKS and not finding.code.startswith(_OWN)


def _deploys(stack: Stack) -> Provable:
    stops = [finding for finding in blocking(stack.findings) if keeps_from_deploying(finding)]
    if stack.roles.app is None:
        return Provable("deploys", False, "no workload was recognized as the application: [stack] app in shelterctl.toml")
    if stops:
        return Provable("deploys", False, f"{stops[0].what} ({stops[0].origin})")
    if stack.app_service is None:
        return Provable("deploys", False, f"no Service leads to {stack.roles.app.key}: it starts, and nothing can ask it")
    limits = []
    if stack.requests.write is None:
        limits.append("that the application reaches its database is not shown: no route writes")
    built = f"{', '.join(stack.built)} built and loaded; " if stack.built else ""
    return Provable("deploys", True, f"{built}asked through Service {stack.app_service.name}", tuple(limits))


def _scales(stack: Stack) -> Provable:
    scaler = stack.scaler
    stop = next((finding for finding in blocking(stack.findings) if finding.code.startswith("hpa-")), None)
    if stop is not None:
        return Provable("scales", False, f"{stop.what} ({stop.origin})")
    if scaler is None:
        return Provable("scales", False, "the stack has no HPA for the application: there is nothing to show")
    goal = f"HPA {scaler.name}: {scaler.minimum} to {scaler.maximum} at {scaler.cpu_percent}% of the CPU request"
    return Provable("scales", True, goal)


def _keeps(stack: Stack) -> Provable:
    database, engine = stack.roles.database, stack.roles.engine
    if database is None or engine is None:
        return Provable("keeps its data", False, "no workload was recognized as the database: it may run elsewhere")
    stop = next((finding for finding in stack.findings if finding.code in _DATA), None)
    if stop is not None:
        return Provable("keeps its data", False, f"{stop.what} ({stop.origin}): a kill shows the loss, not that data are kept")
    if (database.replicas or 1) > 1:
        text = f"{database.key} runs {database.replicas} pods: to kill one of several shows a failover, which is another experiment"
        return Provable("keeps its data", False, text)
    write = stack.requests.write
    if write is None:
        return Provable("keeps its data", False, "no route writes: rows before and after can be compared, acknowledged writes cannot")
    return Provable("keeps its data", True, f"{write.path} written with tokens, found again in {engine.value}", tuple(_limits(stack)))


def _limits(stack: Stack) -> Iterator[str]:
    write, read, one = stack.requests.write, stack.requests.read, stack.requests.read_one
    if read is None and one is not None:
        where = f"at {write.answers_id} of" if write is not None and write.answers_id else "in"
        yield f"through the service each write is read by its id: GET {one.path}, with the id {where} the write's answer"
    elif read is None:
        yield "read in the database alone: no route reads"
    elif read.html:
        yield "through the service the tokens are counted in a page; the database decides what is in them"
    if write is not None and write.redirects:
        yield "the answer to a write is a redirect: what acknowledges is learned from the first one"
    if any(finding.code == "acknowledged-before-journaled" for finding in stack.findings):
        yield "a loss of what was acknowledged in the last 100 ms is possible, and then shown"
    if any(finding.code == "never-acknowledged" for finding in stack.findings):
        yield "an acknowledgement of the application says nothing of the database: a loss is possible, and then shown"
    if any(finding.code == "acknowledged-before-logged" for finding in stack.findings):
        yield "a loss of what was acknowledged in the last 600 ms is possible, and then shown"
    driver_s = driver_timeout_s(stack)
    if stack.roles.engine is Engine.MONGODB and driver_s >= selection.DEFAULT_S:
        yield f"{driver_s + 5:g} s are waited after the last write: the driver may make one that was given up on for {driver_s:g} s"


def driver_timeout_s(stack: Stack) -> float:
    """How long the application's driver may still make a write that its client has given up on (seconds).

    pymongo waits for a server as long as serverSelectionTimeoutMS or timeoutMS says, 30 s by default; mysql-connector and PyMySQL connect
    at once or give up after 10 s (connection_timeout, connect_timeout); psycopg2 and psycopg give up where connect_timeout says so.
    SQLAlchemy's pool makes a query wait for up to 30 s (pool_timeout), and so does psycopg's (timeout). What is not known is taken to be
    as slow as the slowest.
    """
    if stack.roles.engine in (Engine.MONGODB, None) and selection.is_said(stack):
        return selection.timeout_s(stack)
    required = stack.sources.requirements or {}
    quick = required.keys() & {"mysql-connector-python", "mysql-connector", "pymysql"}
    pooled = any("sqlalchemy" in name for name in required) or "psycopg-pool" in required or stack.sources.trait("pool") is not None
    if stack.roles.engine is Engine.POSTGRESQL:
        connect_s = _connect_timeout_s(stack)
        if 30.0 < connect_s < float("inf"):
            return connect_s
        return 10.0 if connect_s <= 10.0 and not pooled else 30.0
    return 10.0 if stack.roles.engine in (Engine.MYSQL, Engine.MARIADB) and quick and not pooled else 30.0


def _connect_timeout_s(stack: Stack) -> float:
    """libpq's: in the URI, in PGCONNECT_TIMEOUT, or where the sources connect; 0 is for ever (its manual, 32.1.2)."""
    variables = [v for w in (stack.roles.app,) if w is not None for c in w.containers for v in c.variables]
    told = [v.query["connect_timeout"] for v in variables if v.query and "connect_timeout" in v.query]
    told += [v.shown for v in variables if v.name == "PGCONNECT_TIMEOUT"]
    trait = stack.sources.trait("connect-timeout")
    told += [trait.detail] if trait is not None else []
    seconds = [float(text) for text in told if text.isdigit() and int(text) > 0]
    return max(seconds, default=float("inf"))


def _resolves(stack: Stack) -> Provable:
    hosts = addresses.hosts(stack)
    said = f"; the application uses {', '.join(hosts)}" if hosts else ""
    limits = tuple(finding.what for finding in stack.findings if finding.code == "pod-names-unresolvable")
    return Provable("resolves its names", bool(stack.services), f"{len(stack.services)} Services{said}", limits)
