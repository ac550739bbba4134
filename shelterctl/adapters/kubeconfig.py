"""The kubeconfig: its files, and the current context, which `minikube start` moves to its own profile whatever the user was at."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LINE = re.compile(r"(?m)^current-context:[ \t]*(\S*)[ \t]*$")


@contextmanager
def current_context_kept() -> Iterator[None]:
    """Puts the current context back as it was, however what is done meanwhile ends. Where none was set, the new one stays."""
    before = {path: context for path in files() if (context := _read(path))}
    try:
        yield
    finally:
        for path, context in before.items():
            if _read(path) != context:
                _write(path, context)


def files() -> list[Path]:
    """The files that kubectl reads, in its order; they need not be there."""
    named = os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")  # noqa: PTH111 - Path.expanduser raises without a home
    return [Path(part) for part in named.split(os.pathsep) if part]


def _read(path: Path) -> str:
    """The context that a file names as the current one; empty where it names none, or cannot be read."""
    with suppress(OSError, ValueError):
        found = _LINE.search(path.read_text(encoding="utf-8"))
        return found.group(1).strip("\"'") if found else ""
    return ""


def _write(path: Path, context: str) -> None:
    """Changes the one line. A file that may not be written keeps what is in it: that is told by `kubectl` itself soon enough."""
    with suppress(OSError, ValueError):
        text = path.read_text(encoding="utf-8")
        line = f"current-context: {context}"
        changed = _LINE.sub(lambda _: line, text, count=1) if _LINE.search(text) else f"{text.rstrip()}\n{line}\n"
        temporary = path.with_name(f".{path.name}.shelterctl")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, path.stat().st_mode & 0o777)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(changed)
        temporary.replace(path.resolve())
