"""The whole account against a real HTTP server on this machine whose store does each thing that a database must not do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shelterctl.core.events import StepStarted
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.faults.ledger import Category, StoredDocument
from shelterctl.core.state import Mount
from shelterctl.core.verdict import Verdict
from shelterctl.errors import FaultFailed, Refused, ServiceUnreachable
from shelterctl.ops.chaos.dialogue import EchoedIds
from shelterctl.ops.chaos.kill_db import kill_db
from shelterctl.ports.capabilities import Lacking
from tests.core.stack_examples import DATABASE, POD
from tests.fakes import FolderInMemory
from tests.ops.chaos.runs import RUN, failing, finished, mine, ports, reasons, request, run
from tests.ops.chaos.scene import AFTER, SHIPPED, Scene, Store

pytestmark = pytest.mark.local

Defect = Callable[[Store], None]


def test_a_database_that_keeps_its_word_passes(stage: Scene, folder: FolderInMemory) -> None:
    result = run(stage, folder)
    assert (result.judgement.verdict, reasons(result)) == (Verdict.PASS, [])
    assert result.attempts == result.acknowledged + result.rejected + result.indeterminate
    assert result.found["acknowledged"] == result.acknowledged >= 10
    assert min(result.rejected, result.indeterminate) > 0
    assert result.found["rejected"] == 0
    assert (result.prior, result.server) == (2, "mongod 8.0.4")
    assert result.window is not None
    assert min(result.window.acknowledged_before, result.window.acknowledged_after) > 0
    assert result.recovery is not None
    assert {"first error", "first acknowledged write", "pod ready"} <= {name for name, _ in result.recovery.milestones}


def test_the_load_s_users_have_ended_before_anything_is_read_back(stage: Scene, folder: FolderInMemory) -> None:
    """A database that they kept busy was read back for minutes."""
    steps: list[str] = []
    at_home: list[tuple[str, ...]] = []
    operation = kill_db(replace(ports(stage, folder), send_home=lambda: at_home.append(tuple(steps))), request())

    for event in operation:
        if isinstance(event, StepStarted):
            steps.append(event.step)
    ((*before, last),) = at_home
    assert (last, "recovery" in before, "settle" in before) == ("load-ends", True, False)
    assert {"settle", "read-back"} <= set(steps)


def test_every_write_is_in_the_journal_before_it_is_sent_and_in_the_account_after(stage: Scene, folder: FolderInMemory) -> None:
    result = run(stage, folder)
    lines = [json.loads(line) for line in folder.journals["writes.jsonl"]]
    intents = [line["id"] for line in lines if line["kind"] == "intent"]
    seen: set[str] = set()
    for line in lines:
        assert line["kind"] == "intent" or line["id"] in seen
        seen.add(line["id"])
    assert set(stage.store.acknowledged) | stage.store.rejected.keys() | set(stage.store.open) <= set(intents)
    assert len(intents) == len(set(intents)) == result.attempts
    lines = [json.loads(line) for line in folder.journals["account.jsonl"]]
    assert {line["id"] for line in lines} == set(intents) | {"old-1", "old-2"}
    assert not any(line["fails"] for line in lines)


def lose(store: Store) -> None:
    del store.documents[mine(store)]


def corrupt(store: Store) -> None:
    store.documents[mine(store)] |= {"padding": "0"}


def rename(store: Store) -> None:
    store.documents[f"{RUN}:w9:0"] = store.documents.pop(mine(store))


def duplicate(store: Store) -> None:
    store.documents[f"{RUN}:w9:0"] = dict(store.documents[mine(store)])


def copy_elsewhere(store: Store) -> None:
    store.documents["zzz"] = dict(store.documents[mine(store)])


def copy_without_its_id(store: Store) -> None:
    """What an application leaves that stores everything twice: the copy names the run and no writer."""
    payload = dict(store.documents[mine(store)])
    del payload["id"]
    store.documents["65f2a0"] = payload


def answer_otherwise_by_id(store: Store) -> None:
    """Every page is right, and a question for the one document is answered with another body."""
    store.by_id[mine(store)] = {"name": "somebody else's"}


def phantom(store: Store) -> None:
    id_, data = next(iter(store.rejected.items()))
    store.documents[id_] = data


def unexpected(store: Store) -> None:
    store.documents[f"{RUN}:w9:0"] = {"run": RUN, "id": f"{RUN}:w9:0"}


def lose_prior(store: Store) -> None:
    del store.documents["old-1"]


def change_prior(store: Store) -> None:
    store.documents["old-2"] = {"name": "Ida"}


def empty(store: Store) -> None:
    store.documents.clear()


@pytest.mark.parametrize(
    ("defect", "category"),
    [
        (lose, Category.LOST),
        (corrupt, Category.CORRUPT),
        (rename, Category.CORRUPT),
        (duplicate, Category.DUPLICATE),
        (copy_elsewhere, Category.DUPLICATE),
        (copy_without_its_id, Category.UNEXPECTED),
        (answer_otherwise_by_id, Category.CORRUPT),
        (phantom, Category.PHANTOM),
        (unexpected, Category.UNEXPECTED),
        (lose_prior, Category.PRIOR_DATA_LOST),
        (change_prior, Category.CORRUPT),
    ],
)
def test_a_defect_fails_as_what_it_is(stage: Scene, folder: FolderInMemory, defect: Defect, category: Category) -> None:
    stage.on_recovery = defect
    result = run(stage, folder)
    assert result.judgement.verdict is Verdict.FAIL
    assert failing(result) == {category.value: 1}
    assert reasons(result)[0].startswith(f"1 {category.value}: ")
    assert sum(json.loads(line)["fails"] for line in folder.journals["account.jsonl"]) == 1


def test_a_database_that_comes_back_empty(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_recovery = empty
    result = run(stage, folder)
    assert result.judgement.verdict is Verdict.FAIL
    assert failing(result).keys() == {"lost", "prior data lost"}


def test_a_write_that_was_read_once_and_is_gone_later(stage: Scene, folder: FolderInMemory) -> None:
    def forget(store: Store) -> None:
        del store.documents[store.open[0]]

    stage.store.after_listing = forget
    result = run(stage, folder)
    assert (result.judgement.verdict, failing(result)) == (Verdict.FAIL, {"lost after read": 1})


def test_a_rejected_write_that_was_read_once_and_is_gone_later(stage: Scene, folder: FolderInMemory) -> None:
    def forget(store: Store) -> None:
        del store.documents[next(iter(store.rejected))]

    stage.on_recovery = phantom
    stage.store.after_listing = forget
    result = run(stage, folder)
    assert (result.judgement.verdict, failing(result)) == (Verdict.FAIL, {"phantom": 1})


def test_a_write_that_only_the_service_lacks(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_recovery = lambda store: store.hidden_from_service.add(mine(store))
    result = run(stage, folder)
    assert (result.judgement.verdict, failing(result)) == (Verdict.FAIL, {"lost": 1})
    assert "(absent for: service, service by id)" in reasons(result)[0]


def test_a_write_that_only_the_database_lacks(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_recovery = lambda store: stage.database_lacks.add(mine(store))
    result = run(stage, folder)
    assert (result.judgement.verdict, failing(result)) == (Verdict.FAIL, {"lost": 1})
    assert "(absent for: database)" in reasons(result)[0]


def test_what_others_write_meanwhile_is_theirs(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_recovery = lambda store: store.documents.update({"a-new-one": {"name": "Tom"}, "zz": {"name": "Eve"}})
    assert run(stage, folder).judgement.verdict is Verdict.PASS


# What decides nothing.


def test_where_nothing_is_acknowledged_nothing_is_killed(stage: Scene, folder: FolderInMemory) -> None:
    stage.store.acknowledges = False
    result = run(stage, folder)
    assert not stage.killed
    assert (result.judgement.verdict, reasons(result)) == (Verdict.UNKNOWN, ["no fault was injected"])


def test_an_acknowledgement_of_another_id_is_none(stage: Scene, folder: FolderInMemory) -> None:
    stage.store.echo = lambda id_: "another"
    result = run(stage, folder)
    assert not stage.killed
    assert (result.judgement.verdict, result.acknowledged) == (Verdict.UNKNOWN, 0)


def test_no_acknowledgement_in_the_second_before_the_kill(stage: Scene, folder: FolderInMemory) -> None:
    def stall() -> None:
        stage.store.acknowledges = False
        time.sleep(1.3)

    stage.on_kill = stall
    stage.on_recovery = lambda store: setattr(store, "acknowledges", True)
    result = run(stage, folder)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert reasons(result) == ["no write was acknowledged in the second before the kill: nothing was at risk"]


def test_a_service_that_does_not_come_back(stage: Scene, folder: FolderInMemory) -> None:
    stage.recovers = False
    result = run(stage, folder, timeout_s=1.0)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert reasons(result)[0] == "no recovery within 1 s: 0 writes acknowledged in a row, and the pod is not ready again"
    assert "no write that was sent after the kill was acknowledged: the service did not come back" in reasons(result)


def service_unreadable(stage: Scene) -> None:
    stage.on_kill = lambda: setattr(stage.store, "readable", False)


def database_unreadable(stage: Scene) -> None:
    stage.database_fails = True


def both_unreadable(stage: Scene) -> None:
    service_unreadable(stage)
    database_unreadable(stage)


BY_SERVICE = "the read-back (service) failed: the documents could not be read back through the service: status 500"
BY_DATABASE = "the read-back (database) failed: a program in pod app-1 failed with exit code 1: ServerSelectionTimeoutError"


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (service_unreadable, [BY_SERVICE]),
        (database_unreadable, [BY_DATABASE]),
        (both_unreadable, [BY_SERVICE, BY_DATABASE]),
    ],
)
def test_a_reading_that_fails_leaves_the_verdict_open(
    stage: Scene, folder: FolderInMemory, trouble: Callable[[Scene], None], expected: list[str]
) -> None:
    trouble(stage)
    result = run(stage, folder)
    assert (result.judgement.verdict, reasons(result)) == (Verdict.UNKNOWN, expected)


def test_a_loss_that_one_reading_shows_fails_though_the_other_reading_failed(stage: Scene, folder: FolderInMemory) -> None:
    stage.database_fails = True
    stage.on_recovery = lose
    result = run(stage, folder)
    assert result.judgement.verdict is Verdict.FAIL
    assert reasons(result)[1] == BY_DATABASE


def no_exit_code(stage: Scene) -> None:
    stage.pod_after = replace(DATABASE, containers=(replace(AFTER, last_exit_code=0),))


def no_line(stage: Scene) -> None:
    stage.log = ("no JSON", '{"id": 1}')


def another_claim(stage: Scene) -> None:
    stage.claims_after = (replace(stage.claims_after[0], uid="claim-2"),)


def no_state(stage: Scene) -> None:
    stage.state_after_fails = True


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (no_exit_code, "the container ended with exit code 0, a SIGKILL leaves 137"),
        (no_line, "mongod's log has no line about an unclean shutdown"),
        (another_claim, "the claim or its volume is not the same object as before the fault"),
        (no_state, "the proof could not be read: the API server does not answer: connection refused"),
    ],
)
def test_a_kill_that_is_not_proved(stage: Scene, folder: FolderInMemory, trouble: Callable[[Scene], None], reason: str) -> None:
    trouble(stage)
    result = run(stage, folder)
    assert (result.judgement.verdict, reasons(result)) == (Verdict.UNKNOWN, [reason])


def test_a_loss_fails_though_the_proof_cannot_be_read(stage: Scene, folder: FolderInMemory) -> None:
    stage.state_after_fails = True
    stage.on_recovery = lose
    assert run(stage, folder).judgement.verdict is Verdict.FAIL


@pytest.mark.parametrize("mode", [KillMode.DELETE, KillMode.FORCE_DELETE])
def test_a_deleted_pod_is_replaced(stage: Scene, folder: FolderInMemory, mode: KillMode) -> None:
    stage.pod_after = replace(DATABASE, uid="22222222-bbbb")
    assert run(stage, folder, mode).judgement.verdict is Verdict.PASS


def test_a_deleted_pod_is_accounted_for_where_the_target_has_no_names(stage: Scene, folder: FolderInMemory) -> None:
    stage.pod_after = replace(DATABASE, uid="22222222-bbbb")
    bare = replace(ports(stage, folder), names=Lacking("names to resolve exist in a cluster only"))
    result = finished(kill_db(bare, request(KillMode.DELETE)))
    assert (result.judgement.verdict, result.dns, result.dns_problem) == (Verdict.PASS, (), "")


def test_a_disk_that_is_full_stops_the_writing(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_kill = lambda: setattr(folder, "full", True)
    result = run(stage, folder, timeout_s=1.0)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert "the journal could not be written: runs cannot be written: No space left on device" in reasons(result)
    assert "the account could not be written down: runs cannot be written: No space left on device" in reasons(result)


def test_a_fault_that_fails_leaves_nothing_behind(stage: Scene, folder: FolderInMemory) -> None:
    def refuse() -> None:
        raise FaultFailed("process 2079 could not be killed")

    stage.on_kill = refuse
    with pytest.raises(FaultFailed):
        run(stage, folder)
    assert stage.closed == 1
    wrote = len(folder.journals["writes.jsonl"])
    time.sleep(0.3)
    assert len(folder.journals["writes.jsonl"]) == wrote


def test_the_ids_of_an_earlier_run_of_that_name_are_refused(stage: Scene, folder: FolderInMemory) -> None:
    stage.store.documents[f"{RUN}:w0:0"] = {"run": RUN}
    with pytest.raises(Refused, match=f"holds documents of a run called {RUN} already"):
        run(stage, folder)
    assert (stage.closed, folder.journals) == (1, {})


# What else happens meanwhile.


def test_the_applications_own_restart_is_told(stage: Scene, folder: FolderInMemory) -> None:
    (container,) = POD.containers
    stage.on_kill = lambda: setattr(stage, "app", replace(POD, containers=(replace(container, restarts=container.restarts + 1),)))
    result = run(stage, folder)
    assert result.notes == ("app-1 restarted 1 time meanwhile: its liveness probe, or a crash",)
    assert result.judgement.verdict is Verdict.PASS


# Another database than the one that is killed.


@pytest.mark.parametrize("mode", list(KillMode))
def test_a_database_elsewhere_is_never_a_pass(stage: Scene, folder: FolderInMemory, mode: KillMode) -> None:
    stage.elsewhere = True
    if mode is not KillMode.SIGKILL:
        stage.pod_after = replace(DATABASE, uid="22222222-bbbb")
    result = run(stage, folder, mode)
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert any("is not the database that is written to" in reason for reason in reasons(result))


def test_a_pod_whose_database_cannot_be_told_from_its_sidecar_is_refused(stage: Scene, folder: FolderInMemory) -> None:
    exporter = replace(DATABASE.containers[0], name="aaa-exporter")
    stage.pod = replace(DATABASE, containers=(exporter, DATABASE.containers[0]))
    with pytest.raises(Refused, match="which container of pod mongodb-0 is the database is not clear: aaa-exporter, mongodb"):
        run(stage, folder)
    assert not stage.killed


def test_a_state_of_before_the_nodes_start_is_refused(stage: Scene, folder: FolderInMemory) -> None:
    stage.stale = True
    with pytest.raises(Refused, match="mongodb-0: node minikube started 3 s ago"):
        run(stage, folder)
    assert not stage.killed


def test_a_claim_beside_the_data_is_refused(stage: Scene, folder: FolderInMemory) -> None:
    beside = replace(DATABASE.containers[0], data_path="/data/db", mounts=(Mount("/backup", "claim", "data-mongodb-0"),))
    stage.pod = replace(DATABASE, containers=(beside,))
    with pytest.raises(Refused, match=r"keeps its data .* in the container's own layer, and its claim is mounted elsewhere"):
        run(stage, folder)
    assert not stage.killed


class Apart(EchoedIds):
    """As a user's own stack is judged: the service by itself, and here it cannot be read through."""

    service_apart = True
    one_by_one = False
    apart_s = 0.5

    def of_run(self, *_: object) -> Iterator[StoredDocument]:
        raise ServiceUnreachable("too large (more than 32 MiB)", next_command="a larger max_bytes")


