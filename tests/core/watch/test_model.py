"""What `status watch` makes of the cluster's events: the state that it shows and the changes that it tells."""

from dataclasses import replace

import pytest

from shelterctl.core.events import (
    AutoscalerGone,
    AutoscalerSeen,
    ClusterEventSeen,
    Event,
    LoadTick,
    PodsSeen,
    UsageSeen,
    WatchDropped,
    WatchRestored,
)
from shelterctl.core.state import Condition, Role
from shelterctl.core.watch.history import HistorySample
from shelterctl.core.watch.model import WatchModel
from tests.core.watch.examples import APP_1, APP_2, DB, NOON, STACK, pod, scaler, told, usage, waiting

pytestmark = pytest.mark.unit

LIMITED = Condition("ScalingLimited", True, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
AT_REST: list[tuple[float, Event]] = [(0.0, AutoscalerSeen(scaler())), (0.1, PodsSeen(STACK))]


def tick(**changes: object) -> LoadTick:
    return replace(LoadTick(1.0, 200, 612, 0, 42.0, 210.0, 480.0, 31.0, 3.0, {"app-1": 300, "app-2": 100}), **changes)  # type: ignore[arg-type]


def test_the_first_look_is_told_in_one_line_each() -> None:
    _, words = told([*AT_REST, (1.0, UsageSeen(usage(NOON - 22, app_1=4, app_2=5, mongodb_0=2)))])
    assert words == [
        "0 hpa app: desired 2, cpu 4% of 70%, from 2 to 5 replicas",
        "0.1 pods: app 2 of 2 ready, db 1 of 1 ready",
        "1 metrics: samples, 23 s old, app 9m in 2 pods, db 2m",
    ]


def test_a_scale_up_is_told_from_the_reading_to_the_ready_pod() -> None:
    new = pod("app-3", created_s=NOON + 61)
    model, words = told(
        [
            *AT_REST,
            (60.0, AutoscalerSeen(scaler(2, 184))),
            (60.5, AutoscalerSeen(scaler(5, 184, current=2, conditions=(*scaler(5, 184).conditions, LIMITED)))),
            (61.0, PodsSeen((*STACK, waiting(new, "ContainerCreating")))),
            (69.0, PodsSeen((*STACK, new))),
        ]
    )
    assert words[2:] == [
        "60 hpa app: reads cpu 184% of 70%",
        "60.5 hpa app: desired 2 → 5, its maximum; it wants 6, cpu 184% of 70%",
        "61 pod app-3: created",
        "69 pod app-3: ready after 8 s",
    ]
    assert (model.ready, model.wanted, model.beyond) == (3, 6, 6)
    assert model.history == (
        HistorySample(NOON + 0.1, 2, 2, 4),
        HistorySample(NOON + 60, 2, 2, 184),
        HistorySample(NOON + 60.5, 5, 2, 184),
        HistorySample(NOON + 69, 5, 3, 184),
    )


def test_what_a_reading_wants_is_counted_with_the_pods_of_that_reading_and_not_with_those_that_came_later() -> None:
    more = tuple(pod(f"app-{number}") for number in range(3, 6))
    model, _ = told([*AT_REST, (60.0, AutoscalerSeen(scaler(5, 184, current=2))), (70.0, PodsSeen((*STACK, *more)))])
    assert (model.ready, model.wanted) == (5, 6)


@pytest.mark.parametrize(("tolerance", "wanted"), [(None, 3), ("0.5", 2)])
def test_what_a_reading_wants_is_by_the_autoscalers_own_tolerance(tolerance: str | None, wanted: int) -> None:
    rules = {"scaleUp": {"tolerance": tolerance}} if tolerance else {}
    model, _ = told([*AT_REST, (60.0, AutoscalerSeen(replace(scaler(2, 100), behavior=rules)))])
    assert model.wanted == wanted


def test_a_reading_that_stirs_a_little_is_no_change() -> None:
    _, words = told(
        [*AT_REST, (15.0, AutoscalerSeen(scaler(2, 6))), (30.0, AutoscalerSeen(scaler(2, 8))), (45.0, AutoscalerSeen(scaler(2, 9)))]
    )
    assert words[2:] == ["45 hpa app: reads cpu 9% of 70%"]


def test_at_the_maximum_it_is_told_once_that_more_is_wanted() -> None:
    at_maximum = scaler(5, 184, conditions=(*scaler(5, 184).conditions, LIMITED))
    five = (*STACK, *(pod(f"app-{number}") for number in range(3, 6)))
    _, words = told(
        [
            (0.0, PodsSeen(five)),
            (0.1, AutoscalerSeen(scaler(5, 60))),
            (15.0, AutoscalerSeen(at_maximum)),
            (30.0, AutoscalerSeen(replace(at_maximum, cpu_percent=186))),
        ]
    )
    assert words[2:] == ["15 hpa app: stays at 5, its maximum; it wants 14, cpu 184% of 70%"]


def test_an_autoscaler_that_loses_its_metric_says_why() -> None:
    model, words = told([*AT_REST, (15.0, AutoscalerSeen(scaler(2, None))), (75.0, AutoscalerSeen(scaler(2, 4)))])
    assert words[2:] == ["15 hpa app: has no metric: FailedGetResourceMetric: no metrics", "75 hpa app: has a metric: cpu 4% of 70%"]
    assert [sample.cpu_percent for sample in model.history] == [4, None, 4]


def test_a_deleted_autoscaler_is_told_and_its_reading_is_not_shown_any_more() -> None:
    model, words = told([*AT_REST, (20.0, AutoscalerGone("app"))])
    assert words[2:] == ["20 hpa app: was deleted: nothing scales the application"]
    assert (model.autoscaler, model.autoscaler_known, model.wanted) == (None, True, None)
    assert model.history[-1] == HistorySample(NOON + 20, None, 2, None)


def test_where_nothing_is_deployed_it_is_said_once_and_what_appears_is_told() -> None:
    _, words = told(
        [
            (0.0, PodsSeen(())),
            (0.1, AutoscalerGone("")),
            (30.0, PodsSeen((waiting(pod("app-1", created_s=NOON + 30), "ContainerCreating"),))),
            (38.0, PodsSeen((pod("app-1", created_s=NOON + 30),))),
            (39.0, AutoscalerSeen(scaler(2, None))),
        ]
    )
    assert words == [
        "0.1 stack: nothing is deployed in namespace shelter: shelterctl up",
        "30 pod app-1: created",
        "38 pod app-1: ready after 8 s",
        "39 hpa app: desired 2, cpu unknown of 70%, from 2 to 5 replicas",
    ]


def test_a_pod_that_is_deleted_and_replaced() -> None:
    new = pod("app-9", created_s=NOON + 10)
    _, words = told(
        [
            *AT_REST,
            (10.0, PodsSeen((replace(APP_1, deleting=True), APP_2, waiting(new, "ContainerCreating"), DB))),
            (18.0, PodsSeen((replace(APP_1, deleting=True, ready=False), APP_2, new, DB))),
            (40.0, PodsSeen((APP_2, new, DB))),
        ]
    )
    assert words[2:] == ["10 pod app-1: is being deleted", "10 pod app-9: created", "18 pod app-9: ready after 8 s", "40 pod app-1: gone"]


def test_a_killed_database_is_told_with_its_exit_code_and_is_ready_again() -> None:
    killed = replace(
        pod("mongodb-0", Role.DATABASE, ready=False, restarts=1),
        containers=(
            replace(DB.containers[0], ready=False, restarts=1, last_exit_code=137, last_reason="Error", last_finished_at_s=NOON + 9),
        ),
    )
    _, words = told(
        [*AT_REST, (10.0, PodsSeen((APP_1, APP_2, killed))), (14.0, PodsSeen((APP_1, APP_2, pod("mongodb-0", Role.DATABASE, restarts=1))))]
    )
    assert words[2:] == [
        "10 pod mongodb-0: restarted, Error with exit code 137, restart 1",
        "10 pod mongodb-0: not ready any more",
        "14 pod mongodb-0: ready again",
    ]


def test_a_pod_that_cannot_run_says_what_keeps_it() -> None:
    stuck = pod("app-3", ready=False, scheduled=False, scheduling_message="0/1 nodes are available: 1 Insufficient cpu.", containers=())
    _, words = told([*AT_REST, (5.0, PodsSeen((*STACK, stuck))), (9.0, PodsSeen((waiting(APP_1, "CrashLoopBackOff"), APP_2, DB, stuck)))])
    assert words[2:] == [
        "5 pod app-3: created",
        "5 pod app-3: no node takes it: 0/1 nodes are available: 1 Insufficient cpu.",
        "9 pod app-1: not ready any more",
        "9 pod app-1: CrashLoopBackOff",
    ]


def test_metrics_are_told_when_they_are_new_with_the_time_since_the_last() -> None:
    first, same, new = usage(NOON - 10, app_1=4), usage(NOON - 10, app_1=5), usage(NOON + 51, app_1=371)
    model, words = told([*AT_REST, (1.0, UsageSeen(first)), (11.0, UsageSeen(same)), (60.0, UsageSeen(new)), (70.0, UsageSeen(()))])
    assert words[2:] == [
        "1 metrics: samples, 11 s old, app 4m",
        "60 metrics: new samples, 61 s after the last, app 371m",
        "70 metrics: nothing measures the pods any more",
    ]
    assert [(note.text, note.count) for note in model.notes if note.key == "metrics"] == [("nothing measures the pods any more", 3)]


def test_watches_that_drop_together_are_one_line_and_back_when_the_last_is() -> None:
    model, words = told(
        [
            *AT_REST,
            (10.0, WatchDropped("pods", "Connection refused")),
            (10.1, WatchDropped("events", "Connection refused")),
            (17.0, WatchRestored("pods", 7.0)),
            (17.5, WatchRestored("events", 7.4)),
        ]
    )
    assert words[2:] == ["10 watch: of pods dropped, trying again: Connection refused", "17.5 watch: is back after 7.5 s"]
    assert (model.dropped, model.dropped_s, model.drops) == ((), None, 1)


def test_of_the_clusters_own_events_the_warnings_are_told_and_repeats_take_one_place() -> None:
    probe = ClusterEventSeen("pod/app-1", "Unhealthy", "Readiness probe failed", True)
    pulled = ClusterEventSeen("pod/app-1", "Pulled", "Container image is there", False)
    model, words = told([*AT_REST, (5.0, pulled), (6.0, probe), (16.0, probe)])
    assert words[2:] == ["6 pod app-1: Unhealthy: Readiness probe failed", "16 pod app-1: Unhealthy: Readiness probe failed"]
    assert [(note.at_s - NOON, note.count) for note in model.notes if note.style == "doubt"] == [(16.0, 2)]


def test_a_load_gives_the_shares_of_the_requests_and_is_forgotten_when_it_is_silent() -> None:
    model, words = told([*AT_REST, (10.0, tick()), (11.0, tick(by_pod={"app-1": 0, "app-2": 400}))])
    assert words[2:] == ["10 load: 200 users"]
    assert model.shares(NOON + 12) == {"app-1": 0.375, "app-2": 0.625}
    assert (model.load(NOON + 16), model.load(NOON + 16.1), model.shares(NOON + 16.1)) == (
        tick(by_pod={"app-1": 0, "app-2": 400}),
        None,
        {},
    )


def test_the_parts_of_a_users_own_stack_have_the_names_of_their_workloads() -> None:
    stack = (
        pod("flask-app-1", workload="flask-app"),
        pod("web-1", Role.OTHER, workload="web"),
        pod("mongo-0", Role.DATABASE, workload="mongo"),
    )
    events: list[tuple[float, Event]] = [(0.1, PodsSeen(stack)), (1.0, UsageSeen(usage(NOON, flask_app_1=300, web_1=5, mongo_0=70)))]
    _, own = told(events, replace(WatchModel("shop", "minikube", NOON), own_names=True))
    assert own == [
        "0.1 pods: flask-app 1 of 1 ready, web 1 of 1 ready, mongo 1 of 1 ready",
        "1 metrics: samples, 1 s old, flask-app 300m, web 5m, mongo 70m",
    ]
    _, shipped = told(events)
    assert shipped[0] == "0.1 pods: app 1 of 1 ready, web 1 of 1 ready, db 1 of 1 ready"
    # A target that tells no names has the parts.
    _, unnamed = told([(0.1, PodsSeen((pod("app-1"),)))], replace(WatchModel("shop", "local", NOON), own_names=True))
    assert unnamed == ["0.1 pods: app 1 of 1 ready"]
