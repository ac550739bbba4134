"""Puts the application together."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from shelter_app.data_views import IdConverter, data_views
from shelter_app.documents import MAX_BODY_BYTES
from shelter_app.health_views import about_views, health_views
from shelter_app.metrics import Metrics
from shelter_app.readiness import CachedPing
from shelter_app.responses import install_error_handlers
from shelter_app.settings import Settings
from shelter_app.store import DocumentStore, connect


def build_app(settings: Settings) -> Flask:
    """The application with its own database client, so call it in the process that serves.

    ``app.extensions["shelter_store"]`` is the store, for whoever has to close it.
    """
    app = Flask("shelter_app", static_folder=None)
    # One more than is taken: werkzeug cuts a body of unknown length here without an error, and the route measures it.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    # Before the routes: an id may hold `//`, which the router would otherwise redirect to `/`.
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = IdConverter
    store = DocumentStore(connect(settings.mongo), settings.mongo)
    app.extensions["shelter_store"] = store
    metrics = Metrics()
    _measure(app, metrics)
    install_error_handlers(app, settings.pod_name)
    app.register_blueprint(data_views(store, settings.pod_name))
    app.register_blueprint(health_views(settings, CachedPing(store.ping)))
    app.register_blueprint(about_views(settings, metrics))

    @app.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Pod"] = settings.pod_name
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _measure(app: Flask, metrics: Metrics) -> None:
    """Counts every response that the application makes; probes and scrapes are no load, so not in flight."""

    @app.before_request
    def begin() -> None:
        g.started_s = time.perf_counter()
        g.in_flight = not request.path.startswith(("/health", "/metrics"))
        if g.in_flight:
            metrics.in_flight.inc()

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else None
        metrics.answered(request.method, route, response.status_code, time.perf_counter() - g.started_s)
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if g.pop("in_flight", False):
            metrics.in_flight.dec()
