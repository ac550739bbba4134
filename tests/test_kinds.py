"""What tests/conftest.py promises, seen from outside: a test run in a process of its own for each promise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.local

Run = Callable[..., str]
CONFTEST = Path(__file__).with_name("conftest.py")
INI = "[pytest]\nmarkers =\n  unit: x\n  local: x\n  cluster: x\n  docker: x\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a test file under the same conftest.py, kubectl and docker saying what the test wants; returns what pytest printed."""

    def run_tests(source: str, *, readyz: str = "echo ok", docker: str = "true", **environment: str) -> str:
        (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
        (tmp_path / "pytest.ini").write_text(INI)
        (tmp_path / "test_it.py").write_text(f"import os, socket, subprocess, pytest\n{source}")
        for name, script in (("kubectl", readyz), ("docker", docker)):
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if name != "SHELTERCTL_REQUIRE_CLUSTER"}
        # Without plug-ins: they take longer to import than all of this.
        bare = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        env = inherited | bare | environment
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_it.py"]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False).stdout

    return run_tests


CLUSTER_TEST = "@pytest.mark.cluster\ndef test_it(): pass\n"
SKIPS_INSIDE = "@pytest.mark.cluster\ndef test_it(): pytest.skip('no StorageClass')\n"
SKIPS_IN_FIXTURE = "@pytest.fixture\ndef f(): pytest.skip('no node')\n@pytest.mark.cluster\ndef test_it(f): pass\n"
DOWN = "echo 'connection refused' >&2; exit 1"


def test_a_cluster_test_runs_where_the_cluster_is_ready(run: Run) -> None:
    assert "1 passed" in run(CLUSTER_TEST)


def test_a_cluster_test_is_skipped_with_the_reason(run: Run) -> None:
    out = run(CLUSTER_TEST, readyz=DOWN)
    assert "1 skipped" in out
    assert "no ready cluster under context minikube: connection refused" in out


@pytest.mark.parametrize(
    ("source", "readyz", "reason"),
    [
        (CLUSTER_TEST, DOWN, "no ready cluster under context minikube: connection refused"),
        (CLUSTER_TEST, "sleep 30", "does not answer within 3 s"),
        (SKIPS_INSIDE, "echo ok", "no StorageClass"),
        (SKIPS_IN_FIXTURE, "echo ok", "no node"),
        ("@pytest.mark.skip(reason='later')\n" + CLUSTER_TEST, "echo ok", "later"),
    ],
)
def test_where_a_cluster_is_required_every_skip_is_a_failure(run: Run, source: str, readyz: str, reason: str) -> None:
    out = run(source, readyz=readyz, SHELTERCTL_REQUIRE_CLUSTER="1")
    assert "skipped, and SHELTERCTL_REQUIRE_CLUSTER=1 forbids that" in out
    assert reason in out
    assert "1 passed" not in out
    assert "1 skipped" not in out


DOCKER_TEST = "@pytest.mark.local\n@pytest.mark.docker('busybox:1.37')\ndef test_it(): pass\n"
DOCKER_FIXTURE = "@pytest.fixture\ndef f(need_docker): need_docker('busybox:1.37')\n@pytest.mark.local\ndef test_it(f): pass\n"


@pytest.mark.parametrize("source", [DOCKER_TEST, DOCKER_FIXTURE])
def test_a_test_that_needs_docker_runs_where_docker_has_the_image(run: Run, source: str) -> None:
    assert "1 passed" in run(source, docker="[ $5 = busybox:1.37 ]")


@pytest.mark.parametrize("source", [DOCKER_TEST, DOCKER_FIXTURE])
def test_a_test_that_needs_docker_is_skipped_with_the_reason(run: Run, source: str) -> None:
    out = run(source, docker="echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert "1 skipped" in out
    assert "Docker: Cannot connect to the Docker daemon" in out


@pytest.mark.parametrize("source", [DOCKER_TEST, DOCKER_FIXTURE])
def test_where_a_cluster_is_required_docker_is_too(run: Run, source: str) -> None:
    out = run(source, docker="echo 'No such image' >&2; exit 1", SHELTERCTL_REQUIRE_CLUSTER="1")
    assert "Failed: Docker: No such image" in out
    assert "1 skipped" not in out


def test_a_local_test_may_skip_where_a_cluster_is_required(run: Run) -> None:
    source = "@pytest.mark.local\ndef test_it(): pytest.skip('no image')\n"
    assert "1 skipped" in run(source, SHELTERCTL_REQUIRE_CLUSTER="1")


@pytest.mark.parametrize("marks", ["", "@pytest.mark.unit\n@pytest.mark.local\n"])
def test_a_test_of_no_kind_or_of_two_stops_the_run(run: Run, marks: str) -> None:
    assert "no tests ran" in run(f"{marks}def test_it(): pass\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("subprocess.run(['true'])", "a unit test started a program"),
        ("os.fork()", "a unit test started a program"),
        ("socket.create_connection(('127.0.0.1', 1))", "a unit test opened a socket"),
    ],
)
def test_a_unit_test_starts_nothing(run: Run, line: str, why: str) -> None:
    out = run(f"@pytest.mark.unit\ndef test_it(): {line}\n")
    assert f"AssertionError: {why}" in out
    assert "1 failed" in out


@pytest.mark.parametrize(
    ("code", "given", "passes"),
    [
        (5, {}, False),
        (5, {"PYTEST_ARGS": "tests/core"}, True),
        (5, {"TESTS_AFTER_BARE": "1"}, True),
        (1, {"TESTS_AFTER_BARE": "1"}, False),
    ],
)
def test_make_takes_a_run_without_a_test_for_a_failure_unless_something_was_left_out(
    code: int, given: dict[str, str], *, passes: bool
) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTEST_ARGS", "TESTS_AFTER_BARE", "MAKEFLAGS"}} | given
    command = ["make", "-s", "--eval", f"ends-so: ; @(exit {code}) || $(NONE_LEFT)", "ends-so"]
    ran = subprocess.run(command, cwd=CONFTEST.parents[1], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode == 0) is passes, ran.stderr


def test_bytes_that_differ_between_workers_name_no_test(run: Run) -> None:
    source = "@pytest.mark.unit\n@pytest.mark.parametrize('sent', [os.urandom(8), os.urandom(8)])\ndef test_it(sent): assert not sent\n"
    out = run(source)
    assert "test_it[sent0]" in out
    assert "test_it[sent1]" in out


def test_two_workers_collect_the_same(request: pytest.FixtureRequest) -> None:
    """Under another hash seed and at another time, as two workers of one run do it."""
    selected = [argument.split("::")[0] for argument in request.config.args]
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-o",
        "addopts=-q --import-mode=importlib",
        "-p",
        "no:cacheprovider",
        *selected,
    ]
    root = request.config.rootpath
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)
    there = set(done.stdout.splitlines())
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {item.nodeid for item in request.session.items} - there
