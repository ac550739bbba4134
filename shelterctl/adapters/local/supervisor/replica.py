"""What a replica of the application runs: one gunicorn on the shared listening socket, and a socket of its own for its probes."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

from shelterctl.adapters.local.spec import LocalSpec
from shelterctl.adapters.local.supervisor.database import environment
from shelterctl.adapters.local.supervisor.pods import Template
from shelterctl.core.serial import to_json
from shelterctl.core.state import PodName, Role

CONTAINER = "app"
#: Connections that wait to be accepted.
BACKLOG = 1024


def revision(spec: LocalSpec) -> str:
    """The template's name: it changes with everything that a running replica would have to be replaced for."""
    content = json.dumps([to_json(each) for each in (spec.replica, spec.annotations, spec.database, spec.port)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def template(spec: LocalSpec, name: PodName, listener: socket.socket, database_port: int) -> Template:
    """A pod's own template: its name, its liveness port and its socket are its alone.

    All replicas accept from one socket, so that whichever is free takes the next connection, and one that ends takes none with it. Their
    readiness cannot be asked there: each has a socket of its own beside it, which outlives its process as a pod's address does.
    """
    replica = spec.replica
    live_port = free_port()
    own = listening(0)
    # A kept connection stays with the replica that accepted it: one that is added would get no share. Both override the configuration file.
    sockets = ("--bind", f"fd://{listener.fileno()}", "--bind", f"fd://{own.fileno()}", "--keep-alive", "0")
    arguments, values = _of_the_tool(spec, name, database_port, live_port)
    if replica.arguments:
        late = {
            key: value.replace("{database_port}", str(database_port)).replace("{pod_name}", name) for key, value in replica.late.items()
        }
        # A container's host name is its pod's.
        arguments, values = replica.arguments, {"HOSTNAME": name, **replica.environment, **late, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = (replica.python, "-m", "gunicorn", *sockets, *arguments)
    return Template(
        role=Role.APP,
        container=CONTAINER,
        revision=revision(spec),
        image=replica.image,
        image_id=replica.image_id,
        argv=argv,
        environment=environment(values),
        folder=Path(replica.folder),
        sockets=(listener.fileno(), own.fileno()),
        own=own,
        probe_ports={"http": own.getsockname()[1], "live": live_port},
        startup=replica.startup,
        readiness=replica.readiness,
        liveness=replica.liveness,
        grace_s=replica.grace_s,
        cpu_request_millicores=replica.cpu_request_millicores,
        cpu_limit_millicores=replica.cpu_limit_millicores,
        memory_request_bytes=replica.memory_request_bytes,
        ports=(listener.getsockname()[1],),
        probed=replica.probed,
    )


def _of_the_tool(spec: LocalSpec, name: PodName, database_port: int, live_port: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """gunicorn's arguments and the variables of the tool's own application."""
    replica = spec.replica
    values = {
        **replica.environment,
        "SHELTER_POD_NAME": name,
        "SHELTER_IMAGE_TAG": replica.image.rpartition(":")[2],
        **spec.database.environment(database_port),
        "SHELTER_BIND_HOST": "127.0.0.1",
        "SHELTER_LIVE_PORT": str(live_port),
        "SHELTER_HTTP_PORT": "8000" if live_port != 8000 else "8001",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return ("--config", "gunicorn.conf.py"), values


def listening(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1; on a free port for 0. Raises OSError where the port is taken."""
    found = socket.socket()
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", port))
        found.listen(BACKLOG)
        found.setblocking(False)
    except OSError:
        found.close()
        raise
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
