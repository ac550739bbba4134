"""The Kubernetes API as JSON: one connection, requests, watches and exec. Everything that goes wrong becomes one of our errors.

How the server is reached is `access`'s; the official client's generated models are left aside: what is read here is parsed once,
in `records`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlencode

from shelterctl.adapters.kube.access import Access, client_for, open_access
from shelterctl.errors import ApiRejected, ApiUnreachable, PodCommandTimeout

if TYPE_CHECKING:
    import urllib3

Json: TypeAlias = Mapping[str, Any]
REQUEST_TIMEOUT_S = 30.0
#: Connect quickly or say that the server does not answer: it is on this machine or near.
CONNECT_TIMEOUT_S = 5.0


class KubeApi:
    """A connection to the API server of one kubeconfig context. May be used from several threads."""

    def __init__(self, context: str) -> None:
        self.context = context
        #: The API server's clock when it last answered, as the answer's Date says (epoch seconds, whole ones).
        self.server_time_s: float | None = None
        self._access: Access | None = None
        self._lock = threading.Lock()
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """GET. Raises ApiRejected (with `status`), ApiUnreachable."""
        return self.request("GET", path, query=query)

    def get_or_none(self, path: str) -> Json | None:
        """GET, with None for 404."""
        try:
            return self.get(path)
        except ApiRejected as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        """The items of a list; an empty list where the kind or the namespace is not there."""
        try:
            return list(self.get(path, query).get("items") or [])
        except ApiRejected as error:
            if error.status == 404:
                return []
            raise

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Json:
        """One request. Raises ApiRejected, ApiUnreachable, ContextError."""
        data = self._body(self._send(method, path, query, body, content_type, timeout_s))
        try:
            parsed = json.loads(data)
        except ValueError:
            return {"text": data.decode("utf-8", "replace")}
        return parsed if isinstance(parsed, dict) else {"value": parsed}

    def text(self, path: str, query: Mapping[str, str]) -> str:
        """GET of plain text, such as a container's log."""
        data = self._body(self._send("GET", path, query, None, "application/json", REQUEST_TIMEOUT_S))
        return data.decode("utf-8", "replace")

    def stream_lines(
        self, path: str, query: Mapping[str, str], *, read_timeout_s: float, opened: Callable[[Callable[[], None]], None] | None = None
    ) -> Iterator[bytes]:
        """A response line by line as it comes; ends when the server closes it or says nothing for `read_timeout_s`.

        `opened` is called when the server has begun to answer, with a function that breaks the response off from another thread.
        """
        import urllib3

        response = self._send("GET", path, query, None, "application/json", read_timeout_s)
        if opened is not None:

            def break_off() -> None:
                # ValueError and RuntimeError: the response has ended already.
                with suppress(OSError, ValueError, RuntimeError):
                    response.shutdown()

            opened(break_off)
        pending = b""
        try:
            for chunk in response.stream(65536, decode_content=True):
                *lines, pending = (pending + chunk).split(b"\n")
                yield from lines
            if pending:
                yield pending
        except urllib3.exceptions.ReadTimeoutError:
            return
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable("the API server closed a watch", why=str(error)) from error
        finally:
            with suppress(OSError):
                response.close()
            response.release_conn()

    def resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """The path prefix of a kind (`/apis/apps/v1`, plural) joined as `prefix|plural`, and whether it is namespaced."""
        known = self._resources.get(api_version)
        if known is None:
            prefix = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
            listing = self.get(prefix)
            known = {
                item["kind"]: (f"{prefix}|{item['name']}", bool(item["namespaced"]))
                for item in listing.get("resources", ())
                if "/" not in item["name"]
            }
            self._resources[api_version] = known
        if kind not in known:
            raise ApiRejected(f"the cluster knows no {kind} in {api_version}", status=404, reason="NotFound")
        return known[kind]

    def object_path(self, api_version: str, kind: str, namespace: str | None, name: str | None) -> str:
        """The path of an object, or of the list of its kind where `name` is None."""
        joined, namespaced = self.resource(api_version, kind)
        prefix, plural = joined.split("|")
        middle = f"/namespaces/{quote(namespace)}" if namespaced and namespace else ""
        return f"{prefix}{middle}/{plural}" + (f"/{quote(name)}" if name else "")

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, timeout_s: float, stdin: str = ""
    ) -> tuple[int, str, str]:
        """Runs a command in a container: exit code, standard output, standard error.

        Of `stdin` the command reads what is there and no end: it must know how much it wants.

        Raises ApiRejected where it cannot be started, ApiUnreachable where the connection breaks or the time is over.
        """
        from kubernetes.client import CoreV1Api
        from kubernetes.client.exceptions import ApiException
        from kubernetes.stream import stream
        from kubernetes.stream.ws_client import ERROR_CHANNEL
        from websocket import WebSocketException

        # A client of its own: `stream` exchanges the request function of the client that it is given.
        core = CoreV1Api(client_for(self.context))
        try:
            session = stream(
                core.connect_get_namespaced_pod_exec, pod, namespace, container=container, command=list(command),
                stdin=bool(stdin), stdout=True, stderr=True, tty=False, _preload_content=False, _request_timeout=timeout_s,
            )  # fmt: skip
            if stdin:
                session.write_stdin(stdin)
            session.run_forever(timeout=timeout_s)
            out, err = session.read_stdout(timeout=1), session.read_stderr(timeout=1)
            if session.is_open():
                session.close()
                raise PodCommandTimeout(f"a command in pod {pod} did not end within {timeout_s:g} s")
            told = session.read_channel(ERROR_CHANNEL)
            return exit_code(told, pod), out or "", err or ""
        except (WebSocketException, TypeError, KeyError) as error:
            # A connection that broke off leaves no exit code, and the client stumbles over its absence.
            raise ApiUnreachable(f"the connection to pod {pod} broke", why=str(error)) from error
        except ApiException as error:
            raise ApiRejected(f"a command in pod {pod} could not be started", status=error.status or 0, why=str(error.reason)) from error
        except (OSError, ValueError) as error:
            raise ApiUnreachable(f"the connection to pod {pod} broke", why=str(error)) from error

    def _body(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """The whole body. Raises ApiUnreachable where the server goes away in the middle of it."""
        import urllib3

        try:
            return answer.data
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self._connected().host, error) from error

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object | None, content_type: str, timeout_s: float
    ) -> urllib3.BaseHTTPResponse:
        import urllib3

        access = self._connected()
        headers = {"Accept": "application/json, */*", **access.headers()}
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{access.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = access.pool.request(
                method, url, body=None if body is None else json.dumps(body).encode(), headers=headers, preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=timeout_s), redirect=False,
            )  # fmt: skip
            self.server_time_s = _date_s(answer.headers.get("Date")) or self.server_time_s
            if answer.status >= 300:
                raise rejected(method, path, answer.status, answer.read())
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(access.host, error) from error
        return answer

    def _connected(self) -> Access:
        with self._lock:
            if self._access is None:
                self._access = open_access(self.context)
            return self._access


