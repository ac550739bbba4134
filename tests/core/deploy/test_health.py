"""What the sentence “everything runs as it was built” rests on: each part of it, taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.deploy.health import Health, judge_health
from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.state import Autoscaler, Condition, PodName, StackState
from shelterctl.core.verdict import Verdict
from tests.core.stack_examples import CLAIM, DATABASE, DEPLOYMENT, NOW, POD, STATEFUL_SET

pytestmark = pytest.mark.unit

SCALER = Autoscaler("app", 2, 5, 2, 2, 70, 3)
STACK = StackState(
    NOW,
    "shelter",
    (DEPLOYMENT, STATEFUL_SET),
    (POD, replace(POD, name=PodName("app-2"), uid="2"), DATABASE),
    SCALER,
    (CLAIM,),
    Endpoint("app", 30300, "10.96.0.1", "http://192.168.49.2:30300", ready_pods=(PodName("app-1"), PodName("app-2"))),
)
CHAIN = ImageChain("shelter-app:3f9c1a07b2de", "sha256:5c0e", "sha256:5c0e", ("sha256:5c0e",), "3f9c1a07b2de", "app-1")


def judged(state: StackState = STACK, chain: ImageChain = CHAIN, problems: tuple[str, ...] = ()) -> Health:
    return judge_health(state, chain, problems, now_s=NOW)


def test_all_of_it_is_there() -> None:
    health = judged()
    assert (health.judgement.verdict, health.judgement.reasons, health.less, health.well) == (Verdict.PASS, (), "", True)
    assert [rollout.progress.value for rollout in health.rollouts] == ["complete", "complete"]


def test_an_autoscaler_within_its_range_is_well() -> None:
    """`ScalingLimited` is False then: of the three conditions it is the one that is good so."""
    inside = Condition("ScalingLimited", False, "DesiredWithinRange", "the desired count is within the acceptable range")
    assert judged(replace(STACK, autoscaler=replace(SCALER, conditions=(inside,)))).well


NO_APP = replace(DEPLOYMENT, desired=0, updated=0, ready=0, available=0, total=0)
NO_DATABASE = replace(STATEFUL_SET, desired=0, updated=0, ready=0, available=0, total=0)
NO_METRIC = Condition("ScalingActive", False, "FailedGetResourceMetric", "no metrics")
LACKING = {
    "a StatefulSet that was deleted": (
        replace(STACK, workloads=(DEPLOYMENT,)),
        "the database is not there, neither a Deployment nor a StatefulSet of it: nothing replaces mongodb-0",
    ),
    "a Deployment that was deleted": (
        replace(STACK, workloads=(STATEFUL_SET,), pods=(DATABASE,)),
        "the application is not there, neither a Deployment nor a StatefulSet of it",
    ),
    "a StatefulSet of none": (
        replace(STACK, workloads=(DEPLOYMENT, NO_DATABASE), pods=STACK.pods[:2]),
        "the database (mongodb) is scaled to 0",
    ),
    "a Deployment of none": (
        replace(STACK, workloads=(NO_APP, STATEFUL_SET), pods=(DATABASE,)),
        "the application (app) is scaled to 0",
    ),
    "a rollout that goes on": (
        replace(STACK, workloads=(replace(DEPLOYMENT, available=1), STATEFUL_SET)),
        "app: 2 of 2 updated, 1 available",
    ),
    "a claim that is gone": (replace(STACK, claims=()), "claim data-mongodb-0 of pod mongodb-0 is gone"),
    "a claim that lost its volume": (replace(STACK, claims=(replace(CLAIM, phase="Lost"),)), "claim data-mongodb-0 is Lost, not Bound"),
    "a claim that is going": (
        replace(STACK, claims=(replace(CLAIM, deleting=True),)),
        "claim data-mongodb-0 is being deleted: its data go as soon as no pod uses it",
    ),
    "no Service": (replace(STACK, endpoint=None), "no Service leads to the application"),
    "a Service that leads nowhere": (
        replace(STACK, endpoint=Endpoint("app", 30300, "", "http://192.168.49.2:30300")),
        "Service app has no ready endpoint: nothing answers",
    ),
    "what the target itself misses": (
        replace(STACK, problems=("no Service leads to the database (mongodb)",)),
        "no Service leads to the database (mongodb)",
    ),
    "an autoscaler without a metric": (
        replace(STACK, autoscaler=replace(SCALER, cpu_percent=None)),
        "HPA app has no metric (the first samples of new pods take 60 to 120 s)",
    ),
    "an autoscaler that cannot scale": (
        replace(STACK, autoscaler=replace(SCALER, conditions=(NO_METRIC,))),
        "HPA app cannot scale: FailedGetResourceMetric: no metrics",
    ),
}


@pytest.mark.parametrize("what", LACKING)
def test_a_part_that_is_not_as_it_should_be_is_named(what: str) -> None:
    state, sentence = LACKING[what]
    health = judged(state)
    assert health.judgement.verdict is Verdict.FAIL
    assert sentence in [reason.text for reason in health.judgement.reasons]


def test_a_foreign_image_is_named() -> None:
    chain = replace(CHAIN, running_ids=("sha256:5c0e", "sha256:aaaa"))
    assert judged(chain=chain).judgement.reasons[0].text == "image: pods run sha256:aaaa, built is sha256:5c0e"


def test_what_cannot_be_seen_is_unknown_and_no_failure() -> None:
    """On a machine without Docker nothing is wrong with the stack."""
    health = judged(chain=replace(CHAIN, built_id=""), problems=("built: Docker does not answer",))
    assert health.judgement.verdict is Verdict.UNKNOWN
    assert health.judgement.reasons[0].text == "the image's way could not be seen: built: Docker does not answer"
    stale = judged(replace(STACK, stale=(PodName("app-1"),), stale_why="the node started 4 s ago"))
    assert stale.judgement.verdict is Verdict.UNKNOWN
    assert stale.judgement.reasons[0].text == "app-1: the node started 4 s ago"


def test_without_an_autoscaler_the_sentence_says_less() -> None:
    """`up --replicas` deploys none; that one was deleted by hand cannot be told from that."""
    health = judged(replace(STACK, autoscaler=None))
    assert (health.judgement.verdict, health.less) == (Verdict.PASS, "there is no HPA: 2 replicas stay as they are")
