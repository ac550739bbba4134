"""Whatever dies: the supervisor restarts it, or the next command says what became of it and mends it. No foreign process is signalled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import service
from tests.cluster.commands import clean_environment, wait_until
from tests.local.stacks import NAMESPACE, Stack, left_of, taken_port

pytestmark = pytest.mark.local


def answers(stack: Stack, url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_replica_that_dies_is_started_again_in_its_pod(stack: Stack, sign: signal.Signals) -> None:
    stack.wait_until_ready(2)
    pod = stack.pods("app")[0]
    restarts = pod["containers"][0]["restarts"]
    stack.kill(stack.processes()[pod["name"]], sign)

    def restarted() -> dict[str, Any] | None:
        found = [each for each in stack.pods("app") if each["uid"] == pod["uid"] and each["ready"]]
        return next((each for each in found if each["containers"][0]["restarts"] > restarts), None)

    # The second crash of a container waits 10 s, as on a cluster.
    now = wait_until(restarted, "the replica to be ready again", timeout_s=40)
    assert now["containers"][0]["last_exit_code"] == (137 if sign is signal.SIGKILL else 0)


def test_a_worker_that_dies_is_its_arbiters_to_replace(stack: Stack) -> None:
    import psutil

    stack.wait_until_ready(2)
    name, pid = next(item for item in stack.processes().items() if item[0].startswith("app"))
    (worker,) = psutil.Process(pid).children()
    restarts = next(pod for pod in stack.pods("app") if pod["name"] == name)["containers"][0]["restarts"]
    worker.kill()
    wait_until(lambda: psutil.Process(pid).children() not in ([], [worker]), "another worker")
    stack.wait_until_ready(2)
    assert next(pod for pod in stack.pods("app") if pod["name"] == name)["containers"][0]["restarts"] == restarts


def test_a_supervisor_that_dies_is_told_and_the_next_up_takes_over(fresh: Stack) -> None:
    fresh.shelterctl("up")
    url, left = fresh.url, fresh.processes()
    fresh.kill(fresh.supervisor())
    wait_until(lambda: fresh.shelterctl("status", expect=None).exit_code == 4, "the loss to be seen")
    error = fresh.shelterctl("status", expect=4).error
    assert error["what"] == "the supervisor that keeps the stack is gone"
    assert all(name in error["why"] for name in left)
    assert answers(fresh, url)
    found = {finding["check"]: finding for finding in fresh.shelterctl("doctor", expect=None).result["findings"]}
    assert found["supervisor"]["state"] == "problem"

    ran = fresh.shelterctl("up", output="jsonl")
    assert any("the supervisor had ended" in title and all(name in title for name in left) for title in ran.titles)
    assert fresh.url == url
    assert answers(fresh, url)
    assert not set(left.values()) & set(fresh.processes().values())


def test_down_clears_what_a_dead_supervisor_left(fresh: Stack) -> None:
    fresh.shelterctl("up")
    fresh.kill(fresh.supervisor())
    fresh.shelterctl("down")
    assert left_of(fresh.home) == []


def test_a_limiter_that_is_killed_leaves_nobody_stopped(fresh: Stack) -> None:
    """SIGSTOP holds whoever got it until somebody sends SIGCONT: the next command does."""
    fresh.shelterctl("up")
    url = fresh.url
    pids = fresh.processes()
    fresh.kill(fresh.supervisor())
    for name, pid in pids.items():
        if name.startswith("app"):
            os.killpg(pid, signal.SIGSTOP)
    fresh.shelterctl("up")
    assert answers(fresh, url)


def test_a_number_that_is_another_process_by_now_is_not_signalled(fresh: Stack) -> None:
    """After a restart of the machine the numbers on record are anybody's."""
    fresh.shelterctl("up")
    fresh.shelterctl("down")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as bystander:
        try:
            record = {"pid": bystander.pid, "start": "another-boot:4711", "what": "app-1"}
            (fresh.home / "processes.json").write_text(json.dumps({"processes": [record]}))
            (fresh.home / "supervisor.json").write_text(json.dumps({"protocol": 1, "socket": "/nowhere", **record}))
            assert fresh.shelterctl("status", expect=4).error["what"] == "the supervisor that keeps the stack is gone"
            fresh.shelterctl("up")
            fresh.shelterctl("down")
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_stale_files_of_every_kind_are_no_obstacle(fresh: Stack) -> None:
    fresh.shelterctl("up")
    fresh.shelterctl("down")
    for name in ("supervisor.json", "processes.json", "ports.json", "stack.json"):
        (fresh.home / name).write_text("{ not json")
    (fresh.home / "database.pid").write_text(str(os.getpid()))
    fresh.shelterctl("up")
    assert answers(fresh, fresh.url)