def _date_s(text: str | None) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def unreachable(host: str, error: Exception) -> ApiUnreachable:
    """The error for an API server that does not answer."""
    reason = str(getattr(error, "reason", error) or error)
    short = reason.rpartition(": ")[2] if "refused" in reason or "unreachable" in reason else reason
    return ApiUnreachable(f"the API server {host} does not answer", why=short, next_command="shelterctl doctor")


def rejected(method: str, path: str, status: int, body: object) -> ApiRejected:
    """The error for a request that the API server refused, with its own words."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    message, reason, causes = text.strip()[:400], "", []
    with suppress(ValueError):
        parsed = json.loads(text)
        if isinstance(parsed, dict):
            message, reason = str(parsed.get("message", message)), str(parsed.get("reason", ""))
            details = parsed.get("details") or {}
            causes = [f"{c.get('field', '')}: {c.get('message', '')}".strip(": ") for c in details.get("causes") or []]
    subject = "/".join(path.rstrip("/").split("/")[-2:])
    return ApiRejected(f"the API server refused {method} {subject} ({status})", status=status, reason=reason, why=message, details=causes)


def exit_code(told: str, pod: str) -> int:
    """The exit code in what an exec tells at its end, a Status whose cause ExitCode has it (remotecommand's v4 protocol).

    Raises ApiRejected where the command could not be started, with the runtime's words, and ApiUnreachable where nothing was told.
    """
    try:
        status = json.loads(told)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        raise ApiUnreachable(f"the connection to pod {pod} broke", why="no exit code was told")
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    reason, why = str(status.get("reason") or ""), str(status.get("message") or "")[-400:]
    raise ApiRejected(f"a command in pod {pod} could not be started", reason=reason, why=why)


def parallel(tasks: Sequence[Callable[[], Any]], *, workers: int = 6) -> list[Any]:
    """Runs the tasks on a few threads and returns their results in order; the first error is raised when all have ended."""
    from concurrent.futures import ThreadPoolExecutor

    if not tasks:
        return []
    with ThreadPoolExecutor(min(workers, len(tasks))) as pool:
        futures = [pool.submit(task) for task in tasks]
        return [future.result() for future in futures]
