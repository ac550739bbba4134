"""Waiting for a rollout: what ends it early, and which cause is told where several things are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from shelterctl.adapters.kube.hints import KubectlHints
from shelterctl.core.deploy.room import NodeRoom
from shelterctl.core.state import Autoscaler, Happening, Pod, PodName, StackState, Usage, Workload
from shelterctl.errors import ApiRejected, RolloutFailed, WaitTimeout
from shelterctl.ops.up.rollout_wait import crashed, wait_for_metric, wait_for_rollouts, waiting_for
from shelterctl.ports.target import Target
from tests.core.stack_examples import CLAIM, DATABASE, DEPLOYMENT, NOW, STATEFUL_SET, container, pod
from tests.fakes import SteppedClock

pytestmark = pytest.mark.unit

FULL = (NodeRoom("minikube", 2000, 1900, 4 * 2**30, 2**30),)


@dataclass
class ToldStates:
    """A target that tells prepared states, the last one again and again."""

    states: list[StackState]
    rooms_now: tuple[NodeRoom, ...] | None = FULL
    hints: KubectlHints = field(default_factory=KubectlHints)
    noun: str = "the cluster"
    log: tuple[str, ...] = ()

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def rooms(self) -> tuple[NodeRoom, ...]:
        if self.rooms_now is None:
            raise ApiRejected("nodes is forbidden", status=403)
        return self.rooms_now

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]:
        return self.log


def state(*pods: Pod, app: Workload = DEPLOYMENT, database: Workload = STATEFUL_SET, happenings: tuple[Happening, ...] = ()) -> StackState:
    return StackState(NOW, "shelter", (app, database), pods, None, (CLAIM,), None, happenings)


def test_only_a_pod_that_waits_for_an_image_that_came_is_made_anew() -> None:
    """The kubelet looks again after up to five minutes, so `up` replaces it; no other pod is touched."""
    back_off = container("waiting", "ImagePullBackOff", image="late:1")
    late = pod("app-late", back_off)
    never = pod("app-never", replace(back_off, reason="ErrImageNeverPull"))
    other = pod("app-other", replace(back_off, image="other:1"))
    crashing = pod("app-crashing", replace(back_off, reason="CrashLoopBackOff"))
    going = replace(late, name=PodName("app-going"), deleting=True)
    found = waiting_for(state(late, never, other, crashing, going, pod("app-1")), {"late:1"})
    assert [each.name for each in found] == ["app-late", "app-never"]


def waited(target: ToldStates, *, timeout_s: float = 300) -> tuple[str, list[str]]:
    """The last step's title and what was said while waiting."""
    operation: Iterator[str] = wait_for_rollouts(
        cast(Target, target), SteppedClock(NOW - 1_000_000_000), timeout_s=timeout_s, changed=False
    )
    said: list[str] = []
    while True:
        try:
            said.append(next(operation))
        except StopIteration as stop:
            return stop.value.title, said


NOT_YET = replace(STATEFUL_SET, updated=1, ready=0, available=0)
APP_WAITS = replace(DEPLOYMENT, ready=0, available=0)
GAVE_UP = replace(APP_WAITS, failure="ProgressDeadlineExceeded: timed out progressing", failed_at_s=NOW + 60)
APP = [pod("app-1"), pod("app-2")]
UNREADY = [pod(name, replace(container("running"), started_at_s=NOW)) for name in ("app-1", "app-2")]
UNPLACED = replace(
    DATABASE,
    ready=False,
    scheduled=False,
    node="",
    scheduling_message="0/1 nodes are available: 1 Insufficient cpu.",
    containers=(container("waiting"),),
    cpu_requests_millicores=(300,),
)
NUMBERS = "pod mongodb-0 found no node: it asks for 300m of CPU; node minikube has 100m of 2000m left (1900m are requested)"


def test_three_kills_and_an_up() -> None:
    killed = replace(
        DATABASE, ready=False, containers=(container("waiting", "CrashLoopBackOff", restarts=3, last_exit_code=137, last_reason="Error"),)
    )
    again = replace(
        DATABASE, ready=False, containers=(replace(container("running", restarts=4, last_exit_code=137), started_at_s=NOW + 30),)
    )
    target = ToldStates([*[state(*APP, killed, database=NOT_YET)] * 60, *[state(*APP, again, database=NOT_YET)] * 4, state(*APP, DATABASE)])
    title, said = waited(target)
    assert title == "app 2/2, mongodb 1/1 ready on the newest revision"
    assert said[0] == "mongodb: 1 of 1 updated, 0 available; container app of pod mongodb-0 waits for its next start after 3 restarts"


