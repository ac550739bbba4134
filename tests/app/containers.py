"""Docker for the application's tests: containers on ports of 127.0.0.1 that Docker chooses."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from shelter_app.settings import MongoSettings, Settings

T = TypeVar("T")

MONGO_IMAGE = "mongo:8"
APP_FOLDER = Path(__file__).parents[2] / "app"
ROOT_PASSWORD = "root-secret"
APP_PASSWORD = "app-secret"

# What the cluster's init script does: the service's own user, with readWrite on its one database.
INIT_SCRIPT = """\
const password = require('fs').readFileSync('/run/secrets/mongodb/app-password', 'utf8').trim();
db.getSiblingDB('shelter').createUser({user: 'shelter-app', pwd: password, roles: [{role: 'readWrite', db: 'shelter'}]});
"""


def docker(*arguments: str, timeout_s: float = 60) -> str:
    """Standard output of a docker command that must succeed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Container:
    """A running container."""

    name: str

    def address(self, port: int) -> str:
        """``127.0.0.1:<port>`` where the container's port is published."""
        return docker("port", self.name, f"{port}/tcp").splitlines()[0]

    def url(self, port: int = 8000) -> str:
        return f"http://{self.address(port)}"

    def state(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(docker("inspect", "--format", "{{json .State}}", self.name))
        return found

    def logs(self) -> str:
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout + done.stderr

    def kill(self, signal: str = "KILL") -> None:
        docker("kill", "--signal", signal, self.name)

    def pause(self) -> None:
        docker("pause", self.name)

    def unpause(self) -> None:
        docker("unpause", self.name)

    def start(self) -> None:
        docker("start", self.name)

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, timeout=60, check=False)


def run_container(image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
    name = f"shelter-app-test-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, *options, image, *command)
    return Container(name)


def wait_until(probe: Callable[[], T | None], what: str, timeout_s: float = 30) -> T:
    """The first value of ``probe`` that is not None and does not raise a connection error."""
    end = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < end:
        try:
            found = probe()
        except OSError as error:
            last = error
        else:
            if found is not None:
                return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {timeout_s} s ({last})")


def settings_for(address: str, database: str = "shelter", **changes: object) -> Settings:
    """Settings for an application in this process, without authentication."""
    mongo = MongoSettings((address,), database, None, None, database, timeout_ms=2000, selection_timeout_ms=500)
    settings = Settings(
        mongo=mongo,
        pod_name="pod-a",
        timezone="Asia/Tokyo",
        image_tag="tag-1",
        git_revision="abc123",
        bind_host="127.0.0.1",
        http_port=8000,
        live_port=8001,
        access_log=False,
    )
    return replace(settings, **changes)  # type: ignore[arg-type]
