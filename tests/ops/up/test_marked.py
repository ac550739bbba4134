"""Whose answer counts: an application that does not name itself cannot be told from the one before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.stack.exchange import Exchange
from shelterctl.core.state import Pod, PodName, StackState
from shelterctl.ops.up.marked import OLD_PODS_S, MarkedAnswers
from shelterctl.ports.http import Http, HttpAnswer
from tests.core.stack_examples import DATABASE, DEPLOYMENT, NOW, POD, STATEFUL_SET
from tests.fakes import SteppedClock

pytestmark = pytest.mark.unit

ENDPOINT = Endpoint("web", 30080, "10.96.0.9", "http://10.9.8.7:30080")
CHAIN = ImageChain("app:1", None, None, ("sha256:1",), None)


@dataclass
class Asked:
    """A service that answers, and when it was asked."""

    clock: SteppedClock
    at_s: list[float] = field(default_factory=list)

    def request(self, method: str, url: str, **_: object) -> HttpAnswer:
        self.at_s.append(self.clock.monotonic_s())
        return HttpAnswer(200, {}, b"fine", 0.01)


def asked_after(*pods: Pod) -> float:
    """How long after the rollout the service is asked first (seconds)."""
    clock = SteppedClock(NOW)
    http = Asked(clock)
    state = StackState(NOW, "shelter", (DEPLOYMENT, STATEFUL_SET), pods, None, (), ENDPOINT)
    began_s = clock.monotonic_s()
    answers = MarkedAnswers(cast(Http, http), clock, Exchange(None, None))
    list(answers.prove(state, CHAIN))
    return http.at_s[0] - began_s


def test_while_a_pod_of_before_ends_nothing_is_asked() -> None:
    leaving = replace(POD, name=PodName("app-of-before"), deleting=True)
    assert asked_after(POD, DATABASE) == 0.0
    assert asked_after(POD, leaving, DATABASE) >= OLD_PODS_S
    # The database's own end says nothing of the application.
    assert asked_after(POD, replace(DATABASE, deleting=True)) == 0.0
