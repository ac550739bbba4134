"""Asks as a Locust user does, with the client of locustfiles/ or with Locust's own, and tells what Locust was told.

A program of its own: Locust patches the process that imports it. Reads a JSON object a line, answers with one.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import geventhttpclient.client
from lean_client import LeanSession  # type: ignore[import-not-found]
from locust.contrib.fasthttp import FastHttpSession

from shelterctl.adapters.swarm.answers import kind_of, oddity_of

geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()


class Events(list[dict[str, Any]]):
    """The place of Locust's request event."""

    def fire(self, **told: Any) -> None:
        exception, response = told["exception"], told["response"]
        content = response.content
        self.append(
            {
                "type": told["request_type"],
                "name": told["name"],
                "length": told["response_length"],
                "status": response.status_code,
                "ok": response.ok,
                "kept": len(content or b""),
                "content": None if content is None else content[:200].decode("latin-1"),
                "pod": (response.headers.get("x-pod") or "") if response.headers else "",
                "exception": None if exception is None else type(exception).__name__,
                "words": "" if exception is None else str(exception),
                "kind": "" if exception is None else kind_of(response, exception),
                "oddity": "" if exception is not None else oddity_of(response),
                "response_time_ms": told["response_time"],
                "keys": sorted(told),
            }
        )


def session(told: dict[str, Any], events: Events) -> Any:
    limits = {"connection_timeout": told.get("connection_timeout", 5.0), "network_timeout": told.get("network_timeout", 10.0)}
    if told["client"] == "lean":
        return LeanSession(
            told["base"], events, max_redirects=5, insecure=told.get("insecure", False), keep_bytes=told.get("keep_bytes"), **limits
        )
    return FastHttpSession(told["base"], events, None, max_redirects=5, max_retries=0, **limits)


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        events = Events()
        client = session(told, events)
        began_s, raised = time.monotonic(), []
        for request in told["requests"]:
            if "pause_s" in request:
                time.sleep(request["pause_s"])
                continue
            failure = request.pop("failure", None)
            try:
                if failure is None:
                    client.request(**request)
                    continue
                with client.request(**request, catch_response=True) as answer:
                    if failure:
                        answer.failure(failure)
                    else:
                        answer.success()
            except Exception as error:  # noqa: BLE001 - told, whatever it is
                raised.append(f"{type(error).__name__}: {error}")
        print(json.dumps({"events": events, "raised": raised, "elapsed_s": time.monotonic() - began_s}), flush=True)


if __name__ == "__main__":
    main()
