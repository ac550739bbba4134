"""The routes by which an application tells of itself, as its owner's file names them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceRoutes:
    """Paths that are asked by GET; empty where the application has no such route.

    `version` answers JSON with the tag of its image (`image_tag`), and with its `pod` where it knows that. `live` answers 200 while the
    application serves, whatever its database does; `health` answers 200 while it reaches its database.
    """

    version: str = ""
    live: str = ""
    health: str = ""


def of(reads: Mapping[str, Any]) -> ServiceRoutes:
    """The routes that `[reads]` of the owner's file names."""
    return ServiceRoutes(**{name: str(reads.get(name, "")) for name in ("version", "live", "health")})
