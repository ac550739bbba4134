"""The claim: a folder that outlives the database's process."""

from __future__ import annotations

from pathlib import Path

CLAIM = "data"


def claim_identity(folder: Path) -> str:
    """What tells the claim's folder from another one that took its place. Raises OSError."""
    found = folder.stat()
    return f"{found.st_dev}:{found.st_ino}"
