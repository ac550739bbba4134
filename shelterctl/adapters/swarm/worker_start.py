"""Starts a Locust worker of a load that runs elsewhere: asks its master for the files and the variables, and becomes the worker.

A program of its own: `python worker_start.py HOST PORT`, also in a pod that `adapters/kube/swarm/` made. Environment: SHELTER_WORKER_KEY
(what the master must be told), SHELTERCTL_LOAD_VERSION (shelterctl's here; without it that of this file's package).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
import locust
from locust.rpc import Message, rpc

from shelterctl import __version__
from shelterctl.adapters.swarm import own_process
from shelterctl.adapters.swarm.handover import laid_out
from shelterctl.adapters.swarm.own_process import complain

#: How often, and how long, the master is asked: it may start after its workers.
ASK_S = 2.0
PATIENCE_S = 120.0


def asked(host: str, port: int) -> dict[str, Any] | None:
    """What the master gives a worker; None where it does not answer."""
    said = {
        "key": os.environ.get("SHELTER_WORKER_KEY", ""),
        "shelterctl": os.environ.get("SHELTERCTL_LOAD_VERSION") or __version__,
        "locust": locust.__version__,
    }
    identity = f"{socket.gethostname()}_{uuid4().hex}"
    client: Any = rpc.Client(host, port, identity)  # type: ignore[no-untyped-call]
    try:
        for _ in range(int(PATIENCE_S / ASK_S)):
            client.send(Message("shelterctl_plan", said, identity))  # type: ignore[no-untyped-call]
            with gevent.Timeout(ASK_S, False):
                while True:
                    answer = client.recv()
                    if answer.type == "shelterctl_plan":
                        found: dict[str, Any] = answer.data
                        return found
        return None
    finally:
        client.close(linger=0)


def start(host: str, port: int) -> None:
    # A container's first process is deaf to what it has no handler for. Locust puts its own in the place of this one.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    plan = asked(host, port)
    if plan is None:
        complain(f"no load at {host}:{port} answered within {PATIENCE_S:g} s")
        os._exit(75)
    if "refused" in plan:
        complain(f"the load at {host}:{port} refused this worker: {plan['refused']}")
        os._exit(76)
    os.environ.update(plan["variables"])
    os.environ["SHELTERCTL_LOAD_PARENT"] = str(os.getppid())
    with tempfile.TemporaryDirectory() as folder:
        own_process.FOLDERS.append(folder)
        file = laid_out(plan, Path(folder))
        bridge = Path(__file__).with_name("locust_bridge.py")
        sys.argv = ["locust", "--worker", "--loglevel", "WARNING", "--locustfile", f"{file},{bridge}"]
        sys.argv += ["--master-host", host, "--master-port", str(port), *plan["options"]]
        from shelterctl.adapters.swarm import locust_start

        vars(locust_start)["main"]()


if __name__ == "__main__":
    start(sys.argv[1], int(sys.argv[2]))
