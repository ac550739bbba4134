"""The collection in MongoDB: insert once, read back, page, count."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, cast

import bson
import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shelter_app.documents import Document, DocumentId, from_record, to_record
from shelter_app.outages import OutageLog
from shelter_app.outcomes import NO_SERVER, DatabaseUnavailable, failed_insert, failed_read, reason_of
from shelter_app.paging import ListQuery
from shelter_app.settings import REQUEST_THREADS, MongoSettings

logger = logging.getLogger("shelter_app.store")

COLLECTION: Final = "documents"
PING_TIMEOUT_S: Final = 1.0
# 1,000 documents of 64 KiB would not fit in the pod's memory: a page ends early, and `next` continues it.
PAGE_BYTES: Final = 4 * 1024 * 1024
_BATCH: Final = 100


class Stored(Enum):
    """What became of a document that was put."""

    CREATED = "created"
    SAME = "the same was there"
    OTHER = "another was there"


@dataclass(frozen=True, slots=True)
class Page:
    """Documents as JSON texts in id order; ``next`` is the ``after`` of the next page, None at the end."""

    items: tuple[str, ...]
    next: DocumentId | None


def connect(settings: MongoSettings) -> MongoClient[dict[str, object]]:
    """A client for this process; call it after the fork. It connects in the background."""
    return MongoClient(
        list(settings.hosts),
        username=settings.user,
        password=settings.password,
        authSource=settings.auth_source,
        appname="shelter-app",
        timeoutMS=settings.timeout_ms,
        serverSelectionTimeoutMS=settings.selection_timeout_ms,
        connectTimeoutMS=min(settings.timeout_ms, 1000),
        # The shortest that pymongo allows: a database that is back is noticed within half a second.
        heartbeatFrequencyMS=500,
        maxPoolSize=REQUEST_THREADS,
        # One request, one insert: a standalone server could not tell a repeated one from the first.
        retryWrites=False,
        # A read changes nothing, so a connection that went stale while idle costs no error.
        retryReads=True,
    )


class DocumentStore:
    """Documents in one collection. Safe for threads.

    Methods raise :class:`~shelter_app.outcomes.DatabaseUnavailable`, with what is known about the write.
    """

    def __init__(
        self,
        client: MongoClient[dict[str, object]],
        settings: MongoSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._timeout_s = settings.timeout_ms / 1000
        self._selection_timeout_s = settings.selection_timeout_ms / 1000
        self._monotonic = monotonic
        self._selection_failed_at = float("-inf")
        self._outages = OutageLog(logger, monotonic)
        write_concern = WriteConcern(w="majority", j=True)
        # What was read cannot be rolled back by a change of primary.
        read_concern = ReadConcern("majority")
        self._database = client.get_database(settings.database, write_concern=write_concern, read_concern=read_concern)
        self._documents = self._database.get_collection(COLLECTION)
        # Undecoded documents, for pages. The driver's types know one document class for each client.
        undecoded: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)
        self._raw = cast("Collection[RawBSONDocument]", self._documents.with_options(undecoded))

    def close(self) -> None:
        self._client.close()

    def put(self, document: Document) -> tuple[Stored, Document]:
        """Insert ``document`` unless its id is taken; the second value is what is stored under that id.

        :raises DocumentRefused: the database does not take this document.
        """
        try:
            with self._operation():
                self._documents.insert_one(to_record(document))
        except DuplicateKeyError:
            return self._compare(document)
        except PyMongoError as error:
            self._outages.failed(error)
            raise failed_insert(error) from error
        self._outages.succeeded()
        return Stored.CREATED, document

    def _compare(self, document: Document) -> tuple[Stored, Document]:
        """Read back what holds the id already.

        Its writer may not have been acknowledged yet, but what is found here is as safe as an acknowledged write: the
        read is a majority read, and a server waits for the write concern, so for the journal, before it answers with a
        duplicate key too (LastOpFixer in MongoDB's write_ops_exec.cpp).
        """
        try:
            found = self.get(document.id)
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable("unknown", f"the key is taken, and to compare failed: {error.reason}") from error
        if found is None:
            raise DatabaseUnavailable("unknown", "the key is taken by a write that cannot be read yet")
        return (Stored.SAME if found.digest == document.digest else Stored.OTHER), found

    def get(self, document_id: DocumentId) -> Document | None:
        """The document with this id.

        :raises UnreadableRecord: something else is stored under it.
        """
        with self._reading():
            record = self._documents.find_one({"_id": document_id})
        return None if record is None else from_record(record)

    def count(self, query: ListQuery) -> int:
        """How many documents the query selects, whatever its limit.

        By aggregation, as pages are: what stands in for MongoDB on a machine without one counts in its index then, and in Python else.
        """
        with self._reading():
            found = list(self._documents.aggregate([{"$match": query.as_filter()}, {"$count": "n"}]))
        return int(cast("int", found[0]["n"])) if found else 0

    def page(self, query: ListQuery) -> Page:
        """At most ``query.limit`` documents, and at most about :data:`PAGE_BYTES` of them, at least one.

        :raises UnreadableRecord: one of them is not of this service.
        """
        items: list[str] = []
        size = 0
        last: DocumentId | None = None
        with self._reading():
            wanted: list[dict[str, object]] = [{"$match": query.as_filter()}, {"$sort": {"_id": 1}}, {"$limit": query.limit + 1}]
            with self._raw.aggregate(wanted, batchSize=_BATCH) as cursor:
                for raw in cursor:
                    if len(items) == query.limit or size >= PAGE_BYTES:
                        return Page(tuple(items), last)
                    # One at a time: decoded, a document takes many times its size.
                    document = from_record(bson.decode(raw.raw))
                    items.append(json.dumps(document.as_json(), ensure_ascii=False))
                    size += len(items[-1])
                    last = document.id
        return Page(tuple(items), None)

    def ping(self) -> str | None:
        """None if the database answers this service's user, else the reason why not. Takes at most about 1.5 s."""
        try:
            self._select()
            with pymongo.timeout(min(PING_TIMEOUT_S, self._timeout_s)):
                self._database.command("ping")
        except PyMongoError as error:
            self._outages.failed(error)
            return reason_of(error)
        self._outages.succeeded()
        return None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._operation():
                yield
        except PyMongoError as error:
            self._outages.failed(error)
            raise failed_read(error) from error
        self._outages.succeeded()

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """One deadline for everything that is sent, after a server was selected within its own shorter time."""
        self._select()
        with pymongo.timeout(self._timeout_s):
            yield

    def _select(self) -> None:
        """Wait for a writable server, for the selection timeout at most.

        pymongo's own selection waits for the whole of timeoutMS where that is set. And while the database is away, only
        the first requests wait: those within one selection timeout after a failure are told at once, so that an outage
        does not occupy every thread.

        :raises ServerSelectionTimeoutError: there is none. Nothing was sent.
        """
        known = self._client.topology_description.has_writable_server()
        if not known and self._monotonic() - self._selection_failed_at < self._selection_timeout_s:
            raise ServerSelectionTimeoutError(f"{NO_SERVER} a moment ago")
        try:
            self._client.is_primary  # noqa: B018 - a property that selects
        except ServerSelectionTimeoutError:
            self._selection_failed_at = self._monotonic()
            raise
