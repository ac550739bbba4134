"""A user's own stack: where its folder is, what it is, and the file that describes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from shelterctl.errors import StateFolderError, UsageError
from shelterctl.settings import DEFAULTS, FILE_NAME, Settings

if TYPE_CHECKING:
    from shelterctl.adapters.kube.api import KubeApi
    from shelterctl.adapters.stack.reader import Passwords
    from shelterctl.core.stack.documents import Manifests
    from shelterctl.core.stack.inspection import Fact
    from shelterctl.core.stack.stack import Stack

#: By the setting of a question.
NO_ANSWERS: Mapping[str, str] = MappingProxyType({})


def stack_folder(settings: Settings) -> Path:
    """The named folder, else the nearest one from here upwards whose shelterctl.toml describes a stack, else this one.

    Of a copy of the tool's project that is so in that folder only: other stacks lie in folders of it.
    """
    from shelterctl.adapters.stack.looks import IDS, accounting

    if settings.project_dir is not None:
        folder = Path(settings.project_dir).expanduser().resolve()
        if not folder.is_dir():
            raise UsageError(f"--project-dir {settings.project_dir}: there is no such folder")
        return folder
    here = Path.cwd()
    if accounting(here) is not None:
        return here
    return next((place for place in here.parents if accounting(place) not in (None, IDS)), here)


def own_folder(settings: Settings) -> Path | None:
    """The folder of the user's own stack that the settings mean; None where they mean the tool's.

    A shelterctl.toml that describes a stack decides: also a copy of the tool's project is driven as any other stack where it does not say
    that its writes are accounted for by ids. Without one, manifests here are a stack, unless this is such a copy.
    """
    from shelterctl.wiring.parts import is_project

    folder = stack_folder(settings)
    from shelterctl.adapters.stack.looks import IDS, accounting, looks_like_one

    described = accounting(folder)
    if described == IDS:
        if not is_project(folder):
            raise UsageError(
                f"{folder / FILE_NAME}: [stack] accounting = 'ids' is of the tool's own application, and app/ and manifests/ are not here",
                next_command="take the line out: writes are then told apart by tokens",
            )
        return None
    if described is not None:
        return folder
    if is_project(folder) or not looks_like_one(folder):
        return None
    return folder


def read_stack(
    settings: Settings, manifests: tuple[str, ...] = (), *, passwords: Passwords | None = None, answers: Mapping[str, str] = NO_ANSWERS
) -> Stack:
    """The stack of the folder; `passwords` gives those that are generated, where their values are wanted, and `answers` those to its
    questions by setting. Raises UsageError."""
    from shelterctl.adapters.stack.reader import read

    namespace = settings.namespace if settings.namespace != DEFAULTS.namespace else ""
    return read(stack_folder(settings), manifests=manifests, namespace=namespace, passwords=passwords, answers=answers)


def read_running(settings: Settings, api: KubeApi, answers: Mapping[str, str] = NO_ANSWERS) -> Stack:
    """The stack that runs in the settings' namespace and in those that it leads into. Raises UsageError, ApiRejected."""
    from dataclasses import replace

    from shelterctl.adapters.kube.own import adopted
    from shelterctl.adapters.stack.reader import read
    from shelterctl.core.stack.told import addresses

    def joined(first: Manifests, hosts: Iterable[str]) -> Manifests:
        more = adopted.beside(api, first, settings.namespace, hosts)
        return replace(first, documents=(*first.documents, *more.documents)) if more.documents else first

    alone = adopted.manifests(api, (settings.namespace,))
    found = joined(alone, adopted.hosts_of(alone))
    stack = read(stack_folder(settings), namespace=settings.namespace, running=found, answers=answers)
    # What the sources say, where no variable does, is known once they are read.
    whole = joined(found, addresses.hosts(stack))
    return stack if whole is found else read(stack_folder(settings), namespace=settings.namespace, running=whole, answers=answers)


def inspected(settings: Settings, manifests: tuple[str, ...], *, running: bool, answers: Mapping[str, str] = NO_ANSWERS) -> Stack:
    """The stack that is told of: that of the folder, or the one that runs, where that was asked for or is taken as it is here."""
    context = settings.context or settings.profile
    if not running and (manifests or not is_adopted(settings, context)):
        return read_stack(settings, manifests, answers=answers)
    from shelterctl.adapters.kube.api import KubeApi

    return read_running(settings, KubeApi(context), answers)


def measured(settings: Settings, stack: Stack) -> tuple[Fact, ...]:
    """What the newest load that was kept here, of where the settings lead, says of the stack's autoscaler."""
    from shelterctl.wiring.parts import state_dir

    runs = state_dir(settings) / "runs"
    if stack.scaler is None or not any(runs.glob("*-loadtest*")):
        return ()
    import time

    from shelterctl.adapters.runs.loads import last_load
    from shelterctl.core.autoscaling.traps import measured_before

    last = last_load(runs.parent, settings.context or settings.profile, stack.namespaces[0], time.time())
    return tuple(measured_before(stack, last))


def is_adopted(settings: Settings, context: str) -> bool:
    """Whether the stack there is taken as it runs: as this command says, else as the last `up` here said."""
    return _adopted_file(settings, context).exists() if settings.adopt is None else settings.adopt


def keep_adopted(settings: Settings, context: str) -> None:
    """Keeps what this command said, for those that come after it. Raises StateFolderError."""
    file = _adopted_file(settings, context)
    try:
        if settings.adopt:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch()
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise StateFolderError(f"{file} cannot be written", why=str(error.strerror or error)) from error


def _adopted_file(settings: Settings, context: str) -> Path:
    from shelterctl.wiring.parts import state_dir

    name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in f"{context}.{settings.namespace}")
    return state_dir(settings) / "adopted" / name


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
