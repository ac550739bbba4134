"""Database servers in containers, and the way in that a pod's container gives: commands of it, and what is written to them."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.cluster.commands import wait_until


@dataclass(frozen=True, slots=True)
class Server:
    """A container. `environment` is put over the container's own."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, command: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
        """Fulfils `documents.client.Exec`."""
        flags = [word for key, value in self.environment.items() for word in ("--env", f"{key}={value}")]
        ran = subprocess.run(
            ["docker", "exec", *flags, *(["--interactive"] if stdin else []), self.name, *command],
            input=stdin or None, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return ran.returncode, ran.stdout, ran.stderr

    def docker(self, *words: str) -> str:
        ran = subprocess.run(["docker", *words, self.name], capture_output=True, text=True, timeout=120, check=True)
        return ran.stdout + ran.stderr


@contextmanager
def server(image: str, environment: Mapping[str, str], answers: Sequence[str]) -> Iterator[Server]:
    """A server of the image that has answered the command once."""
    name = f"shelterctl-test-{secrets.token_hex(4)}"
    flags = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
    subprocess.run(["docker", "run", "--detach", "--name", name, *flags, image], capture_output=True, timeout=120, check=True)
    try:
        found = Server(name)
        wait_until(lambda: found(answers)[0] == 0, f"an answer of {image}", timeout_s=90)
        yield found
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, timeout=60, check=False)
