"""The account of every write: the table of the model row by row, and what holds for every run whatever happened in it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.faults.ledger import (
    Account,
    Category,
    ClientSaw,
    Entry,
    StoredDocument,
    WriteOutcome,
    classify_answer,
    classify_no_answer,
    payload_digest,
    reconcile,
)

pytestmark = pytest.mark.unit

ACK, REJECTED, INDETERMINATE = ClientSaw.ACK, ClientSaw.REJECTED, ClientSaw.INDETERMINATE
ID = "run:w0:0"
SAME, OTHER = "sha256:same", "sha256:other"
BOTH = "service, database"


def write(saw: ClientSaw, id_: str = ID, digest: str = SAME) -> WriteOutcome:
    return WriteOutcome(id_, digest, 1.0, 2.0, saw, 201 if saw is ACK else None)


def document(id_: str = ID, digest: str = SAME, payload_id: str | None = None) -> StoredDocument:
    return StoredDocument(id_, digest, id_ if payload_id is None else payload_id)


def both(*documents: StoredDocument) -> dict[str, list[StoredDocument]]:
    return {"service": list(documents), "database": list(documents)}


def told(prior: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """What both ways of reading knew before the run."""
    return {"service": prior, "database": prior}


THERE, CHANGED = document(), document(digest=OTHER)
COPY = document("somewhere-else", payload_id=ID)


@pytest.mark.parametrize(
    ("saw", "stored", "read_once", "category", "fails"),
    [
        (ACK, [THERE], False, Category.OK, False),
        (ACK, [], False, Category.LOST, True),
        (ACK, [], True, Category.LOST, True),
        (ACK, [CHANGED], False, Category.CORRUPT, True),
        (INDETERMINATE, [CHANGED], False, Category.CORRUPT, True),
        (REJECTED, [CHANGED], False, Category.CORRUPT, True),
        (INDETERMINATE, [THERE], False, Category.RECOVERED, False),
        (INDETERMINATE, [THERE], True, Category.RECOVERED, False),
        (INDETERMINATE, [], False, Category.NOT_APPLIED, False),
        (INDETERMINATE, [], True, Category.LOST_AFTER_READ, True),
        (REJECTED, [], False, Category.NOT_APPLIED, False),
        (REJECTED, [THERE], False, Category.PHANTOM, True),
        (REJECTED, [], True, Category.PHANTOM, True),
        (ACK, [THERE, COPY], False, Category.DUPLICATE, True),
        (INDETERMINATE, [THERE, COPY], False, Category.DUPLICATE, True),
        (REJECTED, [THERE, COPY], False, Category.DUPLICATE, True),
        (ACK, [COPY], False, Category.CORRUPT, True),
    ],
)
def test_what_became_of_a_write(saw: ClientSaw, stored: list[StoredDocument], read_once: bool, category: Category, fails: bool) -> None:
    account = reconcile([write(saw)], both(*stored), prior={}, seen_once=[ID] if read_once else [])
    assert [(entry.id, entry.category, entry.saw) for entry in account.entries] == [(ID, category, saw)]
    assert category.fails is fails


def test_what_was_never_sent_and_is_there() -> None:
    account = reconcile([], both(document("run:w9:9")), prior={})
    assert account.entries == (Entry("run:w9:9", Category.UNEXPECTED, None, True, "database"),)


def test_what_was_never_sent_and_was_read_once() -> None:
    account = reconcile([], both(), prior={}, seen_once=["run:w9:9"])
    assert account.entries == (Entry("run:w9:9", Category.UNEXPECTED, None, False, "the reading during the run"),)


@pytest.mark.parametrize(
    ("stored", "entry"),
    [
        ([document("old", payload_id="")], Entry("old", Category.OK, None, True)),
        ([], Entry("old", Category.PRIOR_DATA_LOST, None, False, "service, database")),
        ([document("old", OTHER, "")], Entry("old", Category.CORRUPT, None, True, BOTH, "with another content")),
        (
            [document("old", payload_id=""), document("new", payload_id="old")],
            Entry("old", Category.DUPLICATE, None, True, "service, database"),
        ),
    ],
)
def test_what_was_there_before_the_run(stored: list[StoredDocument], entry: Entry) -> None:
    account = reconcile([], both(*stored), prior=told({"old": SAME}))
    assert account.entries == (entry,)
    assert account.prior == 1


@pytest.mark.parametrize("lacking", ["service", "database"])
@pytest.mark.parametrize(
    ("saw", "category"),
    [(ACK, Category.LOST), (REJECTED, Category.PHANTOM)],
)
def test_one_view_that_lacks_a_write_is_enough(lacking: str, saw: ClientSaw, category: Category) -> None:
    account = reconcile([write(saw)], both(THERE) | {lacking: []}, prior={})
    assert [(entry.category, entry.present) for entry in account.entries] == [(category, saw is REJECTED)]


@pytest.mark.parametrize("lacking", ["service", "database"])
def test_one_view_that_lacks_an_old_document_is_enough(lacking: str) -> None:
    account = reconcile([], both(document("old", payload_id="")) | {lacking: []}, prior=told({"old": SAME}))
    assert account.entries == (Entry("old", Category.PRIOR_DATA_LOST, None, False, lacking),)


def test_a_whole_account() -> None:
    writes = [write(ACK, "a"), write(ACK, "b"), write(INDETERMINATE, "c"), write(INDETERMINATE, "d"), write(REJECTED, "e")]
    account = reconcile(writes, both(document("a"), document("c"), document("old", payload_id="")), prior=told({"old": SAME}))
    assert account == Account(
        entries=(
            Entry("a", Category.OK, ACK, True),
            Entry("b", Category.LOST, ACK, False, "service, database"),
            Entry("c", Category.RECOVERED, INDETERMINATE, True),
            Entry("d", Category.NOT_APPLIED, INDETERMINATE, False),
            Entry("e", Category.NOT_APPLIED, REJECTED, False),
            Entry("old", Category.OK, None, True),
        ),
        attempts=5,
        acknowledged=2,
        rejected=1,
        indeterminate=2,
        prior=1,
        found={"acknowledged": 1, "rejected": 0, "indeterminate": 1},
        counts={
            "ok": 2,
            "recovered": 1,
            "not applied": 2,
            "lost": 1,
            "corrupt": 0,
            "lost after read": 0,
            "phantom": 0,
            "unexpected": 0,
            "duplicate": 0,
            "prior data lost": 0,
        },
    )


def test_an_id_that_was_sent_twice_has_no_account() -> None:
    with pytest.raises(ValueError, match="run:w0:0 was sent twice"):
        reconcile([write(ACK), write(REJECTED)], both(THERE), prior={})


def test_without_a_view_there_is_no_account() -> None:
    with pytest.raises(ValueError, match="there is no view"):
        reconcile([write(ACK)], {}, prior={})


@pytest.mark.parametrize(
    ("status", "answer", "saw"),
    [
        (201, {"id": ID}, ACK),
        (200, {"id": ID}, ACK),
        (201, {"id": "another"}, INDETERMINATE),
        (201, {}, INDETERMINATE),
        (201, None, INDETERMINATE),
        (204, None, INDETERMINATE),
        (201, [ID], INDETERMINATE),
        (301, {"id": ID}, INDETERMINATE),
        (400, None, REJECTED),
        (409, None, REJECTED),
        (413, None, REJECTED),
        (408, None, INDETERMINATE),
        (425, None, INDETERMINATE),
        (429, None, INDETERMINATE),
        (499, None, INDETERMINATE),
        (503, {"applied": False}, REJECTED),
        (503, {"applied": "unknown"}, INDETERMINATE),
        (503, {"applied": 0}, INDETERMINATE),
        (503, {"applied": None}, INDETERMINATE),
        (503, {}, INDETERMINATE),
        (503, None, INDETERMINATE),
        (500, {"applied": False}, INDETERMINATE),
        (502, None, INDETERMINATE),
        (504, {"applied": False}, INDETERMINATE),
        (100, {"id": ID}, INDETERMINATE),
    ],
)
def test_what_an_answer_says(status: int, answer: dict[str, str | bool | int | None] | list[str] | None, saw: ClientSaw) -> None:
    echoed = answer.get("id") if isinstance(answer, dict) else None
    assert classify_answer(ID, status, answer, echoed) is saw  # type: ignore[arg-type]


def test_what_no_answer_says() -> None:
    assert (classify_no_answer(sent=False), classify_no_answer(sent=True)) == (REJECTED, INDETERMINATE)


def test_the_digest_is_that_of_the_content() -> None:
    assert payload_digest({"b": [1, 2.5, None], "a": "ü"}) == payload_digest({"a": "ü", "b": [1, 2.5, None]})
    assert payload_digest({"a": 1}) != payload_digest({"a": "1"})
    assert payload_digest({"a": "\ud800"}).startswith("sha256:")
    assert payload_digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


# What holds for every run.

IDS = [f"run:w0:{number}" for number in range(6)]
OLD = ["old-1", "old-2"]
outcomes_ = st.lists(st.sampled_from(IDS), unique=True).flatmap(
    lambda ids: st.tuples(*(st.builds(write, st.sampled_from(ClientSaw), st.just(id_)) for id_ in ids))
)
stored_ = st.lists(
    st.builds(document, st.sampled_from([*IDS, *OLD, "x"]), st.sampled_from([SAME, OTHER]), st.sampled_from(["", *IDS])), max_size=8
)
views_ = st.fixed_dictionaries({"service": stored_, "database": stored_})
prior_ = st.dictionaries(st.sampled_from(OLD), st.just(SAME))
read_ = st.sets(st.sampled_from([*IDS, "x"]))


@given(outcomes_, views_, prior_, read_)
def test_the_counts_add_up(
    writes: tuple[WriteOutcome, ...], views: Mapping[str, list[StoredDocument]], prior: dict[str, str], read: set[str]
) -> None:
    account = reconcile(writes, views, prior=told(prior), seen_once=read)
    assert account.attempts == len(writes) == account.acknowledged + account.rejected + account.indeterminate
    assert sum(account.counts.values()) == len(account.entries)
    assert len({entry.id for entry in account.entries}) == len(account.entries)
    assert sum(entry.saw is not None for entry in account.entries) == account.attempts
    for saw in ClientSaw:
        assert 0 <= account.found[saw.value] <= sum(item.saw is saw for item in writes)


@given(outcomes_, views_, prior_, read_)
def test_no_write_is_well_that_any_view_lacks_or_holds_otherwise(
    writes: tuple[WriteOutcome, ...], views: Mapping[str, list[StoredDocument]], prior: dict[str, str], read: set[str]
) -> None:
    account = reconcile(writes, views, prior=told(prior), seen_once=read)
    for entry in account.entries:
        if entry.category in (Category.OK, Category.RECOVERED):
            claims = [[d for d in documents if (d.payload_id or d.id) == entry.id] for documents in views.values()]
            if entry.category is Category.RECOVERED:
                # It may have come after the first readings: the rest of them have it.
                claims = claims[next(number for number, claiming in enumerate(claims) if claiming) :]
            for claiming in claims:
                assert [(d.id, d.digest) for d in claiming if entry.saw] == ([(entry.id, SAME)] if entry.saw else [])
                assert len(claiming) == 1
        if entry.saw is ACK:
            assert entry.category in (Category.OK, Category.LOST, Category.CORRUPT, Category.DUPLICATE)
        if entry.category is Category.NOT_APPLIED:
            assert entry.id not in read
            assert not any((d.payload_id or d.id) == entry.id for documents in views.values() for d in documents)


@given(outcomes_, views_, prior_)
def test_every_stored_document_has_its_entry(
    writes: tuple[WriteOutcome, ...], views: Mapping[str, list[StoredDocument]], prior: dict[str, str]
) -> None:
    account = reconcile(writes, views, prior=told(prior))
    stored = {d.payload_id or d.id for documents in views.values() for d in documents}
    assert stored | {w.id for w in writes} | prior.keys() == {entry.id for entry in account.entries}


@given(outcomes_, views_, prior_, read_, st.randoms(use_true_random=False))
def test_the_order_of_writes_and_documents_says_nothing(
    writes: tuple[WriteOutcome, ...],
    views: Mapping[str, list[StoredDocument]],
    prior: dict[str, str],
    read: set[str],
    random: st.DataObject,
) -> None:
    def shuffled(items: list[StoredDocument]) -> list[StoredDocument]:
        return random.sample(items, len(items))  # type: ignore[attr-defined, no-any-return]

    one = reconcile(writes, views, prior=told(prior), seen_once=read)
    other = reconcile(writes[::-1], {name: shuffled(items) for name, items in views.items()}, prior=told(prior), seen_once=read)
    assert {(e.id, e.category.fails, e.present) for e in one.entries} == {(e.id, e.category.fails, e.present) for e in other.entries}
    assert (one.attempts, one.found) == (other.attempts, other.found)


@given(outcomes_, prior_)
def test_a_store_that_did_what_it_said_passes(writes: tuple[WriteOutcome, ...], prior: dict[str, str]) -> None:
    stored = [document(w.id) for w in writes if w.saw is ACK] + [document(id_, payload_id="") for id_ in prior]
    account = reconcile(writes, both(*stored), prior=told(prior))
    assert not any(entry.category.fails for entry in account.entries)


# By several ways, one after the other.


def by(service: list[StoredDocument], database: list[StoredDocument], one_by_one: list[StoredDocument] | None = None) -> Account:
    views = {"service": service, "database": database} | ({} if one_by_one is None else {"one by one": one_by_one})
    return reconcile([write(INDETERMINATE)], views, prior={}, sampled={"one by one": {ID}})


@pytest.mark.parametrize(
    ("views", "category", "where"),
    [
        # It came between the two readings: it was under way until then.
        (([], [THERE]), Category.RECOVERED, ""),
        (([], [THERE], [THERE]), Category.RECOVERED, ""),
        (([THERE], []), Category.LOST_AFTER_READ, "database"),
        (([], [THERE], []), Category.LOST_AFTER_READ, "one by one"),
        (([THERE], [THERE], []), Category.LOST_AFTER_READ, "one by one"),
    ],
)
def test_a_write_of_unknown_outcome_may_arrive_between_two_readings(
    views: tuple[list[StoredDocument], ...], category: Category, where: str
) -> None:
    (entry,) = by(*views).entries
    assert (entry.category, entry.where) == (category, where)


def test_a_way_that_asked_for_some_ids_says_nothing_of_the_others() -> None:
    views = {"service": [THERE, document("run:w0:1")], "one by one": [THERE]}
    writes = [write(ACK), write(ACK, "run:w0:1")]
    account = reconcile(writes, views, prior={}, sampled={"one by one": {ID}})
    assert account.counts["lost"] == 0
    assert reconcile(writes, views, prior={}).counts["lost"] == 1


def test_every_way_that_shows_a_defect_is_named_and_how() -> None:
    (entry,) = reconcile([write(ACK)], both(CHANGED), prior={}).entries
    assert (entry.category, entry.where, entry.how) == (Category.CORRUPT, "service, database", "with another content")
    (entry,) = reconcile([write(ACK)], both(COPY), prior={}).entries
    assert (entry.category, entry.where, entry.how) == (Category.CORRUPT, "service, database", "under another id")


def test_a_copy_that_lost_the_writers_id_is_no_strangers() -> None:
    """It carries the run's mark, and nobody sent it."""
    copy = StoredDocument("65f2", SAME, "", of_run=True)
    account = reconcile([write(ACK)], {"service": [THERE], "database": [THERE, copy]}, prior={})
    assert account.of(Category.UNEXPECTED) == (Entry("65f2", Category.UNEXPECTED, None, True, "database"),)


def test_an_old_document_is_compared_with_itself_by_the_same_way() -> None:
    """A service renders an ObjectId or a date in its own way."""
    prior = {"service": {"old": SAME}, "database": {"old": OTHER, "ObjectId(65f2)": OTHER}}
    shown, held = document("old", payload_id=""), [document("old", OTHER, ""), document("ObjectId(65f2)", OTHER, "")]
    assert reconcile([], {"service": [shown], "database": held}, prior=prior).counts["ok"] == 2
    changed = reconcile([], {"service": [shown], "database": [shown, held[1]]}, prior=prior)
    assert [(entry.category, entry.where) for entry in changed.entries] == [(Category.CORRUPT, "database"), (Category.OK, "")]
    gone = reconcile([], {"service": [shown], "database": held[:1]}, prior=prior)
    assert [(entry.id, entry.where) for entry in gone.of(Category.PRIOR_DATA_LOST)] == [("ObjectId(65f2)", "database")]
