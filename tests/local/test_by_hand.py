"""What a README says to do by hand, done as it stands there: examples/notes-004 in a virtual environment, with variables."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.app.containers import docker
from tests.cluster.commands import REPOSITORY, clean_environment, wait_until

pytestmark = [pytest.mark.local, pytest.mark.docker("mongo:8")]
FOLDER = REPOSITORY / "examples" / "notes-004"
#: Packages come from an index.
UP_S = 240.0


@pytest.fixture
def database_port() -> Iterator[int]:
    """A MongoDB on this machine."""
    name = f"shelterctl-test-{uuid4().hex[:8]}"
    docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::27017", "mongo:8")
    yield int(docker("port", name, "27017/tcp").splitlines()[0].rpartition(":")[2])
    docker("rm", "--force", "--volumes", name)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def commands() -> list[str]:
    """The lines of the README's first block."""
    text = (FOLDER / "README.md").read_text()
    (block,) = re.findall(r"On this machine[^\n]*\n\n((?:    [^\n]*\n)+)", text)
    return [line.strip() for line in block.splitlines()]


@pytest.mark.timeout(400)
def test_notes_004_in_a_virtual_environment(tmp_path: Path, database_port: int) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on the PATH")
    folder, port = tmp_path / "notes-004", free_port()
    shutil.copytree(FOLDER, folder)
    *prepare, run, ask = [line.replace("localhost:27017", f"127.0.0.1:{database_port}").replace(":5000", f":{port}") for line in commands()]
    assert run == "flask run --debug"
    assert ask.startswith(f"curl http://127.0.0.1:{port}/notes ")
    # The README's python3 is this one.
    environment = {**clean_environment(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    script = "\n".join(["set -e", *prepare, f"exec {run} --port {port}"])
    with (folder / "flask.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:

        def answer() -> str:
            assert process.poll() is None, (folder / "flask.log").read_text()
            return asked(ask, folder)

        note = json.loads(str(wait_until(answer, f"flask run: {folder / 'flask.log'}", timeout_s=UP_S, pause_s=0.5)))
        assert (note["text"], note["done"]) == ("buy milk", False)
        found = json.loads(asked(f"curl http://127.0.0.1:{port}/notes", folder))
        assert [each["id"] for each in found] == [note["id"]], "it was written by the first answer, once"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def asked(command: str, folder: Path) -> str:
    """What a curl command answers; empty where nobody listens."""
    ran = subprocess.run(["bash", "-c", f"{command} --silent --fail"], capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    return ran.stdout if ran.returncode == 0 else ""
