"""Prometheus metrics, in a registry of this application's own."""

from __future__ import annotations

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From a cached read to the longest that a request may wait for the database.
_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Requests by method, route template and status. Labels come from fixed sets: no path, no client's method."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            "shelter_http_requests",
            "Requests answered, by method, route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._latency = Histogram(
            "shelter_http_request_duration_seconds",
            "Time from the routing of a request to its response, in seconds.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "shelter_http_requests_in_flight",
            "Requests being answered, without probes and scrapes.",
            registry=self.registry,
        )

    def answered(self, method: str, route: str | None, status: int, duration_s: float) -> None:
        """Count one response; ``route`` is the URL rule, None where none matched."""
        label = method if method in _METHODS else "other"
        template = route or UNMATCHED
        self._requests.labels(label, template, str(status)).inc()
        self._latency.labels(label, template).observe(duration_s)

    def exposition(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)
