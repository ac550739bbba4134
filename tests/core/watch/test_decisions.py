"""What an autoscaler decided and can decide, by what its status told: the controller's rules, and what is not known said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, Event, PodsSeen, UsageSeen, WatchDropped, WatchRestored
from shelterctl.core.state import Autoscaler, Condition
from shelterctl.core.watch.decisions import Outlook, outlook
from shelterctl.core.watch.model import WatchModel
from shelterctl.core.watch.words import last_words, next_words, now_words
from tests.core.watch.examples import NOON, STACK, pod, scaler, told, usage

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("utc")]

FIVE = (*STACK, *(pod(f"app-{number}") for number in range(3, 6)))
#: Two passes a minute apart, so that it is known when the controller looks.
REST: list[tuple[float, Event]] = [(0.0, PodsSeen(STACK)), (0.1, AutoscalerSeen(scaler(2, 60))), (60.0, AutoscalerSeen(scaler(2, 61)))]
UP: list[tuple[float, Event]] = [*REST, (75.0, AutoscalerSeen(scaler(5, 184, current=2))), (80.0, PodsSeen(FIVE))]
#: The load ends: the reading falls at 135 s.
QUIET: list[tuple[float, Event]] = [*UP, (135.0, AutoscalerSeen(scaler(5, 20)))]


def seen(events: list[tuple[float, Event]]) -> tuple[WatchModel, Autoscaler]:
    model, _ = told(events)
    assert model.autoscaler is not None
    return model, model.autoscaler


def at(events: list[tuple[float, Event]], after_s: float) -> Outlook:
    model, now = seen(events)
    found = outlook(now, model.heard, model.wanted, NOON + after_s)
    assert found is not None
    return found


def steady(events: list[tuple[float, Event]], after_s: float) -> tuple[float, int] | None:
    """The first change if the load stays, in tenths of a second."""
    found = at(events, after_s).steady
    return None if found is None else (round(found[0], 1), found[1])


def with_scaler(events: list[tuple[float, Event]], **changes: object) -> list[tuple[float, Event]]:
    return [(t, AutoscalerSeen(replace(e.autoscaler, **changes)) if isinstance(e, AutoscalerSeen) else e) for t, e in events]  # type: ignore[arg-type]


def words(events: list[tuple[float, Event]], after_s: float) -> tuple[str, str, str, str]:
    model, now = seen(events)
    return (
        now_words(now, model.wanted),
        last_words(now, model.heard, NOON + after_s),
        *next_words(now, model.heard, model.wanted, NOON + after_s),
    )


def test_it_looks_every_fifteen_seconds_from_the_last_pass_that_was_heard() -> None:
    assert [round(at(REST, after_s).look_s, 3) for after_s in (60.0, 61.0, 75.0, 76.0)] == [15.0, 14.0, 0.0, 14.0]


def test_until_a_pass_was_heard_the_next_is_within_a_period() -> None:
    young = REST[:2]
    assert words(young, 20.0)[2] == "can come within 15 s (estimated): more; it is at its minimum"
    assert not at(young, 20.0).look_known


def test_where_it_was_seen_to_look_more_often_that_counts() -> None:
    often: list[tuple[float, Event]] = [*REST, (65.0, AutoscalerSeen(scaler(2, 62))), (70.0, AutoscalerSeen(scaler(2, 63)))]
    assert at(often, 71.0).look_s == pytest.approx(4.0)


def test_a_reading_changes_with_the_next_samples_and_no_decision_comes_before() -> None:
    sampled: list[tuple[float, Event]] = [
        *REST, (62.0, UsageSeen(usage(NOON - 10, app_1=60))), (63.0, UsageSeen(usage(NOON + 50, app_1=60))),
    ]  # fmt: skip
    # Samples at -10 and 50 s: the next at 110 s; passes at 105 and 120 s.
    assert at(sampled, 64.0).more_s == pytest.approx(56.0)
    assert at(REST, 64.0).more_s == pytest.approx(11.0)


def test_at_rest_at_the_minimum_only_more_can_come() -> None:
    assert words(REST, 64.0) == (
        "holds 2: that is what cpu asks for",
        "none: it has not scaled yet",
        "can come in 11 s (estimated): more; it is at its minimum",
        "estimated at this load: stays",
    )


def test_at_the_maximum_only_fewer_can_come_and_not_before_the_window_is_over() -> None:
    # The pass at 90 s still asks for 6, however soon the load ends: that is remembered for 300 s.
    assert at(UP, 82.0).fewer_s == pytest.approx(308.0)
    assert words(UP, 82.0) == (
        "holds 5: cpu asks for 6, its maximum is 5",
        "2 → 5 at 12:01:15, 7 s ago: cpu 184% of 70% asked for 6; its maximum is 5",
        "can come in 5 min 8 s (estimated): fewer; it is at its maximum",
        "estimated at this load: stays",
    )


def test_when_the_load_has_ended_the_pods_stay_until_the_last_high_reading_is_forgotten() -> None:
    # The last pass that asked for 6 was at 120 s, 15 s before the one that read 20%.
    assert (steady(QUIET, 200.0), at(QUIET, 200.0).fewer_known) == ((220.0, 2), True)
    assert words(QUIET, 200.0)[2:] == (
        "can come in 3 min 40 s (estimated): fewer; it is at its maximum",
        "estimated at this load: 2 in 3 min 40 s",
    )


def test_a_window_of_its_own_counts() -> None:
    down = with_scaler(QUIET, behavior={"scaleDown": {"stabilizationWindowSeconds": 60}})
    assert steady(down, 140.0) == (40.0, 2)


def test_a_policy_slows_the_way_down() -> None:
    slow = with_scaler(
        QUIET,
        behavior={"scaleDown": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    )
    assert steady(slow, 140.0) == (10.0, 4)
    one_less = [*slow, *with_scaler([(150.0, AutoscalerSeen(scaler(4, 20)))], behavior=seen(slow)[1].behavior)]
    assert steady(one_less, 151.0) == (59.0, 3)


def test_where_scaling_down_is_disabled_it_is_not_promised() -> None:
    never = with_scaler(QUIET, behavior={"scaleDown": {"selectPolicy": "Disabled"}})
    found = at(never, 140.0)
    assert (found.steady, found.fewer_s, found.more_s) == (None, None, None)
    assert words(never, 140.0)[2] == "none can come: its policies forbid it"


def test_what_the_controller_remembers_from_before_the_watch_is_not_known() -> None:
    young: list[tuple[float, Event]] = [(0.0, PodsSeen(FIVE)), (0.1, AutoscalerSeen(scaler(5, 20))), (30.0, AutoscalerSeen(scaler(5, 21)))]
    found = at(young, 40.0)
    assert not found.fewer_known
    assert found.fewer_s == pytest.approx(260.0)
    assert words(young, 40.0)[2:] == (
        "can come in 5 s (estimated): fewer by 4 min 20 s at the latest",
        "estimated at this load: 2 within 4 min 20 s",
    )
    assert at(young, 301.0).fewer_known


def test_a_scale_down_names_the_reading_that_it_came_by() -> None:
    assert words([*QUIET, (420.0, AutoscalerSeen(scaler(2, 20)))], 425.0)[1] == "5 → 2 at 12:07:00, 5 s ago: cpu 20% of 70% asked for 2"


def test_what_a_window_holds_is_told_where_the_autoscaler_says_so() -> None:
    held = Condition("AbleToScale", True, "ScaleDownStabilized", "recent recommendations were higher")
    events = [*UP, (135.0, AutoscalerSeen(scaler(5, 20, conditions=(*scaler(5, 20).conditions, held))))]
    assert words(events, 140.0)[0] == "holds 5: cpu asks for 2, and did for more within the last 5 min"
    assert words(QUIET, 140.0)[0] == "holds 5: cpu asks for 2"


def test_replicas_that_somebody_else_set_are_not_called_its_decision() -> None:
    events: list[tuple[float, Event]] = [
        (0.0, PodsSeen(STACK)),
        (0.1, AutoscalerSeen(scaler(2, 60, last_scale_at_s=NOON - 900))),
        (15.0, AutoscalerSeen(scaler(4, 60, last_scale_at_s=NOON - 900))),
    ]
    assert words(events, 20.0)[1] == "2 → 4 at 12:00:15, 5 s ago: somebody else set the replicas, not the HPA"


def test_bounds_that_were_changed_are_the_reason() -> None:
    events = [*REST, (70.0, AutoscalerSeen(scaler(3, 61, minimum=3)))]
    assert words(events, 72.0)[1] == "2 → 3 at 12:01:10, 2 s ago: its settings were changed"


def test_a_reading_that_does_not_explain_a_decision_is_not_given_as_its_reason() -> None:
    events = [*REST, (70.0, AutoscalerSeen(scaler(4, 61)))]
    assert words(events, 72.0)[1] == "2 → 4 at 12:01:10, 2 s ago: cpu 61% of 70% by the status"


def test_a_decision_before_the_watch_has_its_time_and_no_reason() -> None:
    events: list[tuple[float, Event]] = [(0.0, PodsSeen(STACK)), (0.1, AutoscalerSeen(scaler(2, 60, last_scale_at_s=NOON - 720)))]
    assert words(events, 0.0)[1] == "12 min ago, before this watch began: its reason was not seen"


def test_without_a_metric_nothing_is_promised_but_the_next_look() -> None:
    assert words([*REST, (75.0, AutoscalerSeen(scaler(2, None)))], 80.0) == (
        "", "none: it has not scaled yet", "none until it has a metric; it looks again within 10 s (estimated)", "",
    )  # fmt: skip


def test_minimum_and_maximum_that_are_one_leave_nothing_to_decide() -> None:
    events = with_scaler(REST, minimum=2, maximum=2)
    assert words(events, 64.0)[2] == "none can come: its minimum and maximum are both 2"


def test_what_happened_while_the_watch_was_away_is_not_known() -> None:
    dropped: list[tuple[float, Event]] = [
        *UP,
        (140.0, WatchDropped("autoscaler", "Connection refused")),
        (170.0, WatchRestored("autoscaler", 30.0)),
        (170.1, AutoscalerSeen(scaler(5, 20))),
    ]
    assert at(QUIET, 200.0).fewer_known
    assert not at(dropped, 200.0).fewer_known
    # The latest: as if it had asked for 5 in the moment in which the watch came back.
    assert at(dropped, 200.0).fewer_s == pytest.approx(270.0)
    assert words(dropped, 200.0)[1].startswith("2 → 5 at 12:01:15")


def test_a_deleted_autoscaler_is_forgotten() -> None:
    model, _ = told([*UP, (90.0, AutoscalerGone("app")), (95.0, AutoscalerSeen(scaler(2, 60)))])
    assert (model.heard.decisions, model.heard.since_s) == ((), NOON + 95)


def test_pods_that_are_heard_after_the_reading_give_it_its_meaning() -> None:
    assert steady([(0.0, AutoscalerSeen(scaler(2, 140))), (1.0, PodsSeen(STACK))], 2.0) == (15.0, 4)
