"""A user's own stack: where its folder is, what it is, and the file that describes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.errors import StateFolderError, UsageError
from shelterctl.settings import DEFAULTS, FILE_NAME, Settings

if TYPE_CHECKING:
    from shelterctl.core.stack.stack import Stack


def stack_folder(settings: Settings) -> Path:
    """The named folder, else the nearest one from here upwards whose shelterctl.toml describes a stack, else this one."""
    from shelterctl.adapters.stack.reader import holds_one

    if settings.project_dir is not None:
        folder = Path(settings.project_dir).expanduser().resolve()
        if not folder.is_dir():
            raise UsageError(f"--project-dir {settings.project_dir}: there is no such folder")
        return folder
    here = Path.cwd()
    return next((place for place in (here, *here.parents) if holds_one(place)), here)


def own_folder(settings: Settings) -> Path | None:
    """The folder of the user's own stack that the settings mean; None where they mean the tool's.

    A shelterctl.toml that describes a stack decides. Without one, manifests here are a stack, unless this is a copy of the tool's project.
    """
    from shelterctl.wiring.parts import is_project

    folder = stack_folder(settings)
    from shelterctl.adapters.stack.reader import holds_one, looks_like_one

    if holds_one(folder):
        return folder
    if is_project(folder) or not looks_like_one(folder):
        return None
    return folder


def read_stack(settings: Settings, manifests: tuple[str, ...] = ()) -> Stack:
    """The stack of the folder. Raises UsageError."""
    from shelterctl.adapters.stack.reader import read

    namespace = settings.namespace if settings.namespace != DEFAULTS.namespace else ""
    return read(stack_folder(settings), manifests=manifests, namespace=namespace)


def write_config(folder: Path, text: str, *, force: bool) -> str:
    """Writes shelterctl.toml; settings that stand in one without a stack are kept above. Raises UsageError, StateFolderError."""
    from shelterctl.adapters.stack.config import read

    path = folder / FILE_NAME
    before = ""
    if path.exists():
        if read(folder).path is not None and not force:
            raise UsageError(f"{path} describes a stack already", next_command="shelterctl init --force   (or --show)")
        before = "" if read(folder).path is not None else path.read_text(encoding="utf-8").rstrip("\n") + "\n\n"
    draft = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    try:
        draft.write_text(before + text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise StateFolderError(f"{path} cannot be written", why=str(error.strerror or error)) from error
    return str(path)
