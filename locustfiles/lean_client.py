"""An HTTP/1.1 client for Locust that costs a quarter of Locust's fast one: the less the generator takes, the more the service has.

It is asked as Locust's FastHttpSession is (`get`, `post`, `request`, with `name`, `data`, `json`, `headers`, `catch_response`,
`allow_redirects`) and fires the same events. It keeps cookies, follows redirects, never asks twice by itself, and has one connection to a
server at a time. Whatever goes wrong with a request is a failure with a type; what cannot be sent is a ValueError.
"""

from __future__ import annotations

import json as json_module
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from http.cookiejar import CookieJar
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import Request

from geventhttpclient.response import HTTPParseError
from lean_answer import Answer
from lean_body import Body
from lean_content import ACCEPTED
from lean_http import Head, read_answer
from lean_server import UNSENDABLE, Server
from lean_tls import connected, tls_context
from locust import User
from locust.contrib.fasthttp import LocustBadStatusCode, LocustUserAgent

_WELL = LocustUserAgent.valid_response_codes
#: How long a kept connection may rest until its server may be about to end it: gunicorn does so after 2 s, and by then the request is lost.
RESTED_S = 0.9
#: What may be asked again.
_ASKED_AGAIN = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIRECTS = LocustUserAgent.redirect_response_codes
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_SAFE = "!$%&'()*+,-./:;=?@[]_|~"
_TARGET = re.compile(rf"/[0-9A-Za-z{re.escape(_SAFE)}]*")
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
#: Servers and sets of header fields that are remembered; beyond them the oldest go.
_MOST_SERVERS = 8
_MOST_FIELDS = 64


class RedirectFailed(Exception):
    """A redirect that leads nowhere, or more of them than are followed."""


FAILURES = (OSError, HTTPParseError, RedirectFailed)


