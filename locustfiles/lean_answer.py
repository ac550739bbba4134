"""The answer that a user of lean_client.py gets, judged as Locust's are: in a with-block, by `success` and `failure`."""

from __future__ import annotations

import json as json_module
from email.message import Message

from lean_http import Headers
from locust.exception import CatchResponseError, LocustError, ResponseError


class Answer:
    """An answer, or what came instead: then the status is 0, and `error` says why. With `catch_response` also the block that judges it."""

    __slots__ = ("_event", "_judged", "_meta", "_text", "content", "error", "headers", "history", "length", "status_code", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.status_code = 0
        self.headers: Headers | None = None
        self.content: bytes | None = None
        self.length = 0
        self.error: Exception | None = None
        self.history: tuple[int, ...] = ()
        self._meta: dict | None = None
        self._judged: object = None

    @property
    def ok(self) -> bool:
        return 0 < self.status_code < 400

    @property
    def text(self) -> str | None:
        if self.content is None:
            return None
        message = Message()
        message["content-type"] = (self.headers or {}).get("content-type", "")
        try:
            return self.content.decode(message.get_content_charset("utf-8"), "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> object:
        """Raises ValueError where it is none."""
        return json_module.loads(self.content or b"")

    def raise_for_status(self) -> None:
        if self.error is not None:
            raise self.error

    def success(self) -> None:
        self._judge(True)

    def failure(self, problem: object) -> None:
        self._judge(problem if isinstance(problem, Exception) else CatchResponseError(problem))

    def _judge(self, judgement: object) -> None:
        if self._meta is None:
            raise LocustError("an answer is judged in a with-block of a request with catch_response=True")
        self._judged = judgement

    def __enter__(self) -> Answer:
        if self._meta is None:
            raise LocustError("a with-block needs a request with catch_response=True")
        return self

    def __exit__(self, kind: object, value: BaseException | None, trace: object) -> bool:
        meta, judged = self._meta, self._judged
        if judged is not None:
            meta["exception"] = None if judged is True else judged
        elif value is not None:
            if not isinstance(value, ResponseError):
                return False
            meta["exception"] = value
        self._event.fire(**meta)
        return judged is None or value is None
