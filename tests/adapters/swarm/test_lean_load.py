"""The shipped Locust files under the bridge: nothing is lost at the end, whatever begins and ends the requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
from tests.adapters.swarm.load_target import LOCUSTFILE, serving
from tests.adapters.swarm.test_runner import added, until_ended

pytestmark = pytest.mark.local

FOLDER = LOCUSTFILE.parent


@pytest.fixture
def generator() -> Iterator[LocustRunner]:
    runner = LocustRunner()
    yield runner
    runner.stop()


@pytest.mark.parametrize("changes", [{"think_s": 0.0}, {"think_s": 0.02}, {"rate_per_s": 60.0}, {"requests": 150}])
def test_every_request_that_the_server_got_is_counted(generator: LocustRunner, tmp_path: Path, changes: dict[str, float]) -> None:
    with serving("--pods", "2") as target:
        given = {"think_s": 0.0, "run": "test", "seed": 3, **changes}
        generator.start(LoadPlan(target.url, 30, 30, 3, str(LOCUSTFILE), **given), tmp_path)  # type: ignore[arg-type]
        samples = until_ended(generator)
        counted = sum(sample.requests for sample in samples)
        assert counted == target.count() == sum(added(samples, "by_pod").values())
    assert (sum(sample.failures for sample in samples), "" in added(samples, "by_pod")) == (0, False)
    if "rate_per_s" in changes:
        # Those who waited for their moment when the load ended have one more each.
        assert 150 <= counted <= 180 + 30 + 10
    assert counted == 150 if "requests" in changes else counted > 100


def test_requests_that_hang_beyond_the_end_are_failures_in_time(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--hang-every", "30") as target:
        generator.start(LoadPlan(target.url, 10, 10, 2, str(LOCUSTFILE), run="test", think_s=0.05), tmp_path)
        samples = until_ended(generator)
        hung = target.count() // 30
        assert sum(sample.requests for sample in samples) == target.count()
    assert hung > 0
    assert added(samples, "failure_kinds") == {"TimeoutError": hung}


LAST = """
import sys
sys.path.insert(0, {folder!r})
from lean_user import LeanUser
from locust import task

class Patient(LeanUser):
    network_timeout = 600.0

    @task
    def read(self):
        self.client.get("/data", name="/data")
"""


def test_requests_that_are_broken_off_at_the_end_are_counted(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "patient.py").write_text(LAST.format(folder=str(FOLDER)))
    with serving("--hang-every", "40") as target:
        generator.start(LoadPlan(target.url, 10, 10, 2, str(tmp_path / "patient.py"), run="test", think_s=0.05), tmp_path)
        samples = until_ended(generator)
        hung = target.count() // 40
        assert sum(sample.requests for sample in samples) == target.count()
    assert 0 < hung < 10
    assert added(samples, "failure_kinds") == {"no answer until the end of the run": hung}


FEW = """
import resource
from locust import events

@events.test_start.add_listener
def few(**_):
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
"""


def test_a_generator_without_file_descriptors_fails_by_itself(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "hungry.py").write_text(LAST.format(folder=str(FOLDER)) + FEW)
    with serving() as target:
        generator.start(LoadPlan(target.url, 40, 40, 2, str(tmp_path / "hungry.py"), run="test", think_s=0.05), tmp_path)
        samples = until_ended(generator)
    assert set(added(samples, "own_kinds")) == {"OSError EMFILE"}


@pytest.mark.parametrize("file", ["request.py", "stack.py"])
def test_the_other_files_send_what_they_are_told_to(generator: LocustRunner, tmp_path: Path, file: str) -> None:
    rules = {
        "write": {"method": "POST", "path": "/data", "template": {"n": "{n}", "t": "{token}"}, "headers": {}, "body": "json"},
        "read": "/data/none",
        "mix": {"write": 1, "read": 2, "GET /": 1},
        "most_writes": 40,
    }
    variables = {
        "SHELTER_REQUEST": json.dumps({"method": "POST", "path": "/data", "body": '{"n": {n}}', "headers": {"X-A": "b"}}),
        "STACK_EXCHANGE": json.dumps(rules),
    }
    with serving() as target:
        plan = LoadPlan(target.url, 5, 5, 60, str(FOLDER / file), run="test", think_s=0.0, seed=1, requests=300, variables=variables)
        generator.start(plan, tmp_path)
        samples = until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count() == 300
    names, kinds = added(samples, "by_name"), added(samples, "failure_kinds")
    if file == "request.py":
        assert (names, kinds) == ({"POST /data": 300}, {})
    else:
        assert names["POST /data"] == 40
        assert kinds == {"HTTP 404": names["GET /data/none"]}


def test_files_of_ones_own_find_nothing_of_the_lean_client_in_their_way(generator: LocustRunner, tmp_path: Path) -> None:
    """A folder with modules of the same names as ours is somebody's own."""
    (tmp_path / "lean_client.py").write_text("NAME = 'mine'\n")
    (tmp_path / "mine.py").write_text(
        "from lean_client import NAME\nfrom locust import FastHttpUser, constant, task\n\n\n"
        "class Mine(FastHttpUser):\n    wait_time = constant(0.05)\n\n"
        "    @task\n    def read(self):\n        self.client.get('/', name=NAME)\n"
    )
    with serving() as target:
        generator.start(LoadPlan(target.url, 2, 2, 1, str(tmp_path / "mine.py"), run="test"), tmp_path)
        assert list(added(until_ended(generator), "by_name")) == ["GET mine"]
