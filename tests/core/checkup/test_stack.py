"""What was deployed, judged: one thing spoiled at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.checkup.check import CheckState, Repair, StuckPod
from shelterctl.core.checkup.service import AnswerFacts, ImageFacts, PortFacts, judge_answer, judge_image, judge_port
from shelterctl.core.checkup.stack import judge_stack
from shelterctl.core.state import Claim, Mount, Role
from tests.core.checkup.examples import APP, BUDGET, CLAIM, DATABASE, PODS, pod, short, stack, state

pytestmark = pytest.mark.unit


def test_a_good_stack() -> None:
    found = list(judge_stack(stack()))
    assert short(found) == []
    assert next(f.found for f in found if f.check == "claims") == (
        "data-mongodb-0 Bound; 1Gi is not enforced (hostPath), the node's disk is the limit"
    )


def test_nothing_deployed_is_no_problem() -> None:
    empty = stack(state((), (), ()), phases=(), secrets=(), budgets=())
    assert {f.state for f in judge_stack(replace(empty, wanted_secrets=()))} == {CheckState.SKIPPED}


def test_after_down_the_data_are_named() -> None:
    kept = replace(stack(state((), ()), budgets=()), wanted_secrets=())
    found = {f.check: (f.state.value, f.found) for f in judge_stack(kept)}
    assert found["deployed"] == ("skipped", "nothing is deployed in shelter; its data are kept: data-mongodb-0")
    assert found["passwords"] == ("ok", "mongodb-app, mongodb-root")


def test_a_lost_password_is_told_before_the_database_refuses_it() -> None:
    lost = replace(stack(state((), ()), secrets=(("shelter", "mongodb-app"),), budgets=()), wanted_secrets=())
    found = next(f for f in judge_stack(lost) if f.check == "passwords")
    assert (found.state, found.found) == (
        CheckState.PROBLEM, "claim data-mongodb-0 holds a database, and Secret mongodb-root with its password is gone",
    )  # fmt: skip


def test_a_half_stack_and_a_namespace_that_goes() -> None:
    half = stack(state((DATABASE,), (PODS[2],)), phases=(("shelter", "Terminating"),))
    assert short(judge_stack(half)) == [
        ("namespace", "problem", "shelter is being deleted"),
        ("deployed", "problem", "without its app"),
        ("rollout-app", "skipped", "not deployed"),
    ]


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        (replace(CLAIM, phase="Pending", storage_class=""), "data-mongodb-0 is Pending (no class)"),
        (replace(CLAIM, phase="Lost"), "data-mongodb-0 is Lost: volume pvc-1 is gone"),
        (replace(CLAIM, deleting=True), "data-mongodb-0 is being deleted"),
    ],
)
def test_claims(claim: Claim, found: str) -> None:
    assert ("claims", "problem", found) in short(judge_stack(stack(state(claims=(claim,)))))


def test_data_beside_the_claim_are_not_kept_by_it() -> None:
    (container,) = PODS[2].containers
    for mounts, where in (
        ((Mount("/backup", "claim", "data-mongodb-0"),), "in the container's own layer"),
        ((Mount("/backup", "claim", "data-mongodb-0"), Mount("/data/db", "emptyDir", "scratch")), "in emptyDir scratch"),
    ):
        database = replace(PODS[2], containers=(replace(container, data_path="/data/db", mounts=mounts),))
        found = (
            f"{container.name} of pod mongodb-0 keeps its data (/data/db) {where}, "
            "and its claim is mounted elsewhere (data-mongodb-0 at /backup)"
        )
        assert ("claims", "problem", found) in short(judge_stack(stack(state(pods=(*PODS[:2], database)))))
    above = replace(container, data_path="/data/db", mounts=(Mount("/data", "claim", "data-mongodb-0"),))
    assert short(judge_stack(stack(state(pods=(*PODS[:2], replace(PODS[2], containers=(above,))))))) == []


def test_a_pod_stuck_on_an_old_revision_may_be_replaced_where_its_data_are_on_a_claim() -> None:
    moving = replace(DATABASE, revision="r2", updated=0, available=0, ready=0)
    broken = pod(Role.DATABASE, "mongodb-0", ready=False, reason="ErrImageNeverPull", claims=("data-mongodb-0",))
    found = next(f for f in judge_stack(stack(state((APP, moving), (*PODS[:2], broken)))) if f.check == "rollout-db")
    assert (found.state, found.repair, found.stuck_pod, found.mend) == (
        CheckState.PROBLEM, Repair.REPLACE_STUCK_POD, StuckPod("shelter", "mongodb-0", "uid-mongodb-0"),
        "kubectl -n shelter delete pod mongodb-0",
    )  # fmt: skip
    bare = next(f for f in judge_stack(stack(state((APP, moving), (*PODS[:2], replace(broken, claims=()))))) if f.check == "rollout-db")
    assert (bare.state, bare.repair) == (CheckState.PROBLEM, None)


def test_crashing_and_imageless_pods_with_the_command_that_shows_or_mends_it() -> None:
    rolling = replace(APP, updated=1, available=1, ready=1)
    crashing = pod(Role.APP, "app-2", ready=False, reason="CrashLoopBackOff", restarts=4)
    found = next(f for f in judge_stack(stack(state((rolling, DATABASE), (PODS[0], crashing, PODS[2])))) if f.check == "rollout-app")
    assert (found.state, found.mend) == (CheckState.PROBLEM, "kubectl -n shelter logs app-2 -c app --previous")
    imageless = pod(Role.APP, "app-2", ready=False, reason="ImagePullBackOff")
    found = next(f for f in judge_stack(stack(state((rolling, DATABASE), (PODS[0], imageless, PODS[2])))) if f.check == "rollout-app")
    assert (found.state, found.mend) == (CheckState.PROBLEM, "shelterctl up")


def test_budgets() -> None:
    assert short(judge_stack(stack(budgets=(replace(BUDGET, expected=0),)))) == [("disruption-budgets", "warning", "app covers no pod")]
    assert short(judge_stack(stack(budgets=(replace(BUDGET, healthy=0),)))) == [
        ("disruption-budgets", "warning", "app: 0 healthy of 1 wanted")
    ]


A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
IMAGE = ImageFacts("shelter-app:1", "IfNotPresent", A, "", A, "", (A,))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (IMAGE, []),
        (
            replace(IMAGE, built_id=B),
            [("image", "problem", "the node has aaaaaaaaaaaa under shelter-app:1, built is bbbbbbbbbbbb")],
        ),
        (
            replace(IMAGE, built_id=B, loaded_id=B),
            [("image", "problem", "pods run aaaaaaaaaaaa, the node has bbbbbbbbbbbb under shelter-app:1")],
        ),
        (replace(IMAGE, loaded_id=""), [("image", "problem", "the node has no shelter-app:1")]),
        # What was not seen proves nothing.
        (replace(IMAGE, loaded_id="", loaded_problem="no shell"), [("image", "unknown", "the node's images: no shell")]),
        (replace(IMAGE, running_ids=()), [("image", "unknown", "no ready pod runs shelter-app:1: loaded is aaaaaaaaaaaa")]),
        (
            replace(IMAGE, built_id=""),
            [("image", "unknown", "loaded = running = aaaaaaaaaaaa; this machine's Docker has no shelter-app:1")],
        ),
        (replace(IMAGE, reference="shelter-app"), [("pull-policy", "warning", "shelter-app is not tagged by content")]),
        (replace(IMAGE, pull_policy="Always"), [("pull-policy", "problem", "imagePullPolicy Always for shelter-app:1")]),
    ],
)
def test_built_loaded_and_running_are_one(facts: ImageFacts, expected: list[tuple[str, str, str]]) -> None:
    assert short(judge_image(facts)) == expected


def test_a_node_port_belongs_to_one_service() -> None:
    assert judge_port(PortFacts(30300, "", "")).found == "30300 is free"
    assert judge_port(PortFacts(30300, "shelter/app", "shelter/app")).state is CheckState.OK
    taken = judge_port(PortFacts(30300, "", "web/nginx"))
    assert (taken.state, taken.found, taken.mend) == (
        CheckState.PROBLEM, "30300 is taken by Service web/nginx", "shelterctl up --node-port 30301",
    )  # fmt: skip


URL = "http://192.168.49.2:30300"
REFUSED = "the database refused this service's user or password"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (AnswerFacts(URL, "", 200, "", 200, "", "", 2, live_path="/health/live", health_path="/health"), []),
        (
            AnswerFacts(URL, live_problem="refused", ready_pods=2, live_path="/health/live", health_path="/health"),
            [("answer", "problem", f"{URL}/health/live: refused"), ("database-access", "unknown", "the service did not answer")],
        ),
        (
            AnswerFacts(URL, "", 200, "", 503, "", REFUSED, 2, live_path="/health/live", health_path="/health"),
            [("database-access", "problem", REFUSED)],
        ),
        (
            AnswerFacts(URL, "", 200, "", 0, "timed out", "", 2, live_path="/health/live", health_path="/health"),
            [("database-access", "unknown", "/health gave no answer: timed out")],
        ),
        (
            AnswerFacts("", "Service app has no node port", live_path="/health/live", health_path="/health"),
            [
                ("answer", "unknown", "no address to ask: Service app has no node port"),
                ("database-access", "unknown", "the service could not be asked"),
            ],
        ),
    ],
)
def test_answers_of_the_shipped_application(facts: AnswerFacts, expected: list[tuple[str, str, str]]) -> None:
    assert short(judge_answer(facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            AnswerFacts(URL, live_status=200, live_path="/ping"),
            [("database-access", "skipped", "the application has no route that tells of it")],
        ),
        (
            AnswerFacts(URL, live_problem="refused", live_path="/ping"),
            [("answer", "problem", f"{URL}/ping: refused"), ("database-access", "unknown", "the service did not answer")],
        ),
        (AnswerFacts(URL, health_status=200, health_path="/db"), []),
        (AnswerFacts(URL, health_status=503, health_path="/db"), [("database-access", "problem", "/db answers 503")]),
        (
            AnswerFacts(URL, health_problem="refused", health_path="/db"),
            [("answer", "problem", f"{URL}/db: refused"), ("database-access", "unknown", "/db gave no answer: refused")],
        ),
    ],
)
def test_answers_of_an_application_with_one_of_the_routes(facts: AnswerFacts, expected: list[tuple[str, str, str]]) -> None:
    assert short(judge_answer(facts)) == expected