def test_what_cannot_be_read_through_the_service_leaves_the_data_to_the_database(stage: Scene, folder: FolderInMemory) -> None:
    result = finished(kill_db(replace(ports(stage, folder), dialogue=Apart(SHIPPED)), request()))
    assert result.data is not None
    assert result.service is not None
    assert (result.data.verdict, result.service.verdict, result.judgement.verdict) == (Verdict.PASS, Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert reasons(result) == ["read in the database; through the service: too large (more than 32 MiB)"]


def test_a_loss_fails_whatever_the_service_does_not_show(stage: Scene, folder: FolderInMemory) -> None:
    stage.on_recovery = lose
    result = finished(kill_db(replace(ports(stage, folder), dialogue=Apart(SHIPPED)), request()))
    assert result.data is not None
    assert result.service is not None
    assert (result.data.verdict, result.service.verdict, result.judgement.verdict) == (Verdict.FAIL, Verdict.UNKNOWN, Verdict.FAIL)
    assert failing(result) == {"lost": 1}


def test_neither_read_nothing_is_known(stage: Scene, folder: FolderInMemory) -> None:
    stage.database_fails = True
    result = finished(kill_db(replace(ports(stage, folder), dialogue=Apart(SHIPPED)), request()))
    assert result.judgement.verdict is Verdict.UNKNOWN
    assert result.counts == {}
    assert any("the read-back (database) failed" in text for text in reasons(result))
    assert "through the service: too large (more than 32 MiB)" in reasons(result)
