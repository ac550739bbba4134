"""The service that shelterctl deploys: JSON documents over HTTP, kept in MongoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from shelter_app.settings import Settings

__all__ = ["__version__", "create_app"]

__version__ = "0.1.0"


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application.

    :param settings: where it runs; read from the environment when absent.
    :raises shelter_app.settings.SettingsError: the environment is not usable.
    """
    # Imported here: the container's health check imports this package too, and needs neither Flask nor pymongo.
    from shelter_app.factory import build_app
    from shelter_app.settings import load_settings

    return build_app(load_settings() if settings is None else settings)