class LeanSession:
    """The client of one user. `network_timeout` bounds a request, redirects and connections included; `connection_timeout` a connection.

    With `keep_bytes` an answer of any size is read to its end: its content is its beginning, its length what came of it, as it came, and
    `network_timeout` bounds the wait for its next piece.
    """

    request_name: str | None = None

    def __init__(
        self,
        base_url: str,
        request_event,
        user=None,
        *,
        connection_timeout=5.0,
        network_timeout=10.0,
        max_redirects=30,
        insecure=False,
        keep_bytes: int | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self.base_url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._prefix = urlsplit(self.base_url).path.rstrip("/")
        self._server = Server(self.base_url)
        self._servers = {self._server.url: self._server}
        self._event = request_event
        # A user's context costs a call and two dictionaries for each request: most have none.
        self._context = None if user is None or type(user).context is User.context else user.context
        self._connection_timeout, self._network_timeout = connection_timeout, network_timeout
        self._max_redirects, self._insecure, self._keep_bytes = max_redirects, insecure, keep_bytes
        self._cookies = CookieJar()
        self._fields: dict[tuple, bytes] = {}
        self._authorization = ""
        if parts.username and parts.password:
            pair = f"{unquote(parts.username)}:{unquote(parts.password)}".encode("latin-1")
            self._authorization = "Basic " + b64encode(pair).decode("ascii")

    def get(self, url: str, **options) -> Answer:
        return self.request("GET", url, **options)

    def post(self, url: str, data=None, json=None, **options) -> Answer:
        return self.request("POST", url, data=data, json=json, **options)

    def head(self, url: str, **options) -> Answer:
        return self.request("HEAD", url, **options)

    def put(self, url: str, **options) -> Answer:
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options) -> Answer:
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options) -> Answer:
        return self.request("DELETE", url, **options)

    def close(self) -> None:
        """Ends the connections; the next request opens one."""
        for server in self._servers.values():
            server.close()

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: str | bytes | None = None,
        catch_response: bool = False,
        headers: Mapping[str, str] | None = None,
        json=None,
        allow_redirects: bool = True,
        context: Mapping[str, object] | None = None,
    ) -> Answer:
        """Asks, and tells Locust what came. Raises ValueError for what cannot be sent."""
        began_wall, began = time.time(), time.perf_counter()
        server, target = (self._server, self._prefix + url) if url.startswith("/") else self._elsewhere(url)
        answer = Answer(server.url + target)
        self._answer(answer, server, method, target, data, headers, json, allow_redirects)
        meta = {
            "request_type": method,
            "name": name or self.request_name or url,
            "context": {**(self._context() if self._context else {}), **(context or {})} if context or self._context else {},
            "response": answer,
            "exception": answer.error,
            "start_time": began_wall,
            "url": answer.url,
            "response_length": answer.length,
            "response_time": (time.perf_counter() - began) * 1000,
        }
        if catch_response:
            answer._meta, answer._event = meta, self._event
        else:
            self._event.fire(**meta)
        return answer

    def _elsewhere(self, url: str) -> tuple[Server, str]:
        """The server and the target of a path without its slash, or of a whole URL."""
        if not _ABSOLUTE.match(url):
            return self._server, f"{self._prefix}/{url}"
        if UNSENDABLE.search(url):
            raise ValueError(f"no URL can hold control characters: {url!r}")
        found = Server(url)
        server = self._servers.get(found.url)
        if server is None:
            server = self._servers[found.url] = found
            if len(self._servers) > _MOST_SERVERS:
                oldest = next(each for each in self._servers if each not in (self._server.url, found.url))
                self._servers.pop(oldest).close()
        parts = urlsplit(url)
        return server, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _answer(self, answer: Answer, server: Server, method: str, target: str, data, headers, json, follow: bool) -> None:
        if json is not None and not data:
            data, json = json_module.dumps(json), True
        body = data.encode() if isinstance(data, str) else data or b""
        key = (method, json is True, *headers.items()) if headers else (method, json is True)
        fields = self._fields.get(key)
        if fields is None:
            if len(self._fields) >= _MOST_FIELDS:
                self._fields.clear()
            fields = self._fields[key] = self._built(method, headers or {}, is_json=json is True, authorized=True)
        deadline = time.monotonic() + self._network_timeout
        history: list[int] = []
        first = server
        try:
            while True:
                message = self._message(method, server, target, fields, body)
                head, content, length = self._asked(server, message, method, deadline)
                if head.cookies:
                    self._keep_cookies(head, server.url + target)
                location = head.headers.get("location") if head.status in _REDIRECTS else None
                if not follow or not location:
                    break
                if len(history) >= self._max_redirects:
                    raise RedirectFailed(f"more than {self._max_redirects} redirects")
                history.append(head.status)
                before = server
                server, target = self._redirected(server.url + target, location)
                if head.status in (301, 302, 303):
                    method, body = "HEAD" if method == "HEAD" else "GET", b""
                headers = {
                    field: value for field, value in (headers or {}).items() if _survives(field, moved=server is not before, body=body)
                }
                fields = self._built(method, headers, is_json=json is True and body != b"", authorized=server is first)
        except FAILURES as error:
            answer.error = error
            return
        answer.status_code, answer.headers, answer.content, answer.length = head.status, head.headers, content, length
        if head.status not in _WELL:
            answer.error = LocustBadStatusCode(answer.url, code=head.status)
        answer.history = tuple(history)

    def _built(self, method: str, headers: Mapping[str, str], *, is_json: bool, authorized: bool) -> tuple[bytes, bool]:
        """The fields that are the same each time, checked, and whether the host is one. Raises ValueError for what a head cannot hold."""
        if not _TOKEN.fullmatch(method) or method.upper() != method:
            raise ValueError(f"no HTTP method: {method!r}")
        given = {}
        for field, value in headers.items():
            if not isinstance(value, str) or not _TOKEN.fullmatch(field) or not _FIELD_VALUE.fullmatch(value):
                raise ValueError(f"no header field: {field!r}: {value!r}")
            if field.lower() in ("content-length", "transfer-encoding"):
                raise ValueError(f"{field} follows from the body and cannot be given")
            given[field.lower()] = (field, value)
        defaults = {"User-Agent": "locust-lean", "Accept-Encoding": ACCEPTED}
        if is_json:
            defaults |= {"Content-Type": "application/json", "Accept": "application/json"}
        if self._authorization and authorized:
            defaults["Authorization"] = self._authorization
        for field, value in defaults.items():
            given.setdefault(field.lower(), (field, value))
        return "".join(f"{field}: {value}\r\n" for field, value in given.values()).encode("latin-1"), "host" in given

    def _message(self, method: str, server: Server, target: str, fields: tuple[bytes, bool], body: bytes) -> bytes:
        if not _TARGET.fullmatch(target):
            if UNSENDABLE.search(target):
                raise ValueError(f"no path can hold control characters: {target!r}")
            target = quote(target.partition("#")[0], safe=_SAFE)
        first = f"{method} {target} HTTP/1.1\r\n" if fields[1] else f"{method} {target} HTTP/1.1\r\nHost: {server.host_field}\r\n"
        if len(self._cookies):
            request = Request(server.url + target)  # noqa: S310 - http and https only
            self._cookies.add_cookie_header(request)
            if cookie := request.get_header("Cookie"):
                first += f"Cookie: {cookie}\r\n"
        if body or method in ("POST", "PUT", "PATCH"):
            return b"%b%bContent-Length: %d\r\n\r\n%b" % (first.encode("latin-1"), fields[0], len(body), body)
        return b"%b%b\r\n" % (first.encode("latin-1"), fields[0])

    def _asked(self, server: Server, message: bytes, method: str, deadline: float) -> tuple[Head, bytes, int]:
        body = None
        if self._keep_bytes is not None:
            body, deadline = Body(self._keep_bytes), time.monotonic() + self._network_timeout
        connection, server.connection = server.connection, None
        rested = connection is not None and time.monotonic() - server.rests_since >= RESTED_S
        if connection is not None:
            connection.deadline = deadline
            # Ended before anything was sent, and no request is lost with it; or about to, and a write is never sent twice.
            if not connection.is_idle() or (rested and method not in _ASKED_AGAIN):
                connection.close()
                connection, rested = None, False
        if connection is None:
            tls = tls_context(self._insecure) if server.tls else None
            connection = connected(server.host, server.port, self._connection_timeout, deadline, tls)
        connection.deadline = deadline
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # a server that refuses a request early answers before it closes
                connection.send(message)
            head, content, again = read_answer(connection.receive if body is None else self._patient(connection), method, body)
        except BaseException as error:
            connection.close()
            if rested and method in _ASKED_AGAIN and getattr(error, "unanswered", False):
                # The server ended the connection while this was on its way, as it may: every client asks again (RFC 9110, 9.2.2).
                return self._asked(server, message, method, deadline)
            raise
        if again:
            server.connection, server.rests_since = connection, time.monotonic()
        else:
            connection.close()
        return head, content, len(content) if body is None else body.size

    def _patient(self, connection) -> Callable[[], bytes]:
        def receive() -> bytes:
            connection.deadline = time.monotonic() + self._network_timeout
            return connection.receive()

        return receive

    def _redirected(self, url: str, location: str) -> tuple[Server, str]:
        try:
            whole = urljoin(url, location)
            if not _ABSOLUTE.match(whole):
                raise ValueError(whole)
            return self._elsewhere(whole)
        except ValueError as error:
            raise RedirectFailed(f"a redirect to {location[:80]!r}") from error

    def _keep_cookies(self, head: Head, url: str) -> None:
        message = Message()
        for value in head.cookies:
            message["Set-Cookie"] = value
        self._cookies.extract_cookies(_WithInfo(message), Request(url))  # noqa: S310


def _survives(field: str, *, moved: bool, body: bytes) -> bool:
    """Whether a header field is sent again after a redirect: none of a body that is not, and nothing that was meant for another server."""
    field = field.lower()
    return field != "cookie" and not (moved and field in ("authorization", "host")) and (body != b"" or not field.startswith("content-"))


class _WithInfo:
    """An answer as http.cookiejar wants it."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def info(self) -> Message:
        return self._message
