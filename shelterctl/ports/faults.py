"""Faults, and the reading past the service that shows what became of the data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import StoredDocument
from shelterctl.core.faults.summary import DatabaseSummary
from shelterctl.core.state import ContainerState, Pod


class FaultInjector(Protocol):
    """Kills for real, and says how it knows. Used for one fault."""

    def prepare(self, pod: Pod, container: ContainerState, mode: KillMode) -> None:
        """Finds the process and opens what is needed, so that `kill` takes a moment only. Raises FaultFailed."""

    def kill(self) -> KillReport:
        """Injects the fault. Raises FaultFailed where nothing was killed."""

    def close(self) -> None: ...


class DatabaseReader(Protocol):
    """Reads the documents past the service, straight from the database."""

    def documents(self, *, run: str | None, among: Collection[str] | None, limit: int) -> Sequence[StoredDocument]:
        """Documents in id order: of one run (by what their payload says) or of anybody, at least those of the ids `among` that are there.

        Without either the first `limit`. Raises ClusterError where the reading failed, or a bounded one found more than `limit`.
        """

    def identity(self) -> DatabaseIdentity:
        """Which process answers there now, as the application reaches it. Raises ClusterError."""

    def server(self) -> str:
        """The database's own name and version, such as `mongod 8.0.4`."""


class Summarizer(Protocol):
    """Sums up a whole database, where nothing is known that was written to it."""

    def summary(self) -> DatabaseSummary:
        """Every table or collection that is not the server's own, each counted and with a checksum. Raises ClusterError."""


class TokenReader(DatabaseReader, Summarizer, Protocol):
    """A reader that finds a text wherever it lies."""

    def locate(self, mark: str) -> tuple[str, ...]:
        """Where the text lies, as `database.collection:path`, once for each document that holds it.

        From then on documents are read at the first place. Raises ClusterError.
        """

    def compare_like(self, mark: str) -> None:
        """From now on only those fields count whose values this write, which nothing disturbed, shows as they were sent.

        An application may name a field otherwise, round a number, or keep a password's hash: that is no damage. Raises ClusterError.
        """
