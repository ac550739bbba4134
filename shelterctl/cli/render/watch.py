"""`status watch`: a live screen on a terminal, a line for each change without one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


def follow(session: Session, limit_s: float | None, svg: Path | None) -> int:
    raise NotImplementedError
