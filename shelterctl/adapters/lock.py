"""One change at a time: a lock per context and namespace among the shelterctl processes of this machine.

The kernel frees it when its holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.25


class StackLock:
    """Take it with `acquire`, free it with `release`."""

    def __init__(self, context: str, namespace: str) -> None:
        folder = Path(tempfile.gettempdir()) / f"shelterctl-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / (re.sub(r"[^A-Za-z0-9._-]", "_", f"{context}-{namespace}") + ".lock")
        self._descriptor: int | None = None

    def acquire(self, what: str, *, timeout_s: float) -> Iterator[str]:
        """Yields who holds the lock, once, where it must be waited for; ends when it is held.

        Raises TimeoutError, with the holder, when `timeout_s` is over.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + timeout_s
        told = False
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another shelterctl"
                    if not told:
                        told = True
                        yield holder
                    if time.monotonic() > deadline:
                        raise TimeoutError(holder) from None
                    time.sleep(_POLL_S)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"shelterctl {what} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
