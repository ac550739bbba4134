"""Why nothing can be written, and by what the kill is judged then."""

from __future__ import annotations

from shelterctl.core.faults.summary import DatabaseSummary
from shelterctl.errors import Refused
from shelterctl.ports.faults import Summarizer


class NoWrites(Refused):
    """No write of the application can be accounted for. `database` sums itself up instead, and the service is asked for `paths`, the first
    that answers; `before` are the summaries of the time before the fault."""

    def __init__(self, what: str, *, why: str = "", next_command: str, database: Summarizer, paths: tuple[str, ...]) -> None:
        super().__init__(what, why=why, next_command=next_command)
        self.database = database
        self.paths = paths
        self.before: list[DatabaseSummary] = []
