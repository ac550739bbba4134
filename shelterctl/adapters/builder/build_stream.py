"""What the engine says while it builds: its lines, its connection, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shelterctl.errors import BuildFailed

if TYPE_CHECKING:
    from docker import APIClient


@contextmanager
def errors_as_build_failed(reference: str, recent: list[str], command: str) -> Iterator[None]:
    """Raises BuildFailed with the last lines for whatever the engine or the way to it raises, but for a broken connection."""
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        why = str(error.explanation or error)
    except (DockerException, requests.Timeout, TypeError, OSError) as error:
        if isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout):
            raise
        why = str(error)
    else:
        return
    raise BuildFailed(f"{reference} could not be built", why=why, next_command=command, details=recent[-12:])


def record_responses(client: APIClient) -> list[Any]:
    """Collects the client's HTTP responses: docker-py hands out generators whose closing leaves the connection open."""
    responses: list[Any] = []

    def remember(response: Any, *_: object, **__: object) -> None:
        responses.append(response)

    client.hooks["response"].append(remember)
    return responses


def lines(entry: Mapping[str, Any]) -> Iterator[str]:
    """The lines that the builder would show for one entry of its stream."""
    for line in str(entry.get("stream", "")).splitlines():
        if line.strip():
            yield line.rstrip()
    if "status" in entry and not entry.get("progressDetail"):
        yield f"{entry.get('id', '')} {entry['status']}".strip()
