"""What a failed call to the database means for the write that it carried. Pure.

The client accounts for every write, so the one thing that must never happen is ``applied: false`` for a write that is
there, or comes to be there. pymongo raises ServerSelectionTimeoutError only where it sent nothing: it raises the first
error instead where a retry failed to select a server, and retries of writes are off here anyway.

Everything else is unknown, also where it looks harmless: AutoReconnect is a refused connection as well as a reset after
the write, WriteConcernError is a write that is there and not yet safe, NotPrimaryError may follow a write that a
rollback has not undone yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

Applied: TypeAlias = Literal[False, "unknown"]

NO_SERVER: Final = "no database server could be selected"
# The server judged this one document and says that it did not insert it: BadValue, Overflow, DollarPrefixedFieldName,
# InvalidDBRef, DottedFieldName, DocumentValidationFailure, BSONObjectTooLarge.
# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_REFUSED_CODES: Final = frozenset({2, 15, 52, 55, 57, 121, 10334})
_AUTHENTICATION_FAILED: Final = 18
_UNAUTHORIZED: Final = 13


class DatabaseUnavailable(Exception):
    """The database did not do what was asked; ``applied`` says what is known about the write."""

    def __init__(self, applied: Applied, reason: str) -> None:
        super().__init__(reason)
        self.applied: Applied = applied
        self.reason = reason


class DocumentRefused(Exception):
    """The database examined the document and refused it: nothing was written."""


@dataclass(frozen=True, slots=True)
class _Rule:
    error: type[PyMongoError]
    reason: str


# Subclasses before their bases.
_REASONS: Final = (
    _Rule(ServerSelectionTimeoutError, NO_SERVER),
    _Rule(NetworkTimeout, "the database did not answer in time"),
    _Rule(NotPrimaryError, "the database server is no longer primary"),
    _Rule(AutoReconnect, "the connection to the database was lost"),
    _Rule(WaitQueueTimeoutError, "no connection to the database became free in time"),
    _Rule(ConnectionFailure, "the connection to the database failed"),
    _Rule(WTimeoutError, "the database did not confirm the write in time"),
    _Rule(WriteConcernError, "the database could not confirm the write"),
    _Rule(ExecutionTimeout, "the database gave the operation up for its time limit"),
)


def reason_of(error: PyMongoError) -> str:
    """The error in words that name no host, user or address; those go to the log."""
    for rule in _REASONS:
        if isinstance(error, rule.error):
            return rule.reason
    if isinstance(error, OperationFailure):
        if error.code == _AUTHENTICATION_FAILED:
            return "the database refused this service's user or password"
        if error.code == _UNAUTHORIZED:
            return "this service's database user lacks the right to do that"
        return f"the database answered with error {error.code}"
    return f"the database driver failed ({type(error).__name__})"


def failed_insert(error: PyMongoError) -> DatabaseUnavailable | DocumentRefused:
    """What to tell the client whose insert raised ``error``. A duplicate key is not a failure, see the store."""
    if isinstance(error, ServerSelectionTimeoutError):
        return DatabaseUnavailable(False, reason_of(error))
    if isinstance(error, WriteError) and not isinstance(error, DuplicateKeyError) and error.code in _REFUSED_CODES:
        return DocumentRefused(f"the database refuses this document (error {error.code})")
    return DatabaseUnavailable("unknown", reason_of(error))


def failed_read(error: PyMongoError) -> DatabaseUnavailable:
    """What to tell the client whose read raised ``error``. A read writes nothing, whatever became of it."""
    return DatabaseUnavailable(False, reason_of(error))
