"""Checks DNS from a pod of the application: every record of the stack, expected against found."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass

from shelterctl.core.dns.records import DnsReport, DnsScene
from shelterctl.core.dns.rounds import Expected, Rounds, cannot_ask, expect, matched
from shelterctl.core.events import Event, Notice, Outcome, StepFinished, StepProgress, StepStarted
from shelterctl.core.verdict import Verdict
from shelterctl.errors import ClusterError
from shelterctl.ports.capabilities import DnsProber, Lacking, required
from shelterctl.ports.clock import Clock

STEP = "dns"


@dataclass(frozen=True, slots=True)
class DnsRequest:
    """How to check.

    `repeat` is how often each server is asked. A record that follows pods and is wrong, or whose objects change while it is asked, is
    asked again every `pause_s` for up to `settle_s`: CoreDNS caches for up to 30 s. `absent_label` is a label that no name has (a
    random one where it is empty).
    """

    repeat: int = 30
    settle_s: float = 40.0
    pause_s: float = 3.0
    absent_label: str = ""


def dns_check(names: DnsProber | Lacking, clock: Clock, request: DnsRequest | None = None) -> Generator[Event, None, DnsReport]:
    """Asks everything that the scene lets expect, and asks again what had not settled.

    A row counts only if the objects that it rests on are the same before and after it was asked. Raises CapabilityMissing where the
    target has no names, NotDeployed where there is no pod to ask from, and whatever the prober raises.
    """
    prober = required(names)
    try:
        return (yield from _check(prober, clock, request or DnsRequest()))
    finally:
        prober.close()


def _check(prober: DnsProber, clock: Clock, request: DnsRequest) -> Generator[Event, None, DnsReport]:
    label = request.absent_label or f"absent-{secrets.token_hex(6)}"
    began_s = clock.monotonic_s()

    def elapsed_s() -> float:
        return clock.monotonic_s() - began_s

    def expected(scene: DnsScene) -> Expected:
        return expect(scene, absent_label=label, repeat=request.repeat)

    yield StepStarted(STEP, "Reading the Services, the endpoints and the pod's resolv.conf")
    scene = prober.scene()
    rounds = Rounds()
    problem = cannot_ask(scene)
    if problem is not None:
        yield StepFinished(STEP, "Nothing could be asked", Outcome.FAILED, elapsed_s())
        return rounds.report(scene, expected(scene), elapsed_s(), [problem])
    while True:
        rounds.count += 1
        asked = rounds.pending(expected(scene))
        yield StepProgress(STEP, f"Asking {len(asked.records)} names and {len(asked.servers)} servers from {scene.client_pod}")
        out_of_time = elapsed_s() >= request.settle_s
        answers = None
        try:
            # One run of the probe for everything that is pending.
            answers = matched(asked, prober.ask(asked.queries()) if asked.queries() else ())
        except ClusterError as error:
            # The autoscaler may remove the very pod that asks: another one is asked in the next round.
            if out_of_time:
                raise
            yield Notice(f"{scene.client_pod} could not be asked: {error.what}", "warning")
        after = prober.scene()
        if after.cluster_domain is None:
            break
        if answers is not None:
            rounds.decide(asked, answers, expected(after), elapsed_s())
        before, scene = scene, after
        if rounds.settled(before, scene, expected(scene)) or out_of_time:
            break
        yield StepProgress(STEP, f"Not settled after {elapsed_s():.0f} s: asking again")
        clock.sleep(request.pause_s)
    report = rounds.report(scene, expected(scene), elapsed_s())
    outcome = Outcome.FAILED if report.judgement.verdict is Verdict.FAIL else Outcome.UNCHANGED
    yield StepFinished(STEP, f"{report.queries} queries, {len(report.rows)} rows", outcome, report.elapsed_s)
    return report
