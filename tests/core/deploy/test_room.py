"""A pod without a node: the numbers, and who has what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.deploy.room import NodeRoom, Taker, shortage
from tests.core.stack_examples import container, pod

pytestmark = pytest.mark.unit

MEBI = 2**20
ROOM = NodeRoom("minikube", 2000, 2000, 4096 * MEBI, 1024 * MEBI)
WAITING = pod("app-1", container("app", ""))
UNPLACED = replace(WAITING, scheduling_message="0/1 nodes are available: 1 Insufficient cpu.", cpu_requests_millicores=(150,))


def test_those_who_hold_the_node_are_named_those_with_most_first() -> None:
    takers = (
        Taker("shelter", 350, 448 * MEBI),
        Taker("kube-system", 850, 370 * MEBI),
        Taker("idle", 0, 0),
        Taker("course", 800, 206 * MEBI),
    )
    said = shortage(UNPLACED, [replace(ROOM, takers=takers)])
    assert said.endswith("left (2000m are requested: 850m in kube-system, 800m in course, 350m in shelter)")


def test_the_rest_is_one_sum() -> None:
    takers = tuple(Taker(f"team-{number}", 100 * number, 0) for number in range(1, 7))
    said = shortage(UNPLACED, [replace(ROOM, takers=takers)])
    assert said.endswith("600m in team-6, 500m in team-5, 400m in team-4, 300m in team-3, 300m in 2 more namespaces)")


def test_of_memory_where_that_is_short() -> None:
    short = replace(WAITING, scheduling_message="0/1 nodes are available: 1 Insufficient memory.", memory_requests_bytes=(4000 * MEBI,))
    said = shortage(short, [replace(ROOM, takers=(Taker("course", 100, 1024 * MEBI),))])
    assert (
        said == "it asks for 4000 MiB of memory; node minikube has 3072 MiB of 4096 MiB left (1024 MiB are requested: 1024 MiB in course)"
    )
