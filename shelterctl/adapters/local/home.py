"""Where a stack of the embedded target lives: its folder under the state folder, and the short folder for its sockets."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelterctl.errors import StateFolderError

#: A Unix socket's path may have 104 bytes on macOS, 108 on Linux; what is added to the runtime folder is below 40.
_LONGEST_RUNTIME = 60
#: What the supervisor and the commands say to each other; another number is another language.
PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Home:
    """One stack's folder. Nothing in it is for anybody else's eyes."""

    folder: Path

    @property
    def key(self) -> str:
        """What tells two stacks of one user apart, in eight hexadecimal digits."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def data(self) -> Path:
        """The claim's volume: what the database keeps, whatever becomes of its process."""
        return self.folder / "data"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def secrets(self) -> Path:
        """The passwords of a database that has users, a file each."""
        return self.folder / "secrets"

    @property
    def spec(self) -> Path:
        """What the stack was last asked to be."""
        return self.folder / "stack.json"

    @property
    def supervisor(self) -> Path:
        """Who keeps it: the supervisor's process, its socket, its protocol."""
        return self.folder / "supervisor.json"

    @property
    def ports(self) -> Path:
        """The ports that were found: a supervisor that starts anew takes the same ones."""
        return self.folder / "ports.json"

    def port(self) -> int | None:
        """Where the service listened last."""
        found = read_json(self.ports).get("http")
        return found if isinstance(found, int) else None

    @property
    def processes(self) -> Path:
        """The processes that the supervisor started, each by its number and its start: what outlives a supervisor is found by it."""
        return self.folder / "processes.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.folder / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.logs / "supervisor.log"

    def make(self) -> None:
        """Raises StateFolderError."""
        try:
            for folder in (self.folder, self.data, self.images, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise StateFolderError(
                f"{self.folder} cannot be made", why=str(error.strerror or error), next_command="--state-dir names another folder"
            ) from error

    def runtime(self) -> Path:
        """The folder for sockets, made and checked. Raises StateFolderError where it is somebody else's."""
        base = Path(tempfile.gettempdir())
        if len(str(base)) > _LONGEST_RUNTIME:
            base = Path("/tmp")  # noqa: S108 - checked below, and made for this user alone
        folder = base / f"shelterctl-{os.getuid()}" / self.key
        try:
            for place in (folder.parent, folder):
                place.mkdir(mode=0o700, exist_ok=True)
                found = place.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                    raise StateFolderError(f"{place} is not a folder of this user", next_command="TMPDIR names another place")
        except OSError as error:
            raise StateFolderError(f"{folder} cannot be made", why=str(error), next_command="TMPDIR names another place") from error
        return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces the file at one stroke: who reads it meanwhile sees the old one or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Empty where the file is not there or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
