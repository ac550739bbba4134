"""`up` as other commands run it: with the settings alone."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from shelterctl.core.deploy.stack import StackOptions
from shelterctl.core.events import Event
from shelterctl.ops.up.up import UpPorts, UpRequest, UpResult, up

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


def deployed(session: Session, *, wait_hpa: bool = True) -> Generator[Event, None, UpResult]:
    """The operation, with the ports of the session's target. Without `wait_hpa` it ends where the new version answers."""
    wiring, settings = session.wiring, session.settings
    ports = UpPorts(wiring.builder, wiring.preparation, wiring.images, wiring.policies, wiring.target, wiring.answers(), wiring.clock)
    options = StackOptions(settings.overlay, "", database_uri=settings.mongo_uri)
    request = UpRequest(wiring.place, options, settings.timeout_s, wait_hpa, among_others=settings.yes)
    return up(ports, request)
