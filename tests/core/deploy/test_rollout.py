"""When a rollout is done, on its way, or past mending."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.deploy.rollout import FirstLook, Progress, RolloutJudgement, judge_rollout
from shelterctl.core.state import Claim, ContainerState, Happening, Pod, Workload
from tests.core.stack_examples import CLAIM, CONTAINER, DATABASE, DEPLOYMENT, NOW, STATEFUL_SET, container, pod

pytestmark = pytest.mark.unit

ROLLING = replace(DEPLOYMENT, updated=1, ready=2, available=1, total=3)
COUNTS = "1 of 2 updated, 1 available"


def judge(workload: Workload, *pods: Pod, claims: tuple[Claim, ...] = ()) -> RolloutJudgement:
    return judge_rollout(workload, pods, claims, now_s=NOW)


def told(judgement: RolloutJudgement) -> tuple[Progress, str]:
    return judgement.progress, judgement.sentence


def test_complete() -> None:
    judgement = judge(DEPLOYMENT, pod("app-1"), pod("app-2"))
    assert judgement == RolloutJudgement(Progress.COMPLETE, "app 2/2 ready on the new revision")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"observed_generation": 1}, "app: the controller has not seen the change yet"),
        ({"updated": 1, "total": 3}, "app: 1 of 2 updated, 2 available; 2 old pods are still there"),
        ({"available": 1}, "app: 2 of 2 updated, 1 available"),
        ({"total": 3}, "app: 2 of 2 updated, 2 available; 1 old pods are still there"),
    ],
)
def test_what_is_waited_for(changes: dict[str, int], sentence: str) -> None:
    assert told(judge(replace(DEPLOYMENT, **changes), pod("app-1"))) == (Progress.WAITING, sentence)  # type: ignore[arg-type]


def test_an_unseen_change_is_judged_by_nothing_older() -> None:
    unseen = replace(DEPLOYMENT, observed_generation=1, failure="ReplicaFailure: exceeded quota")
    assert judge(unseen, pod("app-1", container("waiting", "InvalidImageName"))).progress is Progress.WAITING


def test_a_pod_that_starts_is_named() -> None:
    starting = pod("app-2", container("waiting", "ContainerCreating"), age_s=3)
    assert told(judge(ROLLING, pod("app-1"), starting)) == (Progress.WAITING, f"app: {COUNTS}; app-2 is starting")


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull"])
def test_fatal_now(reason: str) -> None:
    broken = pod("app-2", container("waiting", reason, message="no such name"), age_s=0)
    judgement = judge(ROLLING, pod("app-1"), broken)
    assert told(judgement) == (Progress.FAILED, f"app: container app of pod app-2: {reason}: no such name")
    assert [(trouble.pod.name, trouble.fatal) for trouble in judgement.troubles] == [("app-2", True)]


@pytest.mark.parametrize(
    ("reason", "grace_s"),
    [
        ("CreateContainerConfigError", 10),
        ("CreateContainerError", 15),
        ("RunContainerError", 15),
        ("ImagePullBackOff", 15),
        ("ErrImagePull", 15),
        ("CrashLoopBackOff", 20),
    ],
)
def test_fatal_after_a_grace(reason: str, grace_s: int) -> None:
    broken = container("waiting", reason, restarts=2, message="why")
    assert judge(ROLLING, pod("app-2", broken, age_s=grace_s - 1)).progress is Progress.WAITING
    assert judge(ROLLING, pod("app-2", broken, age_s=grace_s)).progress is Progress.FAILED


def test_the_grace_begins_when_a_node_takes_the_pod_up() -> None:
    """A pod that waited for a place is not broken longer for it."""
    broken = container("waiting", "ErrImagePull")
    waited = pod("app-2", broken, age_s=600, start_time_s=NOW - 5)
    assert judge(ROLLING, waited).progress is Progress.WAITING
    assert judge(ROLLING, replace(waited, start_time_s=NOW - 15)).progress is Progress.FAILED


def test_one_restart_is_no_crash_loop() -> None:
    assert judge(ROLLING, pod("app-2", container("waiting", "CrashLoopBackOff", restarts=1))).progress is Progress.WAITING


def test_crashing_between_two_back_offs() -> None:
    between = replace(CONTAINER, ready=False, restarts=3, started_at_s=NOW - 2, last_exit_code=1, last_reason="Error")
    judgement = judge(ROLLING, pod("app-2", between, age_s=41))
    assert told(judgement) == (Progress.FAILED, "app: container app of pod app-2 crashes (3 restarts in 41 s)")
    assert judgement.troubles[0].message == "exit code 1, Error"
    # A command that has nothing more to do does not crash.
    done = judge(ROLLING, pod("app-2", replace(between, last_exit_code=0, last_reason="Completed"), age_s=41))
    told_words = "container app of pod app-2 ends by itself, without an error (3 restarts in 41 s): its command does not go on running"
    assert told(done) == (Progress.FAILED, f"app: {told_words}")


def test_restarts_of_long_ago_are_no_crash() -> None:
    unready = replace(CONTAINER, ready=False, restarts=7, started_at_s=NOW - 3600)
    assert judge(ROLLING, pod("app-2", unready, age_s=9000)).progress is Progress.WAITING


def since(restarts: int = 0, *, ago_s: float = 0.0) -> FirstLook:
    return FirstLook(NOW - ago_s, {("uid-app-2", "app"): restarts})


CRASHED = {"last_exit_code": 1, "last_reason": "Error"}
KILLED = {"last_exit_code": 137, "last_reason": "Error"}


@pytest.mark.parametrize(
    ("before", "now", "how", "ago_s", "fatal"),
    [
        # Three kills of a moment ago, and its next start is awaited.
        (3, 3, KILLED, 60, False),
        (3, 3, CRASHED, 60, False),
        # It crashed by itself once more, before our eyes.
        (3, 4, CRASHED, 60, True),
        (3, 4, KILLED, 60, False),
        (3, 5, KILLED, 60, True),
        (0, 1, CRASHED, 60, False),
        (0, 2, CRASHED, 60, True),
        # A pod that keeps being killed by its own liveness probe does not get ready either.
        (0, 2, KILLED, 60, True),
        # Not before the time that may mend it is over, counted from the first look.
        (0, 2, CRASHED, 19, False),
    ],
)
def test_crashes_count_from_the_first_look(before: int, now: int, how: dict[str, object], ago_s: float, fatal: bool) -> None:
    waiting = pod("app-2", container("waiting", "CrashLoopBackOff", restarts=now, **how), age_s=3000)
    judgement = judge_rollout(ROLLING, [waiting], (), now_s=NOW, since=since(before, ago_s=ago_s))
    assert judgement.progress is (Progress.FAILED if fatal else Progress.WAITING), judgement.sentence


def test_a_pod_with_old_restarts_that_runs_again_is_starting() -> None:
    """What three `chaos kill-db` leave behind: not ready yet, three restarts, started a moment ago."""
    started = replace(CONTAINER, ready=False, restarts=3, started_at_s=NOW - 2, **KILLED)  # type: ignore[arg-type]
    judgement = judge_rollout(ROLLING, [pod("app-2", started, age_s=3000)], (), now_s=NOW, since=since(3, ago_s=5))
    assert told(judgement) == (Progress.WAITING, f"app: {COUNTS}; app-2 is starting")
    # `status` and `doctor` have no first look: a container that was killed did not crash.
    assert judge(ROLLING, pod("app-2", started, age_s=3000)).progress is Progress.WAITING
    crashed = replace(started, **CRASHED)  # type: ignore[arg-type]
    assert judge(ROLLING, pod("app-2", crashed, age_s=3000)).progress is Progress.FAILED
    with_its_node = replace(started, last_exit_code=255, last_reason="Unknown")
    assert judge(ROLLING, pod("app-2", with_its_node, age_s=3000)).progress is Progress.WAITING
    starved = replace(started, last_reason="OOMKilled")
    assert judge(ROLLING, pod("app-2", starved, age_s=3000)).progress is Progress.FAILED


def test_what_is_waited_for_after_old_restarts_is_said() -> None:
    waiting = pod("app-2", container("waiting", "CrashLoopBackOff", restarts=3, **CRASHED), age_s=3000)
    judgement = judge_rollout(ROLLING, [waiting], (), now_s=NOW, since=since(3, ago_s=60))
    assert judgement.sentence.endswith("container app of pod app-2 waits for its next start after 3 restarts")
    again = pod("app-2", container("waiting", "CrashLoopBackOff", restarts=4, **CRASHED), age_s=3000)
    judgement = judge_rollout(ROLLING, [again], (), now_s=NOW, since=since(3, ago_s=60))
    assert judgement.sentence.endswith("app-2 crashes (1 restarts since this command looked first, 3 before)")
    # Why it ends is the same whenever its starts were counted.
    done = container("waiting", "CrashLoopBackOff", restarts=4, last_exit_code=0, last_reason="Completed", last_finished_at_s=NOW - 5)
    judgement = judge_rollout(ROLLING, [pod("app-2", done, age_s=3000)], (), now_s=NOW, since=since(3, ago_s=60))
    assert "app-2 ends by itself, without an error (1 restarts since this command looked first, 3 before)" in judgement.sentence


def test_errors_of_before_the_first_look_get_their_time_again() -> None:
    """The image may have been loaded, or the Secret made, a moment ago."""
    waiting = pod("app-2", container("waiting", "ImagePullBackOff"), age_s=3000)
    assert judge_rollout(ROLLING, [waiting], (), now_s=NOW, since=since(ago_s=5)).progress is Progress.WAITING
    assert judge_rollout(ROLLING, [waiting], (), now_s=NOW, since=since(ago_s=25)).progress is Progress.FAILED
    # The kubelet looks for a Secret again after 15 s at the latest.
    missing = pod("mongo-0", container("waiting", "CreateContainerConfigError", message='secret "mongo-secret" not found'), age_s=16)
    assert judge_rollout(ROLLING, [missing], (), now_s=NOW, since=since(ago_s=12)).progress is Progress.WAITING
    assert judge_rollout(ROLLING, [missing], (), now_s=NOW, since=since(ago_s=25)).progress is Progress.FAILED


def test_a_deadline_that_passed_before_the_first_look_decides_nothing() -> None:
    gave_up = replace(ROLLING, failure="ProgressDeadlineExceeded: timed out", failed_at_s=NOW - 100)
    assert judge_rollout(gave_up, [pod("app-1")], (), now_s=NOW, since=since(ago_s=10)).progress is Progress.WAITING
    assert judge_rollout(gave_up, [pod("app-1")], (), now_s=NOW, since=since(ago_s=200)).progress is Progress.FAILED
    assert judge(gave_up, pod("app-1")).progress is Progress.FAILED


MISSING = [
    'MountVolume.SetUp failed for volume "app-db" : references non-existent secret key: password',
    'MountVolume.SetUp failed for volume "app-db" : secret "mongodb-app" not found',
    'MountVolume.SetUp failed for volume "init" : configmap "mongodb-init" not found',
]


@pytest.mark.parametrize("message", MISSING)
def test_a_volume_that_asks_for_what_is_not_there_is_no_start(message: str) -> None:
    """The pod says ContainerCreating, for ever."""
    creating = pod("app-2", container("waiting", "ContainerCreating"), age_s=40)
    told_once = [Happening("pod/app-2", "FailedMount", message, True, 1, NOW - 5)]

    def judged(events: list[Happening], ago_s: float = 12) -> Progress:
        return judge_rollout(ROLLING, [creating], (), now_s=NOW, since=since(ago_s=ago_s), happenings=events).progress

    assert judged(told_once) is Progress.FAILED
    assert judged(told_once, ago_s=9) is Progress.WAITING
    assert judged([replace(told_once[0], at_s=NOW - 30)]) is Progress.WAITING
    assert judged([replace(told_once[0], subject="pod/app-9")]) is Progress.WAITING
    assert judged([replace(told_once[0], message="failed to sync secret cache: timed out waiting for the condition")]) is Progress.WAITING


def test_an_init_container_that_keeps_the_pod_from_starting_is_the_one_that_is_told() -> None:
    initializing = container("waiting", "PodInitializing")

    def judged(*first: ContainerState) -> RolloutJudgement:
        held = pod("app-2", initializing, age_s=40, init_containers=first)
        return judge_rollout(ROLLING, [held], (), now_s=NOW, since=since(ago_s=40))

    no_image = judged(container("waiting", "ImagePullBackOff", name="migrate"))
    assert (no_image.progress, [t.container for t in no_image.troubles]) == (Progress.FAILED, ["migrate"])
    crashing = judged(container("waiting", "CrashLoopBackOff", name="migrate", restarts=2, last_exit_code=1))
    assert (crashing.progress, [t.container for t in crashing.troubles]) == (Progress.FAILED, ["migrate"])
    waits = judged(replace(container("running"), name="wait-for-db", started_at_s=NOW - 39))
    assert waits.progress is Progress.WAITING
    assert waits.sentence.endswith("app-2 is starting: its init container wait-for-db runs")


def test_a_volume_that_was_there_after_all_is_no_trouble() -> None:
    told = [Happening("pod/app-2", "FailedMount", MISSING[0], True, 1, NOW - 5)]
    started = pod("app-2", replace(container("running"), started_at_s=NOW - 3), age_s=40)
    assert judge_rollout(ROLLING, [started], (), now_s=NOW, since=since(ago_s=12), happenings=told).progress is Progress.WAITING


def test_an_old_pods_trouble_is_not_the_new_rollouts() -> None:
    old = pod("app-0", container("waiting", "InvalidImageName"), revision="old")
    judgement = judge(ROLLING, old, pod("app-1"))
    assert told(judgement) == (Progress.WAITING, f"app: {COUNTS}; 2 old pods are still there")
    assert judgement.troubles == ()


@pytest.mark.parametrize("change", [{"deleting": True}, {"namespace": "other"}, {"role": DATABASE.role}])
def test_a_pod_that_is_not_the_workloads_own(change: dict[str, object]) -> None:
    stranger = pod("app-2", container("waiting", "InvalidImageName"), **change)  # type: ignore[arg-type]
    assert judge(ROLLING, stranger).progress is Progress.WAITING


def test_a_controller_that_cannot_go_on() -> None:
    failing = replace(ROLLING, failure="FailedCreate: pods is forbidden: exceeded quota: pods=0")
    assert told(judge(failing, pod("app-1"))) == (Progress.FAILED, "app: FailedCreate: pods is forbidden: exceeded quota: pods=0")


def test_a_rollout_that_is_complete_has_not_failed() -> None:
    assert judge(replace(DEPLOYMENT, failure="FailedCreate: of before"), pod("app-1"), pod("app-2")).progress is Progress.COMPLETE


def test_a_controller_that_tells_what_was_before_completes_nothing() -> None:
    """After a stop of the machine the pods are told first, and the controllers' counts are still those of before."""
    starting = pod("app-2", replace(CONTAINER, ready=False, started_at_s=NOW - 1, restarts=1))
    assert told(judge(DEPLOYMENT, pod("app-1"), starting)) == (Progress.WAITING, "app: 2 of 2 updated, 2 available; app-2 is starting")
    assert judge(DEPLOYMENT, pod("app-1")).progress is Progress.WAITING


