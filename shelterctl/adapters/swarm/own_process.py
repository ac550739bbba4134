"""Locust's own process: it ends with the one that started it, and may hold as many sockets as the machine lets it.

Loaded by `locust_bridge`; it imports nothing of shelterctl, since gevent has patched everything here.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable

import gevent

#: How long a swarm without its parent may take to end by itself.
ORPHAN_GRACE_S = 5.0


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def end_with_parent(parent: int, end: Callable[[], None]) -> None:
    """A SIGKILL of the parent must not leave a swarm behind."""
    while os.getppid() == parent:
        gevent.sleep(0.5)
    complain("the process that started the swarm has gone: ending")
    gevent.spawn_later(ORPHAN_GRACE_S, os._exit, 75)
    end()
    os._exit(75)


def raise_file_limit() -> None:
    """Every user holds a socket; Locust itself asks for 10,000 only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
