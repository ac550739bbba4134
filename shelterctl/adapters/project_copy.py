"""Copies the application, the manifests and the Locust file out of the package, for people to change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from shelterctl.errors import StateFolderError, UsageError

PARTS = ("app", "manifests", "locustfiles")
_DESCRIPTION = "shelterctl.toml"
_ELSEWHERE = "shelterctl new another-folder"
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


def copy_out(source: Path, target: Path) -> tuple[str, ...]:
    """Makes `target` a project of its own; returns what was copied, as paths within it, in order.

    All or nothing: it is made beside its place, and put there when it is whole. Raises UsageError where something is there already,
    StateFolderError where it cannot be written.
    """
    there = [part for part in PARTS if (target / part).exists()]
    if there:
        raise UsageError(f"{target} has {' and '.join(there)} already: nothing is overwritten", next_command=_ELSEWHERE)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file", next_command=_ELSEWHERE)
    # Settings that are there stay: what the file says of the stack can be found anew.
    parts = PARTS if (target / _DESCRIPTION).exists() or not (source / _DESCRIPTION).is_file() else (*PARTS, _DESCRIPTION)
    draft = target.parent / f".{target.name}.{os.getpid()}"
    made: list[Path] = []
    try:
        for part in parts:
            if (source / part).is_dir():
                shutil.copytree(source / part, draft / part, ignore=_NOT_COPIED)
            else:
                shutil.copy2(source / part, draft / part)
        target.mkdir(parents=True, exist_ok=True)
        for part in parts:
            (draft / part).rename(target / part)
            made.append(target / part)
    except OSError as error:
        for place in made:
            shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)
        raise StateFolderError(f"{target} cannot be made", why=str(error.strerror or error), next_command=_ELSEWHERE) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    files = [file for part in parts for file in (target / part, *(target / part).rglob("*")) if file.is_file()]
    return tuple(sorted(file.relative_to(target).as_posix() for file in files))
