"""A load whose workers are started by hand, as they are on other machines: here each is a `shelterctl loadtest --worker-of`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.handover import handover_of, modules_of
from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
from shelterctl.errors import UsageError
from tests.adapters.swarm.load_target import LOCUSTFILE, ROOT, serving
from tests.adapters.swarm.test_processes import await_counts, lines, told, workers
from tests.adapters.swarm.test_runner import plan, until_ended

pytestmark = pytest.mark.local
#: As in the bridge, which nothing here may import.
MASTERLESS_S = 10.0
#: Starts a worker of the load at a port, with a key.
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the workers keep what they are given."""
    (tmp_path / "workers").mkdir()
    return tmp_path / "workers"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def worker(port: int, place: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(key: str = "secret") -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "shelterctl", "loadtest", "--worker-of", f"127.0.0.1:{port}"]
        env = {**os.environ, "SHELTER_WORKER_KEY": key, "TMPDIR": str(place)}
        started.append(subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocustRunner]:
    monkeypatch.setenv("SHELTER_WORKER_KEY", "secret")
    runner = LocustRunner()
    yield runner
    runner.stop()


def test_workers_elsewhere_share_the_load_and_end_with_it(
    generator: LocustRunner, run: Path, port: int, worker: Start, place: Path
) -> None:
    # They may be there before the load is; one does not know its key.
    started = [worker(), worker()]
    wrong = worker("guess")
    with serving() as target:
        generator.start(plan(target, workers=("a", "b"), listen=f"127.0.0.1:{port}"), run)
        samples = until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count() > 100
    assert samples[-1].final
    host = socket.gethostname()
    assert sorted(workers(run)) == [f"process 1 on {host}", f"process 2 on {host}"]
    assert not told(samples)
    assert [text for sample in samples for text in sample.noticed] == [f"a process on {host} was refused: it does not know this load's key"]
    assert [process.wait(timeout=30) for process in started] == [0, 0]
    assert wrong.wait(timeout=30) == 76
    assert b"refused this worker: it does not know this load's key" in (wrong.stderr.read() if wrong.stderr else b"")
    # What was handed over, with the key, is nowhere any more.
    assert not any(b"secret" in path.read_bytes() for path in run.iterdir())
    assert "secret" not in str(lines(run, "start"))
    assert not list(place.iterdir())


KILLED = """
import sys, time
from pathlib import Path
from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
generator = LocustRunner()
plan = LoadPlan(sys.argv[1], 6, 6, 600, sys.argv[2], think_s=0.1, workers=("a", "b"), listen=f"127.0.0.1:{sys.argv[4]}")
generator.start(plan, Path(sys.argv[3]))
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("with_master", [False, True])
def test_a_kill_of_the_tool_ends_the_workers_elsewhere(run: Path, port: int, worker: Start, place: Path, *, with_master: bool) -> None:
    """The master tells them where it still can; where it cannot, they end for want of its word."""
    started = [worker(), worker()]
    with serving() as target:
        argv = [sys.executable, "-c", KILLED, target.url, str(LOCUSTFILE), str(run), f"{port}"]
        tool = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "SHELTER_WORKER_KEY": "secret"})
        try:
            assert tool.stdout is not None
            assert tool.stdout.readline() == b"started\n"
            assert list(place.rglob("lean_client.py"))
            while target.count() < 20:
                time.sleep(0.1)
            tool.kill()
            tool.wait()
            if with_master:
                os.kill(lines(run, "start")[0]["pid"], signal.SIGKILL)  # type: ignore[arg-type]
            for process in started:
                process.wait(timeout=MASTERLESS_S + 25)
            counted = target.count()
            time.sleep(1)
            assert target.count() == counted
            assert not list(place.iterdir())
        finally:
            tool.kill()
            tool.communicate()


def test_a_worker_elsewhere_whose_tool_is_killed_is_told_and_leaves_nothing(
    generator: LocustRunner, run: Path, port: int, worker: Start, place: Path
) -> None:
    started = [worker(), worker()]
    with serving() as target:
        generator.start(plan(target, workers=("a", "b"), listen=f"127.0.0.1:{port}", duration_s=14), run)
        samples = await_counts(generator, 50)
        # Locust has to see for itself that who started it has gone.
        started[1].kill()
        samples += until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count()
    assert len(told(samples)) == 1
    assert "requests of it are counted" in told(samples)[0]
    assert started[0].wait(timeout=30) == 0
    assert not list(place.iterdir())


def test_the_modules_beside_a_locust_file_go_along(tmp_path: Path) -> None:
    files = {
        "mine.py": "import json\nfrom near import one\ndef later():\n    import package.part\n",
        "near.py": "import far",
        "far.py": "import near",
        "unasked.py": "",
        "package/__init__.py": "",
        "package/part.py": "from . import deep",
        "package/deep/__init__.py": "",
        "broken.py": "def",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    asked = LoadPlan("http://127.0.0.1:9", 2, 2, 9, str(tmp_path / "mine.py"), workers=("a",))
    given = json.loads(handover_of(asked, tmp_path / "mine.py", tmp_path / "samples", "key"))["files"]
    assert given == {name: text for name, text in files.items() if name not in ("unasked.py", "broken.py")}
    assert modules_of(tmp_path / "broken.py") == (tmp_path / "broken.py",)
    shipped = {path.name for path in modules_of(LOCUSTFILE)}
    assert shipped >= {"shelter.py", "lean_user.py", "lean_client.py", "lean_answer.py", "lean_http.py", "lean_tls.py"}
    assert "stack.py" not in shipped


def test_without_a_key_nobody_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELTER_WORKER_KEY", raising=False)
    with serving() as target, pytest.raises(UsageError) as caught:
        LocustRunner().start(plan(target, workers=("a",), listen="127.0.0.1:5557"), tmp_path)
    assert caught.value.what == "--workers: SHELTER_WORKER_KEY is not set"
