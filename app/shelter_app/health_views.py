"""``/health*``, ``/version``, ``/metrics``, ``/openapi.json`` and the greeting."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request

from shelter_app import __version__
from shelter_app.documents import JsonObject
from shelter_app.metrics import CONTENT_TYPE, Metrics
from shelter_app.openapi import openapi_document
from shelter_app.readiness import CachedPing, Readiness
from shelter_app.responses import json_response, json_text, problem
from shelter_app.settings import Settings

# JSON first: it is what a client without a preference gets.
_OFFERED: Final = ("application/json", "text/html")


def checks_of(readiness: Readiness) -> JsonObject:
    return {
        "database": {
            "status": "up" if readiness.ready else "down",
            "reason": readiness.reason,
            "age_s": round(readiness.age_s, 3),
        }
    }


def health_views(settings: Settings, ping: CachedPing) -> Blueprint:
    """Probes. Liveness is answered here too, but its probe belongs on the port that needs no request thread."""
    views = Blueprint("health", __name__)
    pod = settings.pod_name

    @views.get("/health/live", provide_automatic_options=False)
    def live() -> Response:
        return json_response({"status": "live", "pod": pod})

    @views.get("/health/ready", provide_automatic_options=False)
    def ready() -> Response:
        found = ping.check()
        if found.reason is not None:
            return problem(503, found.reason, pod, {"checks": checks_of(found)})
        return json_response({"status": "ready", "pod": pod, "checks": checks_of(found)})

    @views.get("/health", provide_automatic_options=False)
    def health() -> Response:
        found = ping.check()
        parts: JsonObject = {
            "live": {"status": "live"},
            "ready": {"status": "ready" if found.ready else "unready", "checks": checks_of(found)},
        }
        if found.reason is not None:
            return problem(503, found.reason, pod, parts)
        return json_response({"status": "healthy", "pod": pod, **parts})

    return views


def about_views(settings: Settings, metrics: Metrics, now: Callable[[], datetime] | None = None) -> Blueprint:
    """What the service says about itself. ``now`` gives an aware time."""
    views = Blueprint("about", __name__)
    zone = ZoneInfo(settings.timezone)
    described = json.dumps(openapi_document(), ensure_ascii=False)

    @views.get("/", provide_automatic_options=False)
    def greeting() -> Response:
        utc = datetime.now(UTC) if now is None else now().astimezone(UTC)
        facts: JsonObject = {
            "message": "Hello from shelter",
            "utc": utc.isoformat(timespec="seconds"),
            "local": utc.astimezone(zone).isoformat(timespec="seconds"),
            "timezone": settings.timezone,
            "version": __version__,
            "pod": settings.pod_name,
        }
        if request.accept_mimetypes.best_match(_OFFERED) == "text/html":
            response = Response(render_template("greeting.html", **facts), content_type="text/html; charset=utf-8")
            response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        else:
            response = json_response(facts)
        response.headers["Vary"] = "Accept"
        return response

    @views.get("/version", provide_automatic_options=False)
    def version() -> Response:
        return json_response(
            {
                "version": __version__,
                "image_tag": settings.image_tag,
                "git_revision": settings.git_revision,
                "pod": settings.pod_name,
                "python": platform.python_version(),
            }
        )

    @views.get("/metrics", provide_automatic_options=False)
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE)

    @views.get("/openapi.json", provide_automatic_options=False)
    def openapi() -> Response:
        return json_text(described)

    return views