def test_a_database_without_a_place_comes_before_the_deadline_that_the_application_missed() -> None:
    target = ToldStates(
        [state(*UNREADY, UNPLACED, app=APP_WAITS, database=NOT_YET), state(*UNREADY, UNPLACED, app=GAVE_UP, database=NOT_YET)]
    )
    with pytest.raises(RolloutFailed) as caught:
        waited(target)
    assert caught.value.what == "pod mongodb-0: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
    assert caught.value.why == NUMBERS
    assert caught.value.next_command == "kubectl describe node"


@pytest.mark.parametrize("rooms", [None, ()])
def test_where_the_nodes_may_not_be_read_the_pod_still_comes_first(rooms: tuple[NodeRoom, ...] | None) -> None:
    target = ToldStates([state(*UNREADY, UNPLACED, app=GAVE_UP, database=NOT_YET)], rooms)
    with pytest.raises(RolloutFailed) as caught:
        waited(target)
    assert caught.value.what.startswith("pod mongodb-0: Unschedulable: ")
    assert caught.value.why == "app: ProgressDeadlineExceeded: timed out progressing"


def test_a_pod_without_a_place_is_told_with_its_numbers_when_the_time_is_over() -> None:
    with pytest.raises(WaitTimeout) as caught:
        waited(ToldStates([state(*UNREADY, UNPLACED, database=NOT_YET)]), timeout_s=30)
    assert caught.value.why == NUMBERS


NO_VOLUME = replace(
    UNPLACED,
    scheduling_message="0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
    claims=(CLAIM.name,),
)


@pytest.mark.parametrize(
    ("states", "what", "timeout_s"),
    [
        ([state(*UNREADY, NO_VOLUME, app=GAVE_UP, database=NOT_YET)], "pod mongodb-0: Unschedulable: ", 300.0),
        ([state(*UNREADY, NO_VOLUME, database=NOT_YET)], "the rollout was not complete after 30 s", 30.0),
    ],
)
def test_a_claim_that_nobody_gives_a_volume_to_is_the_cause(states: list[StackState], what: str, timeout_s: float) -> None:
    """The node has room: to describe it shows nothing. Whether the provisioner runs is what the doctor looks at."""
    waiting = [replace(each, claims=(replace(CLAIM, phase="Pending", volume=""),)) for each in states]
    with pytest.raises((RolloutFailed, WaitTimeout)) as caught:
        waited(ToldStates(waiting), timeout_s=timeout_s)
    assert caught.value.what.startswith(what)
    assert caught.value.why.startswith(f"pod mongodb-0 waits for claim {CLAIM.name} (class {CLAIM.storage_class}), which got no volume")
    assert caught.value.next_command.startswith("shelterctl doctor")


def test_a_crash_comes_before_a_deadline() -> None:
    crashing = [
        replace(DATABASE, ready=False, containers=(container("waiting", "CrashLoopBackOff", restarts=n, last_exit_code=100),))
        for n in (0, *[3] * 50)
    ]
    target = ToldStates([state(*APP, item, app=GAVE_UP if item is crashing[-1] else APP_WAITS, database=NOT_YET) for item in crashing])
    with pytest.raises(RolloutFailed) as caught:
        waited(target)
    assert caught.value.what.startswith("mongodb: container app of pod mongodb-0 crashes (3 restarts in ")


def test_a_crash_is_told_with_the_cause_that_its_last_lines_name() -> None:
    looping = replace(DATABASE, ready=False, containers=(container("waiting", "CrashLoopBackOff", restarts=3, last_exit_code=132),))
    crashing = [replace(looping, containers=(replace(looping.containers[0], restarts=n),)) for n in (0, *[3] * 50)]
    avx = "WARNING: MongoDB 5.0+ requires a CPU with AVX support, and your current system does not appear to have that!"
    target = ToldStates([state(*APP, item, app=APP_WAITS, database=NOT_YET) for item in crashing], log=(avx, "exited"))
    with pytest.raises(RolloutFailed) as caught:
        waited(target)
    assert caught.value.what.startswith("mongodb: container app of pod mongodb-0 crashes (3 restarts in ")
    assert caught.value.why.startswith("MongoDB 5 and later need a CPU with AVX, and this node's has none")
    assert f"  {avx}" in caught.value.details


def test_what_follows_from_the_cause_is_told_after_it() -> None:
    """The autoscaler has no metric because no pod runs, and a pod of an older revision is history."""
    happenings = tuple(
        Happening(subject, reason, "", True, 1, NOW + number)
        for number, (subject, reason) in enumerate(
            [
                ("pod/mongodb-0", "FailedScheduling"),
                ("pod/app-0-of-before", "Unhealthy"),
                ("horizontalpodautoscaler/app", "FailedGetResourceMetric"),
                ("statefulset/mongodb", "FailedCreate"),
            ]
        )
    )
    failed = replace(GAVE_UP, failure="ReplicaFailure: no", failed_at_s=None)
    target = ToldStates([state(*APP, DATABASE, app=failed, happenings=happenings)])
    with pytest.raises(RolloutFailed) as caught:
        waited(target)
    assert [line.partition(":")[0] for line in caught.value.details] == [
        "pod/mongodb-0",
        "statefulset/mongodb",
        "horizontalpodautoscaler/app",
        "pod/app-0-of-before",
    ]


