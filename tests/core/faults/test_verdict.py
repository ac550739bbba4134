"""PASS only where nothing failed and nothing is open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import Account, Category, ClientSaw, StoredDocument, WriteOutcome, reconcile
from shelterctl.core.faults.proof import KillProof
from shelterctl.core.faults.verdict import RiskWindow, risk_window, unjournaled, verdict
from shelterctl.core.verdict import Judgement, Reason, Verdict

pytestmark = pytest.mark.unit

FAULT = KillReport(KillMode.SIGKILL, 10.0, 10.2, 1e6, "minikube", 2079, True)

PROVED = KillProof(("mongod got SIGKILL",), ())
WINDOW = RiskWindow(10, 50, 12, 0.25)
AGAIN = "shelterctl chaos kill-db --writers 8"


def write(sent_s: float, ended_s: float, saw: ClientSaw = ClientSaw.ACK, id_: str = "") -> WriteOutcome:
    return WriteOutcome(id_ or f"run:w0:{sent_s}-{ended_s}", "sha256:same", sent_s, ended_s, saw, None)


def account(*, lost: int = 0) -> Account:
    writes = [write(number, number + 0.5, id_=f"w{number}") for number in range(5)]
    stored = [StoredDocument(w.id, w.digest, w.id) for w in writes[lost:]]
    return reconcile(writes, {"service": stored, "database": stored}, prior={})


def test_everything_in_order_passes() -> None:
    assert verdict(account(), WINDOW, PROVED) == Judgement(Verdict.PASS)


def test_a_lost_write_fails_and_is_named() -> None:
    text = "1 lost: acknowledged and gone (absent for: service, database): w0"
    assert verdict(account(lost=1), WINDOW, PROVED) == Judgement(Verdict.FAIL, (Reason(text, "shelterctl runs show <run> --writes"),))


def test_losses_before_the_journals_commit_are_explained() -> None:
    """Of MongoDB alone: other servers commit before they acknowledge."""
    lost = account(lost=2)
    ids = [entry.id for entry in lost.of(Category.LOST)]
    late = [write(9.8, 9.95, id_=ids[0]), write(9.0, 9.2, id_=ids[1])]
    said = unjournaled(lost, late, FAULT, "mongod 7.0.5")
    assert said.startswith("1 of the 2 lost were acknowledged in the last 100 ms before the kill")
    assert "journal=true" in said
    assert said.endswith("the other 1 were older, and are lost for another reason")
    ended = replace(FAULT, mode=KillMode.DELETE)
    assert unjournaled(lost, late, ended, "mongod 7.0.5") == ""
    assert unjournaled(lost, late[1:], FAULT, "mongod 7.0.5").startswith("none of the 2 lost")
    assert unjournaled(lost, late, FAULT, "MariaDB 11.8.9") == unjournaled(account(), late, FAULT, "mongod 7.0.5") == ""


def test_losses_of_postgresql_are_explained_where_it_acknowledges_first() -> None:
    lost = account(lost=2)
    ids = [entry.id for entry in lost.of(Category.LOST)]
    late = [write(9.3, 9.45, id_=ids[0]), write(9.0, 9.2, id_=ids[1])]
    said = unjournaled(lost, late, FAULT, "PostgreSQL 17.5 (synchronous_commit=off)")
    assert said.startswith("1 of the 2 lost were acknowledged in the last 600 ms before the kill: before the write-ahead log had them")
    assert "synchronous_commit=on keeps those; the other 1 were older" in said
    assert unjournaled(lost, late, FAULT, "PostgreSQL 17.5") == ""


def test_of_many_lost_writes_three_are_named() -> None:
    (reason,) = verdict(account(lost=5), WINDOW, PROVED).reasons
    assert reason.text == "5 lost: acknowledged and gone (absent for: service, database): w0, w1, w2 and 2 more"


@pytest.mark.parametrize(
    ("window", "proof", "questions", "reason"),
    [
        (None, None, [], Reason("no fault was injected", AGAIN)),
        (None, PROVED, [], Reason("no fault was injected", AGAIN)),
        (WINDOW, None, [], Reason("no fault was injected", AGAIN)),
        (WINDOW, KillProof((), (Reason("not proved"),)), [], Reason("not proved")),
        (
            RiskWindow(0, 50, 0, None),
            PROVED,
            [],
            Reason("no write was acknowledged in the second before the kill: nothing was at risk", AGAIN),
        ),
        (
            RiskWindow(10, 0, 12, 0.25),
            PROVED,
            [],
            Reason("no write that was sent after the kill was acknowledged: the service did not come back", "shelterctl status"),
        ),
        (WINDOW, PROVED, [Reason("the read-back (service) failed")], Reason("the read-back (service) failed")),
    ],
)
def test_what_leaves_the_verdict_open(window: RiskWindow | None, proof: KillProof | None, questions: list[Reason], reason: Reason) -> None:
    assert verdict(account(), window, proof, open_questions=questions) == Judgement(Verdict.UNKNOWN, (reason,))


def test_a_proven_loss_outweighs_every_doubt() -> None:
    judgement = verdict(account(lost=1), None, None, open_questions=[Reason("unread")])
    assert judgement.verdict is Verdict.FAIL
    assert [reason.text for reason in judgement.reasons[1:]] == ["unread", "no fault was injected"]


@pytest.mark.parametrize(
    ("writes", "window"),
    [
        ([], RiskWindow(0, 0, 0, None)),
        ([write(8.9, 9.0)], RiskWindow(1, 0, 1, 1.0)),
        ([write(8.5, 8.99)], RiskWindow(0, 0, 0, None)),
        ([write(9.5, 10.0)], RiskWindow(1, 0, 1, 1.0)),
        # Under way at the fault, and answered after it: at risk, and neither before nor after.
        ([write(9.5, 10.1)], RiskWindow(0, 0, 1, 1.0)),
        ([write(9.5, 12.0)], RiskWindow(0, 0, 1, 1.0)),
        ([write(10.1, 12.0)], RiskWindow(0, 0, 1, 1.0)),
        ([write(10.2, 12.0)], RiskWindow(0, 0, 1, 1.0)),
        ([write(10.3, 12.0)], RiskWindow(0, 1, 0, None)),
        ([write(9.5, 9.9, ClientSaw.INDETERMINATE), write(11, 12, ClientSaw.REJECTED)], RiskWindow(0, 0, 0, None)),
        ([write(9.0 + n / 100, 9.5 + n / 1000) for n in range(60)], RiskWindow(60, 0, 60, 0.05)),
    ],
)
def test_the_risk_window_of_a_fault_sent_at_10_and_confirmed_at_10_2(writes: list[WriteOutcome], window: RiskWindow) -> None:
    assert replace(risk_window(writes, FAULT, probe_interval_s=0.05), disturbed=True) == window


def steady(*, until_s: float, every_s: float = 0.02, from_s: float = 5.0) -> list[WriteOutcome]:
    """Writes that are acknowledged one after the other."""
    count = int((until_s - from_s) / every_s)
    return [write(from_s + number * every_s - 0.01, from_s + number * every_s) for number in range(count)]


@pytest.mark.parametrize(
    ("writes", "disturbed"),
    [
        (steady(until_s=15), False),
        # The gap between two probes is none.
        (steady(until_s=9.99) + steady(from_s=10.09, until_s=15), False),
        (steady(until_s=9.99) + steady(from_s=10.6, until_s=15), True),
        ([*steady(until_s=15), write(10.1, 10.3, ClientSaw.REJECTED)], True),
        ([*steady(until_s=15), write(9.9, 10.3, ClientSaw.INDETERMINATE)], True),
        # A failure of before the fault says nothing of it.
        ([*steady(until_s=15), write(6.1, 6.3, ClientSaw.REJECTED)], False),
        # Pauses as long as before are this machine's own.
        (steady(until_s=15, every_s=0.4), False),
    ],
)
def test_whether_the_writers_noticed_the_fault(writes: list[WriteOutcome], disturbed: bool) -> None:
    assert risk_window(writes, FAULT, probe_interval_s=0.05).disturbed is disturbed


def test_a_fault_that_nobody_noticed_proves_nothing() -> None:
    """An application that acknowledges first and writes later, or one whose database is another."""
    judgement = verdict(account(), replace(WINDOW, disturbed=False), PROVED)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reasons[0].text.startswith("no write failed and none was held up while the process was gone")


accounts = st.lists(st.sampled_from(Category), max_size=6).map(
    lambda found: Account((), 0, 0, 0, 0, 0, {}, {}) if not found else _account_of(found)
)


def _account_of(found: list[Category]) -> Account:
    from shelterctl.core.faults.ledger import Entry

    entries = tuple(Entry(f"id-{number}", category, ClientSaw.ACK, True) for number, category in enumerate(found))
    return Account(entries, len(entries), len(entries), 0, 0, 0, {}, {})


@given(
    accounts,
    st.none() | st.builds(RiskWindow, st.integers(0, 3), st.integers(0, 3), st.just(3), st.just(1.0)),
    st.none() | st.builds(KillProof, st.just(()), st.lists(st.just(Reason("doubt")), max_size=1).map(tuple)),
    st.lists(st.just(Reason("open")), max_size=1),
)
def test_pass_needs_everything(book: Account, window: RiskWindow | None, proof: KillProof | None, questions: list[Reason]) -> None:
    judgement = verdict(book, window, proof, open_questions=questions)
    fails = any(entry.category.fails for entry in book.entries)
    sound = window is not None and proof is not None and proof.proved and window.acknowledged_before and window.acknowledged_after
    assert (judgement.verdict is Verdict.FAIL) == fails
    assert (judgement.verdict is Verdict.PASS) == (not fails and bool(sound) and not questions)
    assert (judgement.verdict is Verdict.PASS) == (not judgement.reasons)
