"""A tunnel through a minikube node: the system's ssh client forwards a port of this machine to an address in the cluster.

Each connection becomes one from the node, which kube-proxy leads to one of the Service's pods: a tunnel spreads them as a node port does,
where a port-forward reaches one pod. It is how `minikube service --url` reaches a Service where the node's address leads nowhere
(Docker Desktop on macOS and Windows).
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.minikube.machine import minikube_home
from shelterctl.adapters.nodes.shell import host_docker_env
from shelterctl.errors import MinikubeUnavailable, ShelterError

OPEN_TIMEOUT_S = 15.0
QUERY_TIMEOUT_S = 10.0
_POLL_S = 0.02
#: Between two attempts to open it again.
_RETRY_S = (0.1, 0.3, 1.0, 2.0)
#: The node is this machine's own, and gets a new host key with each new machine: nothing is to be remembered about it.
#: Nothing on the way may hold small packets back, and the fastest cipher is enough between two ends of one machine.
_OPTIONS = {
    "BatchMode": "yes",
    "Ciphers": "^aes128-gcm@openssh.com",
    "Compression": "no",
    "ControlPath": "none",
    "ConnectTimeout": "5",
    "ExitOnForwardFailure": "yes",
    "IdentitiesOnly": "yes",
    "LogLevel": "ERROR",
    "ServerAliveCountMax": "2",
    "ServerAliveInterval": "3",
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": os.devnull,
}


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where a node's ssh server listens, and who may enter."""

    user: str
    host: str
    port: int
    key: str


class NodeTunnel:
    """Fulfils `adapters.kube.look.endpoint.Forward`. One tunnel, which is opened again when it breaks, until the program ends."""

    def __init__(self, profile: str, driver: str) -> None:
        self._profile, self._driver = profile, driver
        self._lock = threading.Lock()
        self._leads_to = ("", 0)
        self._local_port = 0
        self._ssh: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._broken_s: float | None = None
        self._cut_off_s = 0.0

    @property
    def cut_off_s(self) -> float:
        broken_s = self._broken_s
        return self._cut_off_s + (time.monotonic() - broken_s if broken_s is not None else 0.0)

    def address(self, host: str, port: int) -> str:
        """Opens it, or gives the one that is open. Raises MinikubeUnavailable, ProgramMissing."""
        with self._lock:
            if self._leads_to != (host, port):
                self._end()
                self._closing = threading.Event()
                self._local_port = _free_port(f"{self._profile}/{host}:{port}")
                self._ssh = self._opened(host, port)
                # Not before it is open: whoever asks again must not be told that it is.
                self._leads_to = host, port
                atexit.register(self.close)
                threading.Thread(target=self._keep_open, args=(self._ssh, self._closing), daemon=True, name="tunnel").start()
            return f"127.0.0.1:{self._local_port}"

    def close(self) -> None:
        """Ends it. Harmless where it is not open."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._closing.set()
        self._leads_to = ("", 0)
        if self._ssh is not None:
            process.kill_group(self._ssh)
            self._ssh = None

    def _keep_open(self, ssh: subprocess.Popen[bytes], closing: threading.Event) -> None:
        leads_to = self._leads_to
        while True:
            ssh.wait()
            if closing.is_set():
                return
            self._broken_s = time.monotonic()
            again = None
            for pause_s in (*_RETRY_S, *[_RETRY_S[-1]] * 10_000):
                try:
                    again = self._opened(*leads_to)
                    break
                except ShelterError:
                    # The node may be on its way back: a restart of it takes half a minute.
                    if closing.wait(pause_s):
                        return
            began_s, self._broken_s = self._broken_s, None
            self._cut_off_s += time.monotonic() - began_s
            if again is None:
                return
            self._ssh = ssh = again

    def _opened(self, host: str, port: int) -> subprocess.Popen[bytes]:
        """An ssh client whose port accepts connections. Raises MinikubeUnavailable, ProgramMissing."""
        program = process.find("ssh", remedy="install an OpenSSH client, or ask from where the node's address can be reached")
        at = self._server()
        forward = f"127.0.0.1:{self._local_port}:[{host}]:{port}" if ":" in host else f"127.0.0.1:{self._local_port}:{host}:{port}"
        options = [word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}")]
        # It ends with this program, however that ends: what runs in the node reads the other end of a pipe, and no more.
        way = ["-i", at.key, "-p", str(at.port), "-L", forward, f"{at.user}@{at.host}"]
        # Nothing of the user's own settings: one shared connection would outlive this command.
        argv = [program, "-F", os.devnull, "-T", *options, *way, "cat >/dev/null"]
        _raise_file_limit()
        ssh = process.start(argv, stdin=process.PIPE, stdout=subprocess.DEVNULL)
        until_s = time.monotonic() + OPEN_TIMEOUT_S
        while time.monotonic() < until_s:
            if ssh.poll() is not None:
                raise self._failed((ssh.stderr.read() if ssh.stderr else b"").decode("utf-8", "replace"))
            try:
                socket.create_connection(("127.0.0.1", self._local_port), timeout=1.0).close()
            except OSError:
                time.sleep(_POLL_S)
            else:
                return ssh
        process.kill_group(ssh)
        raise self._failed(f"it was not open after {OPEN_TIMEOUT_S:g} s")

    def _failed(self, said: str) -> MinikubeUnavailable:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return MinikubeUnavailable(
            f"the tunnel through the node of profile {self._profile} cannot be opened",
            why=lines[-1] if lines else "ssh said nothing",
            next_command=f"minikube ssh -p {self._profile} --native-ssh=false true",
        )

    def _server(self) -> SshAddress:
        """Read anew each time: a node that was restarted has another port."""
        machine = minikube_home() / "machines" / self._profile
        key = str(machine / "id_rsa")
        if self._driver in ("docker", "podman") and (engine := shutil.which(self._driver)):
            argv = [engine, "port", self._profile, "22/tcp"]
            found = process.run(argv, timeout_s=QUERY_TIMEOUT_S, env=host_docker_env(), check=False)
            port = found.text.strip().splitlines()[0].rpartition(":")[2] if found.text.strip() else ""
            if not port.isdigit():
                raise self._failed(found.error_text or "the node's container publishes no ssh port")
            return SshAddress("docker", "127.0.0.1", int(port), key)
        return _of_driver(machine / "config.json", key, self._failed)


def _raise_file_limit() -> None:
    """One client carries every connection, each with two descriptors; it inherits the limit of this program."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _of_driver(file: Path, key: str, failed: Callable[[str], MinikubeUnavailable]) -> SshAddress:
    """What minikube's driver wrote about a virtual machine. Raises MinikubeUnavailable."""
    try:
        driver = json.loads(file.read_bytes())["Driver"]
        host = str(driver["IPAddress"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise failed(f"{file}: {error}") from error
    if not host:
        raise failed(f"{file} has no address")
    return SshAddress(str(driver.get("SSHUser") or "docker"), host, int(driver.get("SSHPort") or 22), str(driver.get("SSHKeyPath") or key))


def _free_port(name: str) -> int:
    """A port of this machine: the same for the same Service wherever it is free, so that an address can be found again."""
    wanted = 20_000 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 10_000
    for port in (*range(wanted, wanted + 20), 0):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise AssertionError("port 0 is always free")
