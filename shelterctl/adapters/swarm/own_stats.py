"""Locust's own statistics, filled once a second from what is counted here: counting twice took an eighth of what a request costs.

Loaded by `locust_bridge`; what it imports of shelterctl imports nothing of it: gevent has patched everything here. Only where nobody reads
them: users' own files may, at any time, and Locust fills them itself there. Where they are filled from here, they are a second behind, and
their latencies are those of the histogram's bins.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from locust import User, runners
from locust.env import Environment
from locust.stats import StatsEntry, bucket_response_time

from shelterctl.adapters.swarm.bins import GAMMA, Named

#: The word by which a file would come to them.
WORD = "stats"


class OwnStats:
    """Those of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.stats = environment.stats

    def feed(self, named: Iterable[Named]) -> None:
        """Adds what was counted since the last time."""
        now_s = time.time()
        for each in named:
            method, _, name = each.name.rpartition(" ") if each.name.startswith("(") else each.name.partition(" ")
            for entry in (self.stats.total, self.stats.entries[name, method]):
                self._add(entry, each, now_s)

    def _add(self, entry: StatsEntry, named: Named, now_s: float) -> None:
        entry.num_requests += named.requests
        entry.num_failures += named.failures
        entry.num_none_requests += named.requests - sum(named.bins.values())
        entry.total_content_length += named.size_bytes
        entry.num_reqs_per_sec[int(now_s)] += named.requests
        entry.num_fail_per_sec[int(now_s)] += named.failures
        entry.last_request_timestamp = now_s
        for index, count in named.bins.items():
            latency_ms = 2 * GAMMA**index / (GAMMA + 1)
            entry.response_times[bucket_response_time(latency_ms)] += count
            entry.total_response_time += count * latency_ms  # type: ignore[assignment]
            entry.min_response_time = min(latency_ms, entry.min_response_time or latency_ms)  # type: ignore[assignment]
            entry.max_response_time = max(latency_ms, entry.max_response_time)  # type: ignore[assignment]


def unread(users: Iterable[type[User]]) -> bool:
    """Whether nobody reads Locust's statistics: every user is of the files beside the lean client, and none of those speaks of them."""
    client = sys.modules.get("lean_client")
    if client is None:
        return False
    folder = _folder(client)
    beside = [module for module in list(sys.modules.values()) if _folder(module) == folder]
    known = {module.__name__ for module in beside}
    return all(user.__module__ in known for user in users) and not any(WORD in inspect.getsource(module) for module in beside)


def take_over(environment: Environment) -> OwnStats | None:
    """Ends Locust's own counting; None where its listener is not found."""
    request = environment.events.request
    for handler in list(request._handlers):
        if getattr(handler, "__module__", "") == runners.__name__:
            request.remove_listener(handler)  # type: ignore[no-untyped-call]
            return OwnStats(environment)
    return None


def _folder(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).parent if file else None
