"""Each error of the driver, and what it means for the write."""

from __future__ import annotations

import pytest
from pymongo import errors
from shelter_app.outcomes import Applied, DatabaseUnavailable, DocumentRefused, failed_insert, failed_read
from shelter_app.settings import MongoSettings
from shelter_app.store import connect

pytestmark = pytest.mark.unit

LOST = "the connection to the database was lost"
CASES: list[tuple[errors.PyMongoError, Applied, str]] = [
    (errors.ServerSelectionTimeoutError("h:1: refused"), False, "no database server could be selected"),
    (errors.NetworkTimeout("h:1: timed out"), "unknown", "the database did not answer in time"),
    (errors.AutoReconnect("h:1: connection closed"), "unknown", LOST),
    (errors.AutoReconnect("h:1: [Errno 111] Connection refused"), "unknown", LOST),
    (errors.NotPrimaryError("not primary"), "unknown", "the database server is no longer primary"),
    (errors.WaitQueueTimeoutError("pool"), "unknown", "no connection to the database became free in time"),
    (errors.ConnectionFailure("other"), "unknown", "the connection to the database failed"),
    (errors.WTimeoutError("w", 64), "unknown", "the database did not confirm the write in time"),
    (errors.WriteConcernError("w", 100), "unknown", "the database could not confirm the write"),
    (errors.ExecutionTimeout("maxTimeMS", 50), "unknown", "the database gave the operation up for its time limit"),
    (errors.OperationFailure("no", 18), "unknown", "the database refused this service's user or password"),
    (errors.OperationFailure("no", 13), "unknown", "this service's database user lacks the right to do that"),
    (errors.OperationFailure("disk", 14031), "unknown", "the database answered with error 14031"),
    (errors.WriteError("locked", 1), "unknown", "the database answered with error 1"),
    (errors.BulkWriteError({"writeErrors": []}), "unknown", "the database answered with error 65"),
    (errors.ProtocolError("?"), "unknown", "the database driver failed (ProtocolError)"),
    (errors.InvalidOperation("closed"), "unknown", "the database driver failed (InvalidOperation)"),
]
NAMES = [type(error).__name__ for error, _, _ in CASES]


@pytest.mark.parametrize(("error", "applied", "reason"), CASES, ids=NAMES)
def test_a_failed_insert(error: errors.PyMongoError, applied: Applied, reason: str) -> None:
    found = failed_insert(error)
    assert isinstance(found, DatabaseUnavailable)
    assert (found.applied, found.reason) == (applied, reason)


@pytest.mark.parametrize(("error", "applied", "reason"), CASES, ids=NAMES)
def test_a_failed_read_wrote_nothing(error: errors.PyMongoError, applied: Applied, reason: str) -> None:
    found = failed_read(error)
    assert (found.applied, found.reason) == (False, reason)


@pytest.mark.parametrize("code", [2, 15, 52, 55, 57, 121, 10334])
def test_a_document_that_the_server_judged_and_refused(code: int) -> None:
    found = failed_insert(errors.WriteError("BadValue", code))
    assert isinstance(found, DocumentRefused)
    assert str(found) == f"the database refuses this document (error {code})"


def test_the_same_code_for_the_whole_command_says_nothing_about_the_document() -> None:
    found = failed_insert(errors.OperationFailure("BadValue", 2))
    assert isinstance(found, DatabaseUnavailable)
    assert found.applied == "unknown"


def test_only_the_failed_selection_is_certain() -> None:
    """Every exception class that the driver has, but for this one, leaves the write unknown."""
    subclasses = {errors.PyMongoError}
    for _ in range(5):
        subclasses |= {deeper for found in subclasses for deeper in found.__subclasses__()}
    certain = set()
    for found in subclasses:
        error = found.__new__(found)
        if isinstance(error, errors.OperationFailure):
            # Some of the subclasses want details that do not matter here.
            errors.OperationFailure.__init__(error, "", 1)
        outcome = failed_insert(error)
        if isinstance(outcome, DatabaseUnavailable) and outcome.applied is False:
            certain.add(found)
    assert certain == {errors.ServerSelectionTimeoutError}


def test_the_driver_never_sends_a_write_twice() -> None:
    """A retry could end in a failed selection after the first attempt was sent."""
    client = connect(MongoSettings(("127.0.0.1:1",), "d", None, None, "d", timeout_ms=2000, selection_timeout_ms=500))
    options = client.options
    client.close()
    assert options.retry_writes is False
    assert options.timeout == 2.0
    assert options.server_selection_timeout == 0.5
    assert options.pool_options.max_pool_size == 8