def old(item: Pod) -> Pod:
    """As it is told until its node has said how it is since it started."""
    return replace(item, containers=tuple(replace(c, started_at_s=NOW - 3600) for c in item.containers))


def since_the_machine_started(target: ToldStates) -> list[str]:
    clock = SteppedClock(NOW - 1_000_000_000)
    return list(wait_for_rollouts(cast(Target, target), clock, timeout_s=300, changed=False, machine_started_s=NOW - 30))


def test_what_was_told_before_the_machine_started_is_no_state() -> None:
    now = [replace(item, containers=tuple(replace(c, started_at_s=NOW - 1) for c in item.containers)) for item in (*APP, DATABASE)]
    target = ToldStates([*[state(*(old(item) for item in now))] * 8, state(*now)])
    assert since_the_machine_started(target) == ["app-1, app-2, mongodb-0: told as before the machine was started"] * 8
    # A machine that keeps what runs in it through a stop (a virtual machine that was paused) tells the same for ever.
    kept = ToldStates([state(*(old(item) for item in now))])
    assert len(since_the_machine_started(kept)) == 120


def test_a_target_that_knows_that_its_word_is_old_is_waited_for() -> None:
    stale = replace(state(*APP, DATABASE), stale=(PodName("app-1"),), stale_why="node minikube started 3 s ago")
    title, said = waited(ToldStates([stale, stale, state(*APP, DATABASE)]))
    assert said == ["app-1: node minikube started 3 s ago"] * 2
    # Its clock may be far off: then it says so for ever.
    assert len(waited(ToldStates([stale]))[1]) == 120
    assert title == "app 2/2, mongodb 1/1 ready on the newest revision"


def test_what_no_probe_asks_must_live_for_a_while() -> None:
    """It counts as ready from its first moment, and may end in its second (three replicas that make one table)."""

    def started(at_s: float, id_: str, *, probed: bool = False) -> Pod:
        return replace(APP[0], containers=tuple(replace(c, started_at_s=at_s, container_id=id_, probed=probed) for c in APP[0].containers))

    young = "app-1 has just started, and no readiness probe asks whether it works: 5 s are waited"
    # The second of these is a restart: its life counts anew.
    looks = [*[state(started(NOW, "c1"), APP[1], DATABASE)] * 4, *[state(started(NOW + 2, "c2"), APP[1], DATABASE)] * 30]
    said = waited(ToldStates(looks))[1]
    assert set(said) == {young}
    assert 9 <= len(said) <= 14
    assert waited(ToldStates([state(started(NOW, "c1", probed=True), APP[1], DATABASE)]))[1] == []
    assert waited(ToldStates([state(started(NOW - 60, "c1"), APP[1], DATABASE)]))[1] == []


def test_what_ended_by_itself_meanwhile_is_told() -> None:
    ended = replace(APP[0].containers[0], restarts=1, last_exit_code=1, last_finished_at_s=NOW - 3)
    crashed_pod, killed = replace(APP[0], containers=(ended,)), replace(APP[1], containers=(replace(ended, last_exit_code=0),))
    target = ToldStates([state(crashed_pod, killed, DATABASE)])
    said = list(crashed(cast(Target, target), target.states[0], NOW - 10))
    assert said == ["pod app-1 crashed on its way (exit code 1, 1 restart): kubectl -n shelter logs app-1 -c app --previous"]
    assert not list(crashed(cast(Target, target), target.states[0], NOW))


def test_a_metric_of_before_the_machine_started_is_none() -> None:
    scaler = Autoscaler("app", 2, 5, 2, 2, 70, 3)
    before, after = (Usage(PodName("app-1"), 3, 0, NOW + at_s, 15) for at_s in (-3600, -5))
    told = [replace(state(*APP), autoscaler=scaler, usage=usage) for usage in ((), (before,), (after,))]
    clock = SteppedClock(NOW - 1_000_000_000)
    said = list(wait_for_metric(cast(Target, ToldStates(told)), clock, timeout_s=300, machine_started_s=NOW - 30))
    assert said == ["no measurement since the machine started (the first can take two minutes on a cluster)"] * 2
    assert list(wait_for_metric(cast(Target, ToldStates(told[:1])), clock, timeout_s=300)) == []
