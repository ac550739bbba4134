"""Placeholder."""

from shelterctl.cli.options import with_common_options
from shelterctl.cli.session import Session


@with_common_options("x")
def command(session: Session) -> int:
    """x"""
    return 0


def group() -> None:
    """x"""


kill_db = check = command
