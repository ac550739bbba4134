"""One change at a time, and one load: locks per context and namespace among the shelterctl processes of this user.

The kernel frees it when its holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shelterctl.errors import StateFolderError

_POLL_S = 0.25


class StackLock:
    """Take it with `acquire`, free it with `release`."""

    def __init__(self, context: str, namespace: str, kind: str = "") -> None:
        """Each `kind` is a lock of its own.

        Raises StateFolderError where the lock cannot be made, or where its folder belongs to somebody else.
        """
        try:
            folder = Path(tempfile.gettempdir()) / f"shelterctl-{os.getuid()}"
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        except OSError as error:
            raise _unusable(str(error)) from error
        # Everybody may write to the folder above: what lies here in our name need not be ours.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise _unusable(f"{folder} is not a folder of this user")
        self._path = folder / (re.sub(r"[^A-Za-z0-9._-]", "_", f"{context}-{namespace}") + (f".{kind}" if kind else "") + ".lock")
        self._descriptor: int | None = None

    def acquire(self, what: str, *, timeout_s: float) -> Iterator[str]:
        """Yields who holds the lock, once, where it must be waited for; ends when it is held.

        Raises TimeoutError, with the holder, when `timeout_s` is over, StateFolderError where the lock cannot be used.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unusable(str(error)) from error
        deadline = time.monotonic() + timeout_s
        told = False
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    holder = _told(descriptor)
                    if not told:
                        told = True
                        yield holder
                    if time.monotonic() > deadline:
                        raise TimeoutError(holder) from None
                    time.sleep(_POLL_S)
                except OSError as error:
                    raise _unusable(str(error)) from error
        except BaseException:
            os.close(descriptor)
            raise
        # Who holds it is a courtesy: a full disk does not stop the work.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"shelterctl {what} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})".encode(), 0)
        self._descriptor = descriptor

    def holder(self) -> str:
        """Who holds the lock now, this process too; empty where nobody does, or where that cannot be told."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return ""
        try:
            # A shared lock for a moment: whoever wants the lock just then tries again.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _told(descriptor)
        except OSError:
            return ""
        finally:
            os.close(descriptor)
        return ""

    def release(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _told(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another shelterctl"


def _unusable(why: str) -> StateFolderError:
    return StateFolderError(
        "the lock that keeps two commands apart cannot be taken", why=why, next_command="set TMPDIR to a folder of yours"
    )