def test_the_port_is_remembered_and_another_one_chosen_where_it_is_taken(fresh: Stack) -> None:
    fresh.shelterctl("up")
    first = fresh.url
    fresh.shelterctl("down")
    fresh.shelterctl("up")
    assert fresh.url == first
    fresh.shelterctl("down")
    with taken_port() as port:
        (fresh.home / "ports.json").write_text(json.dumps({"http": port, "database": port}))
        fresh.shelterctl("up")
        assert str(port) not in fresh.url
        assert answers(fresh, fresh.url)


def test_two_ups_at_once(fresh: Stack) -> None:
    running = [fresh.shelterctl.start("up") for _ in range(2)]
    ran = [each.end() for each in running]
    assert [each.exit_code for each in ran] == [0, 0], [each.shown() for each in ran]
    assert len(fresh.processes()) == 3


def test_a_state_folder_that_cannot_be_written(fresh: Stack, tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    error = fresh.shelterctl("up", "--state-dir", str(locked), expect=3).error
    assert "--state-dir names another folder" in error["next_command"]


def test_up_is_killed_and_the_next_one_goes_on(fresh: Stack) -> None:
    running = fresh.shelterctl.start("up", output="jsonl")
    running.wait_for_step("rollout")
    running.signal(signal.SIGKILL)
    running.end()
    fresh.shelterctl("up")
    assert answers(fresh, fresh.url)


def spoil_header(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"not a database!!" * 4)


def spoil_pages(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(size - 4096))


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("spoil", [spoil_header, spoil_pages, empty])
def test_damaged_data_are_told_before_a_database_opens_them(fresh: Stack, spoil: Callable[[Path], None]) -> None:
    """An emptied file would be an empty database, with nobody the wiser."""
    fresh.shelterctl("up")
    service.write(fresh.url, "rex", {"name": "Rex"})
    fresh.shelterctl("down")
    file = fresh.home / "data" / "shelter.db"
    spoil(file)
    error = fresh.shelterctl("up", expect=3).error
    assert error["what"] == f"the database's file {file} is damaged"
    assert error["why"]
    assert "--delete-data" in error["next_command"]
    assert file.exists()
    fresh.shelterctl("down", "--delete-data", "--yes")
    fresh.shelterctl("up")
    assert answers(fresh, fresh.url)


def test_data_of_another_database_are_not_touched(fresh: Stack) -> None:
    if shutil.which("mongod"):
        pytest.skip("a mongod is on the PATH")
    data = fresh.home / "data"
    data.mkdir(parents=True)
    (data / "WiredTiger").write_text("WiredTiger 11.3.0")
    error = fresh.shelterctl("up", expect=3).error
    assert error["what"] == "the data were made by mongod, and nx-27017 cannot read them"


def test_a_disk_that_is_full(fresh: Stack, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be made without root")
    try:
        (small / "local" / NAMESPACE / "data").mkdir(parents=True)
        error = replace(fresh.shelterctl, state_dir=small)("up", expect=3).error
        assert "is full" in error["what"]
        assert error["next_command"].startswith("df -h")
    finally:
        subprocess.run(["umount", str(small)], capture_output=True, check=True)


@pytest.mark.parametrize("limits", ["ulimit -n 256", "unset HOME", "taskset -c 0 true && taskset -p -c 0 $$ >/dev/null"])
def test_a_poor_machine(fresh: Stack, limits: str) -> None:
    if limits.startswith("taskset") and shutil.which("taskset") is None:
        pytest.skip("no taskset")
    words = f"{limits}; exec {sys.executable} -m shelterctl up --no-wait-hpa --state-dir {fresh.shelterctl.state_dir} --target local"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=fresh.shelterctl.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert answers(fresh, fresh.url)
