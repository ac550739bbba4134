"""`shelterctl version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("version")
def command(session: Session) -> int:
    """The versions of shelterctl and of what it works with."""
    import platform

    from shelterctl import __version__
    from shelterctl.cli.terminal import Line
    from shelterctl.errors import ShelterError

    found = {"shelterctl": __version__, "python": platform.python_version()}
    for name, ask in session.wiring.versions().items():
        try:
            found[name] = ask()
        except ShelterError as error:
            found[name] = f"unknown: {error.what}"
    return session.finish(found, 0, lambda: (Line(f"{name:<11} {value}") for name, value in found.items()))
