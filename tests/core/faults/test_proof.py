"""What a kill must leave behind to be called proved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.faults.database import UNTOLD, DatabaseIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.proof import KillEvidence, KillProof, prove
from shelterctl.core.state import ContainerState, Pod
from shelterctl.core.verdict import Reason
from tests.core.stack_examples import CLAIM, DATABASE

pytestmark = pytest.mark.unit

REPORT = KillReport(KillMode.SIGKILL, 10.0, 10.01, 1e6, "minikube", 2079, True)
BEFORE = DATABASE.containers[0]
AFTER = replace(BEFORE, restarts=1, container_id="d1" * 6, last_exit_code=137, last_reason="Error", last_container_id=BEFORE.container_id)
NOTED = "Detected unclean shutdown - Lock file is not empty"
KILLED = KillEvidence(
    REPORT,
    "mongodb",
    DATABASE,
    replace(DATABASE, containers=(AFTER,)),
    (CLAIM,),
    (CLAIM,),
    server="mongod 8.0.4",
    unclean_shutdown_line=NOTED,
    identity_before=DatabaseIdentity("a1"),
    identity_after=DatabaseIdentity("b2"),
)
DELETED = replace(KILLED, report=replace(REPORT, mode=KillMode.DELETE, process_gone=None), pod_after=replace(DATABASE, uid="22222222-bbbb"))


def after(**changes: object) -> KillEvidence:
    changed: ContainerState = replace(AFTER, **changes)  # type: ignore[arg-type]
    return replace(KILLED, pod_after=replace(DATABASE, containers=(changed,)))


def doubts(evidence: KillEvidence) -> list[str]:
    proof = prove(evidence)
    assert proof.proved is (not proof.doubts)
    return [doubt.text for doubt in proof.doubts]


def test_a_sigkill_that_left_everything_behind() -> None:
    assert prove(KILLED) == KillProof(
        (
            "mongodb got SIGKILL (pid 2079 on minikube)",
            "exit code 137, restart 0 → 1, same pod 11111111",
            f"mongod noted it: {NOTED}",
            "the application reaches another database process than before",
            "same claim and volume: data-mongodb-0 (volume pvc-1)",
        ),
        (),
    )


@pytest.mark.parametrize(
    ("evidence", "doubt"),
    [
        (replace(KILLED, pod_after=None), "the database's pod was not there after the fault"),
        (replace(KILLED, report=replace(REPORT, process_gone=False)), "the node still had process 2079 after the signal"),
        (replace(KILLED, report=replace(REPORT, process_gone=None)), "the node still had process 2079 after the signal"),
        (
            after(last_reason="OOMKilled"),
            "the kernel killed the container for want of memory: the fault's own signal proves nothing",
        ),
        (after(last_exit_code=0), "the container ended with exit code 0, a SIGKILL leaves 137"),
        (after(last_exit_code=143), "the container ended with exit code 143, a SIGKILL leaves 137"),
        (after(last_exit_code=None), "the container ended with exit code None, a SIGKILL leaves 137"),
        (after(last_container_id="e2" * 6), "the exit code on record is not that of the container that was killed"),
        (after(last_container_id=""), "the exit code on record is not that of the container that was killed"),
        (after(restarts=2), "container mongodb restarted 2 times where one restart was the fault's own"),
        (after(container_id=BEFORE.container_id), "container mongodb restarted 1 times where one restart was the fault's own"),
        (after(restarts=0), "container mongodb restarted 0 times where one restart was the fault's own"),
        (
            replace(KILLED, pod_after=replace(DATABASE, uid="22222222-bbbb", containers=(AFTER,))),
            "the pod was replaced meanwhile: its container's exit code is gone with it",
        ),
        (replace(KILLED, unclean_shutdown_line=""), "mongod's log has no line about an unclean shutdown"),
    ],
)
def test_what_leaves_a_sigkill_in_doubt(evidence: KillEvidence, doubt: str) -> None:
    assert doubts(evidence) == [doubt]


def test_an_exit_that_the_watch_saw_stands_when_the_record_is_gone() -> None:
    gone = after(last_container_id="", last_exit_code=None, last_reason="")
    ended = replace(DATABASE, containers=(replace(BEFORE, last_exit_code=137, last_reason="Error", last_container_id=BEFORE.container_id),))
    assert prove(replace(gone, pods_seen=(DATABASE, ended))) == prove(KILLED)


@pytest.mark.parametrize(
    "seen",
    [
        {"uid": "22222222-bbbb"},
        {"containers": (replace(AFTER, last_container_id="e2" * 6),)},
        {"containers": (replace(AFTER, last_exit_code=143),)},
        {"containers": (replace(AFTER, last_reason="OOMKilled"),)},
        {"containers": ()},
    ],
)
def test_an_exit_that_the_watch_saw_is_held_to_the_same_rules(seen: dict[str, object]) -> None:
    gone = after(last_container_id="", last_exit_code=None, last_reason="")
    other: Pod = replace(DATABASE, **{"containers": (AFTER,), **seen})  # type: ignore[arg-type]
    assert len(doubts(replace(gone, pods_seen=(other,)))) == 1


def test_a_server_that_never_notes_a_shutdown_needs_no_line() -> None:
    proof = prove(replace(KILLED, server="FerretDB 1.24.0", unclean_shutdown_line="", must_note_shutdown=False))
    assert proof.proved
    assert "FerretDB 1.24.0 writes no line about an unclean shutdown: the exit code stands alone" in proof.facts


def test_postgresql_may_note_a_shutdown_and_need_not() -> None:
    noted = replace(KILLED, server="PostgreSQL 17.5", unclean_shutdown_line="database system was not properly shut down")
    assert "PostgreSQL noted it: database system was not properly shut down" in prove(noted).facts
    silent = prove(replace(noted, unclean_shutdown_line="", must_note_shutdown=False))
    assert silent.proved
    assert "PostgreSQL 17.5 has no line in its log about an unclean shutdown: the exit code stands alone" in silent.facts


@pytest.mark.parametrize(("mode", "word"), [(KillMode.DELETE, "deleted"), (KillMode.FORCE_DELETE, "force deleted")])
def test_a_deleted_pod_has_another_uid(mode: KillMode, word: str) -> None:
    assert prove(replace(DELETED, report=replace(DELETED.report, mode=mode))) == KillProof(
        (
            f"pod mongodb-0 was {word}: its UID went from 11111111 to 22222222",
            "the application reaches another database process than before",
            "same claim and volume: data-mongodb-0 (volume pvc-1)",
        ),
        (),
    )


def test_a_pod_that_kept_its_uid_was_not_deleted() -> None:
    assert doubts(replace(DELETED, pod_after=DATABASE)) == ["pod mongodb-0 has the UID it had before the fault: it was not replaced"]


@pytest.mark.parametrize("evidence", [KILLED, DELETED])
@pytest.mark.parametrize("change", [{"uid": "claim-2"}, {"volume": "pvc-2"}, {"volume_uid": "volume-2"}, {"name": "other"}])
def test_another_claim_or_volume_is_a_doubt(evidence: KillEvidence, change: dict[str, str]) -> None:
    changed = replace(evidence, claims_after=(replace(CLAIM, **change),))  # type: ignore[arg-type]
    assert doubts(changed) == ["the claim or its volume is not the same object as before the fault"]


@pytest.mark.parametrize("evidence", [KILLED, DELETED])
def test_a_claim_that_went_is_a_doubt(evidence: KillEvidence) -> None:
    assert doubts(replace(evidence, claims_after=())) == ["the claim or its volume is not the same object as before the fault"]


@pytest.mark.parametrize("evidence", [KILLED, DELETED])
def test_without_a_claim_nothing_shows_that_data_outlive_the_pod(evidence: KillEvidence) -> None:
    assert doubts(replace(evidence, claims_before=(), claims_after=())) == [
        "the database has no claim: nothing shows that its data outlive the pod"
    ]


def test_doubts_are_all_told() -> None:
    evidence = replace(after(last_exit_code=0, restarts=3), claims_after=(), unclean_shutdown_line="")
    assert len(doubts(evidence)) == 4


def test_a_doubt_names_what_to_run() -> None:
    assert prove(replace(KILLED, pod_after=None)).doubts == (
        Reason("the database's pod was not there after the fault", "shelterctl status"),
    )


def test_the_pod_before_is_what_the_proof_rests_on() -> None:
    restarted: Pod = replace(DATABASE, containers=(replace(BEFORE, restarts=4),))
    evidence = replace(KILLED, pod_before=restarted, pod_after=replace(DATABASE, containers=(replace(AFTER, restarts=5),)))
    assert prove(evidence).facts[1] == "exit code 137, restart 4 → 5, same pod 11111111"


def test_the_container_is_found_by_its_name_and_not_by_its_place() -> None:
    """An exporter stands first in the pod; the database's container is the second."""
    exporter = replace(BEFORE, name="aaa-exporter", container_id="e0" * 6)
    before = replace(DATABASE, containers=(exporter, BEFORE))
    found = prove(replace(KILLED, pod_before=before, pod_after=replace(DATABASE, containers=(exporter, AFTER))))
    assert found.proved
    assert found.facts[0] == "mongodb got SIGKILL (pid 2079 on minikube)"
    restarted = replace(AFTER, name="aaa-exporter", last_container_id=exporter.container_id)
    wrong = prove(replace(KILLED, pod_before=before, pod_after=replace(DATABASE, containers=(restarted, BEFORE))))
    assert not wrong.proved


def test_a_database_elsewhere_is_not_the_one_that_was_killed() -> None:
    same = replace(KILLED, identity_after=DatabaseIdentity("a1"))
    assert doubts(same) == [
        "the database that the application reaches (process a1) is the process that it was before the fault: "
        "the pod that was killed is not the database that is written to"
    ]


def test_a_database_that_tells_nothing_of_itself_leaves_it_open() -> None:
    (doubt,) = doubts(replace(KILLED, identity_after=UNTOLD))
    assert doubt.startswith("whether the database that was killed is the one that the application writes to cannot be told")


def test_a_container_that_the_pod_has_no_more() -> None:
    gone = replace(KILLED, pod_after=replace(DATABASE, containers=()))
    assert doubts(gone)[0] == "pod mongodb-0 has no container mongodb (any more)"
