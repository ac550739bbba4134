"""Runs commands as root in a node of the cluster.

With minikube's docker driver the node is a container and `docker exec` reaches it in 90 ms, where `minikube ssh` takes 330 ms.
`minikube ssh` must use the system's ssh client (`--native-ssh=false`): its own client always asks for a terminal, which mixes the two
output streams and turns bytes of a binary input into signals.
"""

from __future__ import annotations

import os
import selectors
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from shelterctl.adapters import process
from shelterctl.errors import CommandFailed, WaitTimeout

#: What `minikube docker-env` exports: with these the docker command talks to the engine inside the node.
_DOCKER_ENV = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


def host_docker_env() -> Mapping[str, str]:
    """What makes the docker command talk to the engine that runs the node, even after `eval $(minikube docker-env)`."""
    if "MINIKUBE_ACTIVE_DOCKERD" not in os.environ:
        return {}
    return {name: os.environ.get(f"MINIKUBE_EXISTING_{name}", "") for name in _DOCKER_ENV}


@dataclass(frozen=True, slots=True)
class NodeShell:
    """How to run a program as root in one node: `prefix` goes before its argument list.

    `quoted` where the words pass through a remote shell, which would split them again.
    """

    node: str
    prefix: tuple[str, ...]
    quoted: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    def argv(self, command: Sequence[str]) -> list[str]:
        return [*self.prefix, shlex.join(command)] if self.quoted else [*self.prefix, *command]

    def run(self, command: Sequence[str], *, timeout_s: float, stdin: bytes | None = None, check: bool = True) -> process.Completed:
        """Runs a program in the node to its end. Errors as for `process.run`."""
        return process.run(self.argv(command), timeout_s=timeout_s, stdin=stdin, env=self.env, check=check)

    def script(self, text: str, *, timeout_s: float, check: bool = True) -> process.Completed:
        """Runs lines of POSIX shell in the node."""
        return self.run(["sh", "-c", text], timeout_s=timeout_s, check=check)

    def feed(self, command: Sequence[str], chunks: Iterable[bytes], *, timeout_s: float, check: bool = True) -> process.Completed:
        """Streams `chunks` into a program in the node. Errors as for `process.feed`."""
        return process.feed(self.argv(command), chunks, timeout_s=timeout_s, env=self.env, check=check)

    def open(self) -> ShellSession:
        """Opens a shell that stays open, so that a later line runs within milliseconds. Raises ProgramMissing."""
        return ShellSession(self)


class ShellSession:
    """An open shell in the node, answering line by line. Close it, or use it as a context manager."""

    def __init__(self, shell: NodeShell) -> None:
        self._name = f"the shell in node {shell.node}"
        self._process = process.start(shell.argv(["sh"]), stdin=process.PIPE, env=shell.env)
        self._pending = b""

    def ask(self, line: str, *, timeout_s: float) -> str:
        """Sends one line of shell and returns the first line that it prints, without its end.

        Raises WaitTimeout where no line comes in time, CommandFailed where the session has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        deadline = time.monotonic() + timeout_s
        try:
            stdin.write(f"{line}\n".encode())
            with selectors.DefaultSelector() as selector:
                selector.register(stdout, selectors.EVENT_READ)
                while b"\n" not in self._pending:
                    if not selector.select(max(deadline - time.monotonic(), 0)):
                        raise WaitTimeout(f"{self._name} did not answer within {timeout_s:g} s")
                    block = os.read(stdout.fileno(), 65536)
                    if not block:
                        raise self._ended()
                    self._pending += block
        except (BrokenPipeError, ValueError):
            raise self._ended() from None
        answer, _, self._pending = self._pending.partition(b"\n")
        return answer.decode("utf-8", "replace").rstrip("\r")

    def close(self) -> None:
        """Ends the shell. Harmless where it has ended."""
        process.kill_group(self._process)

    def _ended(self) -> CommandFailed:
        stderr = self._process.stderr
        output = os.read(stderr.fileno(), 65536).decode("utf-8", "replace") if stderr is not None and not stderr.closed else ""
        self.close()
        return CommandFailed(f"{self._name} has ended", returncode=self._process.returncode or 0, why=output.strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def docker_shell(container: str) -> NodeShell:
    """A node of minikube's docker driver: a container whose user is root."""
    return NodeShell(container, ("docker", "exec", "-i", container), env=host_docker_env())


def ssh_shell(profile: str, node: str) -> NodeShell:
    """A node of any driver that has a machine of its own."""
    prefix = ("minikube", "ssh", "--native-ssh=false", "-p", profile, "-n", node, "--", "sudo")
    return NodeShell(node, prefix, quoted=True)


def local_shell(node: str) -> NodeShell:
    """The node is this machine (minikube's none driver)."""
    return NodeShell(node, () if os.geteuid() == 0 else ("sudo", "-n"))
