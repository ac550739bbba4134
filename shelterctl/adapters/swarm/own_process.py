"""Locust's own process: it ends with the one that started it, and may hold as many sockets as the machine lets it.

Loaded by `locust_bridge`; it imports nothing of shelterctl, since gevent has patched everything here.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable
from typing import NoReturn

import gevent

#: How long a swarm without its parent may take to end by itself.
ORPHAN_GRACE_S = 5.0
#: Folders of this process, which go with it also where it leaves at once.
FOLDERS: list[str] = []


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def end_with_parent(parent: int, end: Callable[[], None]) -> None:
    """A SIGKILL of the parent must not leave a swarm behind."""
    while os.getppid() == parent:
        gevent.sleep(0.5)
    complain("the process that started the swarm has gone: ending")
    gevent.spawn_later(ORPHAN_GRACE_S, leave, 75)
    end()
    leave(75)


def leave(code: int) -> NoReturn:
    """Ends the process without a word to anybody who might wait."""
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)


def raise_file_limit() -> None:
    """Every user holds a socket; Locust itself asks for 10,000 only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
