"""Following a record after a fault, against a name server in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from shelterctl.core.dns.records import DnsAnswer, DnsAttempt, DnsPod, DnsQuery, DnsScene, DnsService, ResolverConfig, Status
from shelterctl.core.events import Event, Milestone
from shelterctl.ops.dns.follow import DnsRecovery, dns_follow

pytestmark = pytest.mark.unit

NAME = "mongodb-0.mongodb.shelter.svc.cluster.local."
RESOLVER = ResolverConfig(("10.96.0.10",), ("shelter.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5)
FAULT_S = 1_000.0


def scene(*pods: DnsPod) -> DnsScene:
    return DnsScene("app-1", "shelter", RESOLVER, (DnsService("mongodb", "shelter", headless=True, pods=pods),))


def pod(address: str, *, ready: bool = True, terminating: bool = False) -> DnsPod:
    return DnsPod("mongodb-0", (address,), ready, terminating, hostname="mongodb-0", subdomain="mongodb")


@dataclass
class World:
    """A clock, pods and a record, all functions of the time; a question is asked every second."""

    pods: Callable[[float], DnsScene]
    record: Callable[[float], str]
    now: float = 0.0

    def monotonic_s(self) -> float:
        return self.now

    def wall_s(self) -> float:
        return FAULT_S + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def close(self) -> None: ...

    def scene(self) -> DnsScene:
        return self.pods(self.now)

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]:
        return [self.answer(query, self.now + query.until_s) for query in queries]

    def answer(self, query: DnsQuery, end: float) -> DnsAnswer:
        attempts = [DnsAttempt(query.name, Status.NOERROR, 0.001)]
        while (self.record(self.now),) != query.until and self.now + 1 <= end:
            self.now += 1
            attempts.append(attempts[0])
        return DnsAnswer(query, Status.NOERROR, (self.record(self.now),), attempts=tuple(attempts), answered_at_s=self.wall_s())


def follow(world: World) -> tuple[tuple[DnsRecovery, ...], list[Event]]:
    events: list[Event] = []
    steps = dns_follow(world, world, ["mongodb-0"], fault_wall_s=FAULT_S, timeout_s=30.0)
    while True:
        try:
            events.append(next(steps))
        except StopIteration as stop:
            return stop.value, events


def test_the_seconds_until_the_record_is_the_new_pods_address() -> None:
    found, events = follow(World(lambda now: scene(pod("10.244.0.9")), lambda now: "10.244.0.9" if now >= 14 else "10.244.0.8"))
    assert found == (DnsRecovery(NAME, ("10.244.0.9",), "10.244.0.9", 14.0, at_most=False),)
    assert events == [Milestone("dns record is the pod's address", 14.0, NAME)]


def test_a_record_that_was_right_already_has_an_upper_bound_only() -> None:
    found, _ = follow(World(lambda now: scene(pod("10.244.0.9")), lambda now: "10.244.0.9", now=2.0))
    assert found == (DnsRecovery(NAME, ("10.244.0.9",), "10.244.0.9", 2.0, at_most=True),)


def test_a_record_that_never_comes_has_no_time() -> None:
    found, events = follow(World(lambda now: scene(pod("10.244.0.9")), lambda now: "10.244.0.8"))
    assert found == (DnsRecovery(NAME, ("10.244.0.9",), "10.244.0.8", None, at_most=False),)
    assert events == []


def test_a_pod_that_moves_meanwhile_is_followed_to_its_last_address() -> None:
    """At 5 s the old record is right for a pod that is gone by then: it does not count."""
    moved = World(
        lambda now: scene(pod("10.244.0.8" if now < 5 else "10.244.0.9")), lambda now: "10.244.0.8" if 5 <= now < 12 else "10.244.0.9"
    )
    found, _ = follow(moved)
    assert found == (DnsRecovery(NAME, ("10.244.0.9",), "10.244.0.9", 12.0, at_most=False),)


def test_it_waits_for_a_pod_that_may_be_found() -> None:
    pods = (pod("10.244.0.8", terminating=True), pod("10.244.0.9", ready=False), pod("10.244.0.9"))
    found, _ = follow(World(lambda now: scene(pods[min(2, int(now // 3))]), lambda now: "10.244.0.9"))
    assert found == (DnsRecovery(NAME, ("10.244.0.9",), "10.244.0.9", 6.0, at_most=True),)
    assert follow(World(lambda now: scene(), lambda now: "10.244.0.9"))[0] == ()
