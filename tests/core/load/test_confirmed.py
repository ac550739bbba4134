"""Decisions on a measurement that began before the load: what the next ones, of the load alone, make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.observer import Observer
from shelterctl.core.load.scaling import ScalingState
from shelterctl.core.verdict import Verdict
from tests.core.load.examples import BEGAN, TWO, autoscaler, end, observed, pod, usage
from tests.core.load.test_scaling import said

pytestmark = pytest.mark.unit


def mixed(seen: Observer, after: int = 4, maximum: int = 5) -> Observer:
    """The load begins 10 s into a measurement of 15 s, on which two pods are added: 250m of 2 × 400m may all have been there before it."""
    seen.usage(BEGAN - 9, usage(-10, 6, 6))
    seen.usage(BEGAN + 6, usage(5, 125, 125))
    seen.autoscaler(BEGAN + 8, autoscaler(after, 125, maximum=maximum))
    seen.pods(BEGAN + 14, [*TWO, pod("app-3"), pod("app-4")])
    return seen


#: The measurements after one that began before the load: what each pod used, and what is told of the decision then.
LATER: dict[str, tuple[tuple[tuple[int, ...], ...], ScalingState, str]] = {
    # The first lies under the load, and the two that were there used as much in it: what the new ones used was their start.
    "the same pods as before": (((150, 150, 300, 300),), ScalingState.SHOWN, "of this load alone, calls for 5 as well"),
    "the new ones as well, a measurement later": (((70, 70, 300, 300), (80, 80, 80, 80)), ScalingState.SHOWN, "calls for 5 as well"),
    # They warm up: what one of them uses for the load is no more than what one of the others does.
    "the new ones, and the others nothing": (((10, 10, 0, 0), (10, 10, 300, 300)), ScalingState.UNATTRIBUTED, "may have asked for them"),
    "one replica more would have been enough": (((100, 100, 0, 0),), ScalingState.SHOWN, "calls for 3 as well"),
    "an earlier load's": (((10, 10, 300, 300), (10, 10, 10, 10)), ScalingState.UNATTRIBUTED, "an earlier load may have asked for them"),
    "within the tolerance": (((76, 76, 300, 300), (40, 40, 40, 40)), ScalingState.UNATTRIBUTED, "may have asked for them"),
    # Four idle pods use 24m, 12m of them more than two: 164m of 2 × 100m are 76% after that.
    "with the price of the new pods": (((10, 10, 300, 300), (41, 41, 41, 41)), ScalingState.UNATTRIBUTED, "may have asked for them"),
    "too late to say something of the decision": (((10, 10, 9, 9),) * 3 + ((90, 90, 90, 90),), ScalingState.UNATTRIBUTED, "may have asked"),
}


@pytest.mark.parametrize("case", LATER)
def test_a_decision_on_a_measurement_that_began_before_the_load_is_confirmed_by_the_next(case: str) -> None:
    later, state, words = LATER[case]
    seen = mixed(observed())
    for number, millicores in enumerate(later):
        seen.usage(BEGAN + 21 + 15 * number, usage(20 + 15 * number, *millicores))
    found, _, text, _ = said(end(seen, 30 + 15 * len(later)))
    assert found is state
    assert words in text


#: When the measurement before the mixed one ended (None: there was none), what the pods used in it and in the mixed one, what was read at
#: the load's begin, and when it was decided.
BEFORE: dict[str, tuple[float | None, tuple[int, int], tuple[int, int], int, float, ScalingState]] = {
    "idle, and measured": (-10, (6, 6), (125, 125), 6, 8, ScalingState.SHOWN),
    "read as not idle": (-10, (6, 6), (125, 125), 100, 8, ScalingState.UNATTRIBUTED),
    "measured as not idle": (-10, (90, 90), (125, 125), 6, 8, ScalingState.UNATTRIBUTED),
    "not measured": (None, (6, 6), (125, 125), 6, 8, ScalingState.UNATTRIBUTED),
    "not measured for long": (-41, (6, 6), (125, 125), 6, 8, ScalingState.UNATTRIBUTED),
    "not measured for three seconds": (-13, (6, 6), (125, 125), 6, 8, ScalingState.UNATTRIBUTED),
    # 5 of 15 s at 2 × 400m are 267m.
    "more than the load can have made": (-10, (6, 6), (145, 145), 6, 8, ScalingState.UNATTRIBUTED),
    # It was measured by then: the controller looks more often than a round is looked for.
    "decided before the measurement was seen": (-10, (6, 6), (125, 125), 6, 5.5, ScalingState.SHOWN),
    "decided before it was measured": (-10, (6, 6), (125, 125), 6, 3, ScalingState.UNATTRIBUTED),
}


@pytest.mark.parametrize("case", BEFORE)
def test_a_decision_is_confirmed_only_where_little_is_known_to_have_been_before_the_load(case: str) -> None:
    measured_s, then, now, percent, decided_s, state = BEFORE[case]
    seen = observed(cpu_percent=percent)
    if measured_s is not None:
        seen.usage(BEGAN - 9, usage(measured_s, *then))
    if decided_s < 6:
        seen.autoscaler(BEGAN + decided_s, autoscaler(4, 125))
    seen.usage(BEGAN + 6, usage(5, *now))
    if decided_s > 6:
        seen.autoscaler(BEGAN + decided_s, autoscaler(4, 125))
    seen.pods(BEGAN + 14, [*TWO, pod("app-3"), pod("app-4")])
    seen.usage(BEGAN + 21, usage(20, 150, 150, 300, 300))
    assert said(end(seen, 45))[0] is state


def test_a_confirmed_decision_is_still_held_to_its_reading() -> None:
    """A reading of 125% on two pods makes four."""
    seen = mixed(observed(maximum=9), after=6, maximum=9)
    seen.usage(BEGAN + 21, usage(20, 150, 150, 300, 300))
    state, _, text, _ = said(end(seen, 45))
    assert state is ScalingState.UNATTRIBUTED
    assert text.endswith("while its reading of 125% calls for 4 at most: something else asked for them")


def test_pods_that_were_restarted_meanwhile_confirm_nothing() -> None:
    """What app-2 uses is its second start."""
    seen = mixed(observed())
    again = replace(TWO[1], containers=(replace(TWO[1].containers[0], restarts=1),))
    seen.pods(BEGAN + 15, [TWO[0], again, pod("app-3"), pod("app-4")])
    seen.usage(BEGAN + 21, usage(20, 10, 300))
    assert said(end(seen, 45))[0] is ScalingState.UNATTRIBUTED


def test_a_pod_that_goes_makes_no_new_measurement_of_the_others() -> None:
    seen = mixed(observed())
    seen.usage(BEGAN + 21, usage(20, 10, 10, 300, 300))
    for gone in range(3):
        seen.usage(BEGAN + 22 + gone, usage(20, *(10, 10, 300, 300)[: 3 - gone]))
    seen.usage(BEGAN + 36, usage(35, 80, 80, 80, 80))
    assert said(end(seen, 60))[0] is ScalingState.SHOWN


def test_a_decision_on_a_measurement_that_was_seen_a_little_later_is_the_loads() -> None:
    """Rounds are looked for every ten seconds. What had been seen until then calls for nothing."""
    seen = observed()
    seen.usage(BEGAN - 9, usage(-10, 6, 6))
    seen.usage(BEGAN + 6, usage(5, 20, 20))
    seen.autoscaler(BEGAN + 26, autoscaler(4, 184))
    seen.usage(BEGAN + 31, usage(20.5, 184, 184))
    seen.pods(BEGAN + 34, [*TWO, pod("app-3"), pod("app-4")])
    assert said(end(seen, 45))[:3] == (ScalingState.SHOWN, Verdict.PASS, "2 → 4 replicas at 26.0 s, app-3 ready at 34.0 s")
