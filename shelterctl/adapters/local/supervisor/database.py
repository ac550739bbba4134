"""The database's process: how it is started, and what must be cleared away before each start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from shelterctl.adapters.local.claim import CLAIM
from shelterctl.adapters.local.engines import MONGOD
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.spec import MARIADB, DatabaseSpec, ProbeSpec
from shelterctl.adapters.local.supervisor.pods import Template
from shelterctl.core.state import Mount, Role

#: A connection is all that a probe makes, as the manifest's does. At once, so that a database that is back is known to be.
STARTUP = ProbeSpec(port="mongodb", period_s=0.2, timeout_s=2.0, failure_threshold=600)
READINESS = ProbeSpec(port="mongodb", period_s=1.0, timeout_s=2.0, failure_threshold=3)
#: Two minutes, as in the manifest.
LIVENESS = ProbeSpec(port="mongodb", period_s=20.0, timeout_s=5.0, failure_threshold=6)


def template(spec: DatabaseSpec, home: Home, port: int) -> Template:
    """What a pod of the database runs at 127.0.0.1:`port`, with its data in the claim's folder."""
    pid_file = home.folder / "database.pid"
    folder = str(home.data)
    if spec.kind == MONGOD:
        argv = (*spec.program, "--dbpath", folder, "--bind_ip", "127.0.0.1", "--port", str(port))
    elif spec.kind == MARIADB:
        argv = (*spec.program, f"--datadir={folder}", "--bind-address=127.0.0.1", f"--port={port}", f"--pid-file={pid_file}")
    else:
        # Its default is one pid file for all of a machine, and it writes a log without an end.
        argv = (
            *spec.program, "--host", "127.0.0.1", "--port", str(port), "--data-dir", folder, "--pid-file", str(pid_file),
            "--log-file", os.devnull,
        )  # fmt: skip

    def clear() -> None:
        # It refuses to start while the number in it is anybody's.
        with suppress(FileNotFoundError):
            pid_file.unlink()

    return Template(
        role=Role.DATABASE,
        container=spec.kind,
        revision="1",
        image=spec.title,
        image_id=f"{spec.kind}-{spec.version}",
        argv=argv,
        environment=environment({}),
        folder=home.folder,
        sockets=(),
        probe_ports={"mongodb": port},
        startup=STARTUP,
        readiness=READINESS,
        liveness=LIVENESS,
        grace_s=30.0,
        ports=(port,),
        mounts=(Mount(folder, "claim", CLAIM),),
        data_path=folder,
        claims=(CLAIM,),
        before_start=clear,
    )


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """What a process of the stack finds in its environment: nothing of the user's but where programs and temporary files are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **values}
