"""A database before and after a fault, table by table: what is as before, what nobody can have taken away, and what says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from shelterctl.core.verdict import Reason
from shelterctl.core.words import counted, listed

#: Named before the rest is counted only.
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table or collection by its whole name. `checksum` depends on no order, and is empty where none was made (too many rows, an engine
    without one).

    `leaving` is by what its rows go without anybody's request (a TTL index, a scheduled event), `volatile` why an end of the server takes
    them (UNLOGGED, engine MEMORY); both are empty for a usual table.
    """

    name: str
    rows: int
    checksum: str = ""
    leaving: str = ""
    volatile: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseSummary:
    """All that the database's user may read; `unread` are tables that this user may not. `row` and `table` are the engine's own nouns."""

    tables: tuple[TableSummary, ...]
    row: str = "row"
    table: str = "table"
    unread: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def words(self) -> str:
        return f"{counted(len(self.tables), self.table)} with {counted(self.rows, self.row)}"


class Course(Enum):
    """What became of a table. SHRUNK and GONE are losses; UNSETTLED changed while nothing was done to the database, or goes by itself."""

    SAME = "as before"
    GROWN = "grown"
    CHANGED = "changed"
    NEW = "new"
    UNSETTLED = "unsettled"
    SHRUNK = "lost rows"
    GONE = "gone"

    @property
    def fails(self) -> bool:
        return self in (Course.SHRUNK, Course.GONE)


@dataclass(frozen=True, slots=True)
class TableCourse:
    """A table's rows before and after; None where it was not there. `why` is what makes it unsettled, or a loss no surprise."""

    name: str
    course: Course
    before: int | None
    after: int | None
    why: str = ""
    compared: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every table that was there before or after. `rows_as_before` are those of tables that did not change."""

    tables: tuple[TableCourse, ...]
    row: str = "row"
    table: str = "table"

    def of(self, *courses: Course) -> tuple[TableCourse, ...]:
        return tuple(table for table in self.tables if table.course in courses)

    @property
    def rows_as_before(self) -> int:
        return sum(table.after or 0 for table in self.of(Course.SAME))

    def failures(self) -> Iterator[Reason]:
        """A reason for each loss that nobody asked for."""
        for gone in self.of(Course.GONE):
            text = f"{self.table} {gone.name} is gone, with {counted(gone.before or 0, self.row)}, and nobody wrote through the service"
            yield Reason(f"{text}{self._because(gone)}", "shelterctl logs db")
        for shrunk in self.of(Course.SHRUNK):
            lost = (shrunk.before or 0) - (shrunk.after or 0)
            text = f"{self.table} {shrunk.name} lost {counted(lost, self.row)} ({shrunk.before:,} before, {shrunk.after:,} after)"
            yield Reason(f"{text}, and nobody wrote through the service{self._because(shrunk)}", "shelterctl logs db")

    def doubts(self) -> Iterator[Reason]:
        """Fewer rows where they may have gone by themselves, or by another writer."""
        for table in self.of(Course.UNSETTLED):
            if table.before is not None and (table.after is None or table.after < table.before):
                now = "is not there" if table.after is None else f"has {table.after:,}"
                text = f"{self.table} {table.name} had {counted(table.before, self.row)} before and {now} after, which decides nothing"
                yield Reason(f"{text}: {table.why}", "shelterctl logs db")

    def notes(self) -> Iterator[str]:
        same = self.of(Course.SAME)
        if same:
            verb = "is" if len(same) == 1 else "are"
            yield f"{counted(len(same), self.table)} with {counted(self.rows_as_before, self.row)} {verb} as before"
        if counted_only := [table.name for table in same if not table.compared]:
            yield f"of {listed(counted_only, _SHOWN)} the {self.row}s were counted only"
        others = [table for table in self.of(Course.GROWN, Course.CHANGED, Course.NEW, Course.UNSETTLED) if table.after is not None]
        if others:
            told = [f"{table.name} ({_told(table)})" for table in others]
            yield f"another writer, which decides nothing: {listed(told, _SHOWN)}"

    def _because(self, table: TableCourse) -> str:
        return f" ({table.why})" if table.why else ""


def _told(table: TableCourse) -> str:
    if table.before is None:
        return f"new, {table.after:,}"
    if table.before == table.after:
        return f"{table.after:,}, other content"
    return f"{table.before:,} before, {table.after:,} after"


def compare(before: Sequence[DatabaseSummary], after: Sequence[DatabaseSummary]) -> Comparison:
    """Holds the last reading after the fault against the last one before it.

    `before` are readings of an undisturbed database, `after` the last readings: a table that differs between two of either was being
    written to by somebody, and its rows say nothing of the fault.
    """
    earlier, later = before[-1], after[-1]
    was = {table.name: table for table in earlier.tables}
    now = {table.name: table for table in later.tables if table.name not in earlier.unread}
    restless_before, restless_after = _restless(before), _restless(after)
    found = []
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if name in later.unread:
            why = f"the database's user may not read the {later.table} any more"
            found.append(TableCourse(name, Course.UNSETTLED, old.rows if old else None, None, why))
            continue
        why = ""
        if name in restless_before:
            why = "it was changing before the kill, too"
        elif name in restless_after:
            why = "it was still changing after the recovery"
        elif old is not None and old.leaving:
            why = f"{earlier.row}s go from it by themselves ({old.leaving})"
        found.append(_course(name, old, new, why))
    return Comparison(tuple(found), earlier.row, earlier.table)


def _course(name: str, old: TableSummary | None, new: TableSummary | None, why: str) -> TableCourse:
    rows_before, rows_after = old.rows if old else None, new.rows if new else None
    if old is None:
        return TableCourse(name, Course.NEW, rows_before, rows_after)
    comparable = bool(new and old.checksum and new.checksum)
    if new is not None and new.rows == old.rows and (not comparable or old.checksum == new.checksum):
        return TableCourse(name, Course.SAME, rows_before, rows_after, compared=comparable)
    if why:
        return TableCourse(name, Course.UNSETTLED, rows_before, rows_after, why)
    if new is None:
        return TableCourse(name, Course.GONE, rows_before, rows_after, old.volatile)
    if new.rows < old.rows:
        return TableCourse(name, Course.SHRUNK, rows_before, rows_after, old.volatile)
    return TableCourse(name, Course.GROWN if new.rows > old.rows else Course.CHANGED, rows_before, rows_after)


def _restless(readings: Sequence[DatabaseSummary]) -> frozenset[str]:
    """Tables that differ between two readings in a row."""
    found: set[str] = set()
    for one, other in pairwise(readings):
        first = {table.name: (table.rows, table.checksum) for table in one.tables}
        second = {table.name: (table.rows, table.checksum) for table in other.tables}
        found |= {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    return frozenset(found)
