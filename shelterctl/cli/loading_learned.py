"""A load's plan with what acknowledges a write of the stack, which is learned from where the command runs."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from shelterctl.core.events import Event
from shelterctl.core.load.plan import LoadPlan
from shelterctl.ops.load_learned import LearningPorts, is_wanted, learned

if TYPE_CHECKING:
    from shelterctl.wiring.parts import Wiring


def with_learned(wiring: Wiring, plan: LoadPlan) -> Generator[Event, None, LoadPlan]:
    """The plan as it is where its users know what acknowledges a write, or do not write."""
    if not is_wanted(plan):
        return plan
    dialogue = wiring.learning()
    if dialogue is None:
        return plan
    endpoint = wiring.target.state(with_usage=False).endpoint
    url = endpoint.url if endpoint is not None else ""
    return (yield from learned(LearningPorts(dialogue, wiring.http, wiring.clock, url), plan))
