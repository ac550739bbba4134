"""A client of the Docker engine that the docker command would use, and why it does not answer where it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from shelterctl.errors import DockerUnavailable

if TYPE_CHECKING:
    from docker import APIClient


@contextmanager
def client_of_engine(timeout_s: int) -> Iterator[APIClient]:
    """A client of the engine that the docker command would use. Raises DockerUnavailable."""
    import requests
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    options: dict[str, Any] = {**kwargs_from_env()}
    try:
        if "base_url" not in options and (host := _context_host()):
            options["base_url"] = host
        client = _client_class()(version="auto", timeout=timeout_s, **options)
    except (DockerException, requests.RequestException) as error:
        raise unavailable(error, str(options.get("base_url", ""))) from error
    try:
        yield client
    except requests.ConnectionError as error:
        raise unavailable(error, str(options.get("base_url", ""))) from error
    finally:
        client.close()


@cache
def _client_class() -> type[APIClient]:
    """docker-py's client, but for one thing: requests puts REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE before the engine's own authority."""
    from docker import APIClient

    class Client(APIClient):
        def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
            return super().merge_environment_settings(url, proxies, stream, self.verify if verify is None else verify, cert)

    return Client


def _context_host() -> str:
    """The endpoint of Docker's current context (Docker Desktop, colima and rootless Docker use one), empty for the default."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_current_context()
    except DockerException:
        return ""
    return "" if context is None or context.name == "default" else str(context.Host or "")


def unavailable(error: BaseException, base_url: str) -> DockerUnavailable:
    """Says why the engine does not answer, from the first operating-system error under `error`."""
    cause = _os_error(error)
    where = base_url or "the default socket"
    if isinstance(cause, FileNotFoundError):
        return DockerUnavailable(
            "Docker does not answer", why=f"{where} does not exist: Docker is not installed or not started", next_command="docker info"
        )
    if isinstance(cause, PermissionError):
        return DockerUnavailable(
            "Docker may not be used by this user",
            why=f"permission denied at {where}",
            next_command=f"sudo usermod -aG docker {os.environ.get('USER', '$USER')} && newgrp docker",
        )
    if isinstance(cause, ConnectionRefusedError):
        return DockerUnavailable(
            "Docker does not answer", why=f"nothing listens at {where}: the engine is stopped", next_command="sudo systemctl start docker"
        )
    return DockerUnavailable("Docker does not answer", why=str(error), next_command="docker info")


def _os_error(error: BaseException) -> OSError | None:
    """The first error of the operating system among `error`, its causes and (as requests wraps them) its arguments."""
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, FileNotFoundError | PermissionError | ConnectionRefusedError):
            return current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        queue += [item for item in linked if isinstance(item, BaseException)]
    return None
