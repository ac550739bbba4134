"""A database before and after: losses are failures, growth and other writers decide nothing."""

from __future__ import annotations

import pytest

from shelterctl.core.faults.summary import Course, DatabaseSummary, TableSummary, compare

pytestmark = pytest.mark.unit


def reading(*tables: TableSummary, unread: tuple[str, ...] = ()) -> DatabaseSummary:
    return DatabaseSummary(tables, unread=unread)


def table(rows: int, checksum: str = "a", *, name: str = "shop.books", leaving: str = "", volatile: str = "") -> TableSummary:
    return TableSummary(name, rows, checksum, leaving, volatile)


def test_a_table_that_lost_rows_and_one_that_vanished_fail_by_name_and_number() -> None:
    before = reading(table(12), table(3, name="shop.pets"), table(2, name="shop.kept"))
    after = reading(table(10, "b"), table(2, name="shop.kept"))
    found = compare([before, before], [after, after])
    assert [reason.text for reason in found.failures()] == [
        "table shop.pets is gone, with 3 rows, and nobody wrote through the service",
        "table shop.books lost 2 rows (12 before, 10 after), and nobody wrote through the service",
    ]
    assert list(found.notes()) == ["1 table with 2 rows is as before"]


def test_rows_that_an_end_of_the_server_takes_are_lost_with_the_reason() -> None:
    (failure,) = compare([reading(table(3, volatile="engine MEMORY"))], [reading(table(0))]).failures()
    assert failure.text.endswith("(engine MEMORY)")


@pytest.mark.parametrize(
    ("after", "course"),
    [(table(3), Course.SAME), (table(4, "b"), Course.GROWN), (table(3, "b"), Course.CHANGED), (table(3, ""), Course.SAME)],
)
def test_what_grew_or_changed_decides_nothing(after: TableSummary, course: Course) -> None:
    found = compare([reading(table(3))], [reading(after)])
    assert [each.course for each in found.tables] == [course]
    assert list(found.failures()) == []
    assert list(found.doubts()) == []


def test_another_writer_is_told() -> None:
    found = compare([reading(table(3))], [reading(table(4, "b"), table(1, name="shop.new"))])
    assert list(found.notes()) == ["another writer, which decides nothing: shop.books (3 before, 4 after), shop.new (new, 1)"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # It was changing before, it was still changing after, its rows go by themselves.
        ([reading(table(4)), reading(table(3, "b"))], [reading(table(1, "c")), reading(table(1, "c"))]),
        ([reading(table(3)), reading(table(3))], [reading(table(2, "b")), reading(table(1, "c"))]),
        ([reading(table(3, leaving="a TTL index"))] * 2, [reading(table(1, "c"))] * 2),
        ([reading(table(3))] * 2, [reading(unread=("shop.books",))] * 2),
    ],
)
def test_fewer_rows_that_somebody_may_have_taken_are_a_doubt_and_no_failure(
    before: list[DatabaseSummary], after: list[DatabaseSummary]
) -> None:
    found = compare(before, after)
    assert list(found.failures()) == []
    (doubt,) = found.doubts()
    assert "table shop.books had 3 rows before" in doubt.text


def test_what_was_counted_only_is_said() -> None:
    found = compare([reading(table(3, ""))], [reading(table(3, ""))])
    assert list(found.notes()) == ["1 table with 3 rows is as before", "of shop.books the rows were counted only"]
