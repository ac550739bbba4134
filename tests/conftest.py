"""The three kinds of tests, held apart: unit tests start nothing, cluster tests need a cluster, and every test says which it is.

A local test that needs Docker says so: `@pytest.mark.docker("busybox:1.37")`, or `need_docker` in a fixture. With
SHELTERCTL_REQUIRE_CLUSTER=1 a cluster test that was skipped, for whatever reason, is a failure, and so is a machine without Docker:
one that should have a cluster and has none must not look well.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from typing import NoReturn

import pytest

#: What .ci/run gives to `make test-bare`.
BARE = ("tests/local/", "tests/cli/", "tests/wiring/")
KINDS = ("unit", "local", "cluster")
CONTEXT = "minikube"
READY_TIMEOUT_S = 3
DOCKER_TIMEOUT_S = 30


def pytest_configure() -> None:
    # A shell that starts the tests in the background has them ignore SIGINT, and every command that they start inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every test has exactly one kind. After a bare run, what that run held is left out: it is the same with Docker beside it."""
    wrong = [item.nodeid for item in items if len(kinds_of(item)) != 1]
    if wrong:
        raise pytest.UsageError(f"each test is marked as one of {', '.join(KINDS)}; these are not: {', '.join(wrong[:5])}")

    held = [item for item in items if _held_by_bare_run(item)] if os.environ.get("TESTS_AFTER_BARE") else []
    if held:
        config.hook.pytest_deselected(items=held)
        left_out = set(held)
        items[:] = [item for item in items if item not in left_out]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: packed or random ones differ between the workers of one run, which must collect the same."""
    return argname if isinstance(val, bytes | bytearray) else None


def _held_by_bare_run(item: pytest.Item) -> bool:
    """Whether `make test-bare` ran the test in those folders, and ran it whole: not where Docker was wanted."""
    wants_docker = item.get_closest_marker("docker") is not None or "need_docker" in getattr(item, "fixturenames", ())
    return item.nodeid.startswith(BARE) and "cluster" not in kinds_of(item) and not wants_docker


def kinds_of(item: pytest.Item) -> set[str]:
    return {marker.name for marker in item.iter_markers() if marker.name in KINDS}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if "cluster" in kinds_of(item) and (problem := cluster_problem()):
        pytest.skip(problem)
    for marker in item.iter_markers("docker"):
        _need_docker(*marker.args)


@pytest.fixture(scope="session")
def need_docker() -> Callable[..., None]:
    """Called with the images that are needed: skips the test, with the reason, where Docker or one of them is not there."""
    return _need_docker


def _need_docker(*images: str) -> None:
    if problem := docker_problem(*images):
        # On a machine that should have a cluster the images are there, too.
        (pytest.fail if required() else pytest.skip)(problem)


def required() -> bool:
    return os.environ.get("SHELTERCTL_REQUIRE_CLUSTER") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if required() and "cluster" in kinds_of(item) and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped, and SHELTERCTL_REQUIRE_CLUSTER=1 forbids that: {reason}"
    return report


@cache
def cluster_problem() -> str:
    """Why no cluster test can run; empty where the cluster is ready."""
    command = ["kubectl", "--context", CONTEXT, "get", "--raw", "/readyz", f"--request-timeout={READY_TIMEOUT_S}s"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=READY_TIMEOUT_S + 2, check=False)
    except FileNotFoundError:
        return "kubectl is not on the PATH"
    except subprocess.TimeoutExpired:
        return f"the cluster of context {CONTEXT} does not answer within {READY_TIMEOUT_S} s"
    if asked.returncode != 0 or asked.stdout.strip() != "ok":
        last = (asked.stderr or asked.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        return f"no ready cluster under context {CONTEXT}: {last[0]}"
    return ""


@cache
def docker_problem(*images: str) -> str:
    """Why nothing that needs Docker, or one of the images, can run; empty where all is there."""
    command = ["docker", "image", "inspect", "--format", "{{.Id}}", *images] if images else ["docker", "version"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=DOCKER_TIMEOUT_S, check=False)
    except FileNotFoundError:
        return "docker is not on the PATH"
    except subprocess.TimeoutExpired:
        return f"Docker does not answer within {DOCKER_TIMEOUT_S} s"
    if asked.returncode != 0:
        last = asked.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return f"Docker: {last[0]}"
    return ""


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times, as they stand on a screen, are UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def _units_start_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test that starts a program or opens a socket is none."""
    if "unit" not in kinds_of(request.node):
        return

    def no_process(*_args: object, **_options: object) -> NoReturn:
        raise AssertionError("a unit test started a program")

    def no_socket(*_args: object, **_options: object) -> NoReturn:
        raise AssertionError("a unit test opened a socket")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    monkeypatch.setattr(os, "fork", no_process)
    monkeypatch.setattr(socket.socket, "__init__", no_socket)
