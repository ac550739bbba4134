"""Namespaces of the tests' own, and what a person would look at where one fails."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.cluster import claims, kube
from tests.cluster.commands import Shelterctl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.projects import Project, copy_project, forget_image

_CONTROL_PLANE = pytest.StashKey[ControlPlane]()
#: Namespaces that are there now, and whether every test of the session uses them.
_ALIVE: dict[str, bool] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on one profile runs there one by one; two profiles can be worked on side by side (`--dist loadgroup`).

    What fails while that profile's own control plane is unwell is run once more.
    """
    for item in items:
        if item.get_closest_marker("cluster"):
            if not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group(kube.CONTEXT))
            group = item.get_closest_marker("xdist_group")
            assert group is not None
            item.stash[_CONTROL_PLANE] = plane = ControlPlane(str(group.args[0]))
            item.add_marker(pytest.mark.flaky(reruns=1, condition=plane.was_unwell))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The tests' own set-up is part of them."""
    if plane := item.stash.get(_CONTROL_PLANE, None):
        plane.since_s = time.time()


def _opened(folder: Path, *, shared: bool) -> Iterator[Shelterctl]:
    namespace = f"{claims.PREFIX}-{secrets.token_hex(3)}"
    defaults = ("--min", "1", "--max", "2", "--node-port", str(kube.free_node_port()), "--no-wait-hpa")
    own = (namespace, f"{namespace}-db")
    claims.claim(*own)
    _ALIVE[namespace] = shared
    try:
        yield Shelterctl(namespace, folder / "state", folder, defaults)
    finally:
        claims.release(*own)
        _ALIVE.pop(namespace)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelterctl]:
    """A stack that runs through the whole session: one pod of the application, two at most. A test leaves it as it found it."""
    for shelterctl in _opened(tmp_path_factory.mktemp("stack"), shared=True):
        shelterctl("up")
        yield shelterctl


@pytest.fixture
def namespace(tmp_path: Path) -> Iterator[Shelterctl]:
    """shelterctl on a namespace that is not there yet; whatever is in it afterwards is deleted."""
    yield from _opened(tmp_path, shared=False)


@pytest.fixture(scope="module")
def other_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelterctl]:
    """A namespace for the tests of one module."""
    yield from _opened(tmp_path_factory.mktemp("other"), shared=True)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of the project."""
    project = copy_project(tmp_path / "project")
    yield project
    forget_image(project)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.when != "teardown":
        uses_shared = "stack" in getattr(item, "fixturenames", ())
        for namespace, shared in _ALIVE.items():
            if not shared or uses_shared:
                report.sections.append((f"namespace {namespace}", kube.what_a_person_would_look_at(namespace)))
    return report
