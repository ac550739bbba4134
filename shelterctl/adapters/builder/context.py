"""The application's sources: the files that a build would send to the engine, and the revision that they come from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.builder.ignored import included
from shelterctl.core.deploy.image import ContextFile, context_tag
from shelterctl.errors import CommandFailed, ProgramMissing, UsageError, WaitTimeout

GIT_TIMEOUT_S = 10.0
#: What `git_revision` says of sources that no git repository holds.
NO_REVISION = "unknown"
#: Where shelterctl keeps runs and the embedded target, where nobody named another folder.
RUNS = ".shelterctl"


class FolderContext:
    """A folder with a Dockerfile, which may have another name. `copies` are the paths in it that the Dockerfile copies.

    What else is sent to the engine goes into no image: a log that grows beside the sources makes no other image of them.
    """

    def __init__(self, folder: Path, dockerfile: str = "Dockerfile", copies: Sequence[str] = (".",)) -> None:
        self._folder = folder.resolve()
        self._dockerfile = dockerfile
        self._copies = copies

    def path(self) -> Path:
        return self._folder

    def tag(self) -> str:
        """The tag of the files that the engine would get, `.dockerignore` honoured. Raises UsageError."""
        return context_tag(self.files())

    def files(self) -> Iterator[ContextFile]:
        """The context's files and symbolic links, in no particular order; `.dockerignore` says which.

        A link counts with its target's name, as it is sent; a folder counts through what is in it. Raises UsageError where the folder
        has no Dockerfile or a file cannot be read.
        """
        if not (self._folder / self._dockerfile).is_file():
            raise UsageError(f"{self._folder} is no build context", why=f"it has no {self._dockerfile}")
        for name in included(self._folder, self.ignored(), self._dockerfile):
            path = self._folder / name
            if not self._is_copied(Path(name).as_posix()):
                continue
            try:
                if path.is_symlink():
                    content = b"link:" + os.fsencode(path.readlink())
                    yield ContextFile(Path(name).as_posix(), False, hashlib.sha256(content).hexdigest())
                elif path.is_file():
                    with path.open("rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                    yield ContextFile(Path(name).as_posix(), os.access(path, os.X_OK), digest)
            except OSError as error:
                raise UsageError(f"{path} cannot be read", why=str(error.strerror)) from error

    def _is_copied(self, name: str) -> bool:
        if name == self._dockerfile or "." in self._copies:
            return True
        return any(name == copied or name.startswith(f"{copied}/") or fnmatch(name, copied) for copied in self._copies)

    def git_revision(self) -> str:
        """The commit, with "-dirty" where the folder differs from it; "unknown" where git does not know the folder."""
        try:
            if not self._git("ls-files", "--", "."):
                return NO_REVISION
            revision = self._git("rev-parse", "--short=12", "HEAD")
            return f"{revision}-dirty" if self._git("status", "--porcelain", "--", ".") else revision
        except (CommandFailed, ProgramMissing, WaitTimeout):
            return NO_REVISION

    def _git(self, *arguments: str) -> str:
        # Without optional locks, so that a look at the status never disturbs a git command of the user's.
        env = {"GIT_OPTIONAL_LOCKS": "0"}
        return process.run(["git", "-C", str(self._folder), *arguments], timeout_s=GIT_TIMEOUT_S, env=env).text.strip()

    def ignored(self) -> list[str]:
        """The patterns of `.dockerignore`, read as docker-py's build does; and the runs, which change with every command."""
        file = self._folder / ".dockerignore"
        if not file.is_file():
            return [RUNS]
        lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
        return [*(line for line in lines if line and not line.startswith("#")), RUNS]
