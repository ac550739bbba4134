"""How busy the nodes of the application were over a load, from measurements with times of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.events import NodesSeen, NodeUsage
from shelterctl.core.load.bottleneck import Limit, bottleneck
from shelterctl.core.load.course.nodes import NodePoint, busy_nodes
from shelterctl.core.load.timeline import ReplicaPoint, Timeline, UsagePoint
from shelterctl.core.serial import from_json, to_json
from tests.core.load.examples import BEGAN, GENERATOR, PLAN, TRAFFIC, end, exact_clock, observed

pytestmark = pytest.mark.unit


def point(at_s: float, percent: int, *, node: str = "minikube", window_s: float = 60.0, app_pods: int = 2) -> NodePoint:
    return NodePoint(node, at_s + 3, at_s, window_s, percent * 20, 2000, app_pods)


def test_the_share_of_the_load_in_which_a_node_was_full() -> None:
    (found,) = busy_nodes([point(30, 40), point(90, 95), point(150, 97), point(210, 50)], 240.0)
    assert found.busy_share == pytest.approx(120 / 240)
    assert found.measured_share == pytest.approx(210 / 240)
    assert found.most_percent == 97
    assert found.mean_percent == pytest.approx((30 * 40 + 60 * 95 + 60 * 97 + 60 * 50) / 210)


def test_what_was_not_measured_is_not_busy_and_no_second_counts_twice() -> None:
    # Windows of 15 s every minute: three quarters of the time nobody looked.
    (sparse,) = busy_nodes([point(at, 99, window_s=15.0) for at in (60, 120, 180, 240)], 240.0)
    assert (sparse.busy_share, sparse.measured_share) == (0.25, 0.25)
    # Windows of 60 s every 15 s overlap.
    (dense,) = busy_nodes([point(at, 99) for at in range(15, 241, 15)], 240.0)
    assert (dense.busy_share, dense.measured_share) == (1.0, 1.0)


def test_a_node_without_a_pod_of_the_application_is_nobodys_limit() -> None:
    assert busy_nodes([point(60, 99, node="other", app_pods=0)], 240.0) == ()


SLOW = Timeline(240.0, True, (ReplicaPoint(0.0, 2, 2, 40, 70),), usage=(UsagePoint(60.0, 50.0, 15.0, 600, 2, 30.0, 35.0),))
FULL = tuple(point(at, 96) for at in (60.0, 120.0, 180.0, 240.0))


@pytest.mark.parametrize(
    ("timeline", "limit"),
    [
        (replace(SLOW, nodes=FULL), Limit.NODE_CPU),
        # Half of the load, and a quarter of it: the limit, and a suspect.
        (replace(SLOW, nodes=FULL[:2]), Limit.NODE_CPU),
        (replace(SLOW, nodes=FULL[:1]), Limit.UNKNOWN),
        (replace(SLOW, nodes=tuple(replace(p, cpu_millicores=1780) for p in FULL)), Limit.NONE),
        # Pods at their own limits would be throttled on a larger node, too.
        (replace(SLOW, nodes=FULL, usage=(replace(SLOW.usage[0], limit_percent=97.0),)), Limit.CPU),
        # Without limits there is none to be at; without measurements that is not known.
        (replace(SLOW, nodes=FULL, usage=(replace(SLOW.usage[0], limit_percent=None),)), Limit.NODE_CPU),
        (replace(SLOW, nodes=FULL, usage=()), Limit.UNKNOWN),
    ],
)
def test_a_full_node_is_the_limit_of_slow_answers(timeline: Timeline, limit: Limit) -> None:
    assert bottleneck(PLAN, TRAFFIC, GENERATOR, timeline).limit is limit


def test_a_full_node_kept_a_load_that_was_served_from_nothing() -> None:
    found = bottleneck(PLAN, replace(TRAFFIC, p95_ms=60.0), GENERATOR, replace(SLOW, nodes=FULL))
    assert (found.limit, [item.limit for item in found.reached]) == (Limit.NONE, [Limit.NODE_CPU])


def test_measurements_are_placed_on_the_loads_clock_once_each() -> None:
    seen = observed()
    # The node's clock is five seconds ahead of this machine's.
    seen.clocks(exact_clock(10, ahead_s=5.0, node="far"))
    seen.clocks(exact_clock(10.1, ahead_s=5.0, node="far"))
    told = NodesSeen((NodeUsage("far", 1900, 2000, BEGAN + 65, 60.0), NodeUsage("minikube", 500, 2000, BEGAN - 5, 60.0)))
    seen.nodes(BEGAN + 62, told)
    seen.nodes(BEGAN + 72, told)
    timeline = end(seen)
    assert [(item.node, round(item.sampled_at_s), item.seen_at_s, item.app_pods) for item in timeline.nodes] == [("far", 60, 62.0, 0)]
    assert timeline.nodes_problem == ""
    seen.nodes(BEGAN + 80, NodesSeen((), "the nodes' CPU could not be read: forbidden"))
    assert end(seen).nodes_problem == "the nodes' CPU could not be read: forbidden"


def test_a_timeline_that_was_recorded_before_nodes_were_read_is_read() -> None:
    kept = to_json(SLOW)
    assert isinstance(kept, dict)
    del kept["nodes"], kept["nodes_problem"]
    assert from_json(Timeline, kept).nodes == ()