def test_unschedulable_is_reported_and_waited_for() -> None:
    waiting = container("waiting")
    unplaced = pod("app-2", waiting, age_s=900, scheduled=False, scheduling_message="0/1 nodes are available: 1 Insufficient cpu.")
    judgement = judge(ROLLING, unplaced)
    sentence = f"app: {COUNTS}; pod app-2: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
    assert told(judgement) == (Progress.WAITING, sentence)
    assert [(trouble.reason, trouble.fatal, trouble.since_s) for trouble in judgement.troubles] == [("Unschedulable", False, 900.0)]


UNSET = replace(STATEFUL_SET, updated=0, ready=0, available=0, total=1)
STARTING = replace(DATABASE, ready=False, containers=(container("waiting", name="mongodb"),), scheduled=False)


def test_a_pending_claim_is_reported_and_waited_for() -> None:
    judgement = judge(UNSET, STARTING, claims=(replace(CLAIM, phase="Pending"),))
    sentence = "mongodb: 0 of 1 updated, 0 available; pod mongodb-0 waits for claim data-mongodb-0, which is not bound"
    assert told(judgement) == (Progress.WAITING, sentence)


@pytest.mark.parametrize("claim", [CLAIM, replace(CLAIM, phase="Pending", namespace="other"), replace(CLAIM, phase="Pending", name="x")])
def test_a_claim_that_is_not_in_the_way(claim: Claim) -> None:
    assert judge(UNSET, STARTING, claims=(claim,)).sentence == "mongodb: 0 of 1 updated, 0 available; mongodb-0 is starting"


def test_a_stateful_set_stuck_on_a_broken_old_revision() -> None:
    old = replace(DATABASE, revision="old", ready=False, containers=(container("waiting", "InvalidImageName", name="mongodb"),))
    judgement = judge(UNSET, old)
    assert judgement.progress is Progress.FAILED
    assert judgement.sentence == "mongodb: pod mongodb-0 is broken on an old revision, and a StatefulSet does not replace it by itself"
    assert judgement.stuck_on_old_revision == old


def test_a_stateful_set_on_an_old_revision_that_is_well_is_on_its_way() -> None:
    judgement = judge(UNSET, replace(DATABASE, revision="old"))
    assert (judgement.progress, judgement.stuck_on_old_revision) == (Progress.WAITING, None)
