"""The service's port: who has one that was asked for."""

from __future__ import annotations

import socket

from shelterctl.errors import PrerequisiteError


def check(port: int) -> None:
    """Raises PrerequisiteError, with the process that has it, where nobody could listen on 127.0.0.1:`port`."""
    with socket.socket() as found:
        # As the supervisor listens: connections that have just ended are no obstacle.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", port))
            found.listen()
        except PermissionError as error:
            raise PrerequisiteError(f"port {port} is not for every user", next_command="--port with a number above 1023") from error
        except OSError as error:
            raise PrerequisiteError(
                f"port {port} is taken",
                why=_holder(port) or str(error.strerror),
                next_command="the same without --port: a free one is found",
            ) from error


def _holder(port: int) -> str:
    """Who listens there; empty where this user may not see it."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                process = psutil.Process(connection.pid)
                return f"process {connection.pid} listens there: {' '.join(process.cmdline())[:120] or process.name()}"
    except (psutil.Error, OSError):
        return ""
    return ""
