"""What a load sends by its options, and what it makes of a service that is slow or resets: whole loads of real processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.result import LoadResult
from shelterctl.core.verdict import Verdict
from shelterctl.ops.loadtest import LoadPorts, loadtest
from tests.adapters.misbehaving_server import resets
from tests.adapters.misbehaving_server import serving as misbehaving
from tests.adapters.swarm.judged import served
from tests.adapters.swarm.load_target import LOCUSTFILE, serving
from tests.ops.load_scenes import SystemClock

pytestmark = pytest.mark.local


def load(plan: LoadPlan, folder: Path, expected: Expectations | None = None) -> LoadResult:
    operation = loadtest(LoadPorts(None, LocustRunner(), SystemClock(), folder), plan, expected)
    while True:
        try:
            next(operation)
        except StopIteration as stop:
            result: LoadResult = stop.value
            return result


def example(url: str, **changes: object) -> LoadPlan:
    plan = LoadPlan(url, users=2, spawn_rate=1000, duration_s=4, locustfile=str(LOCUSTFILE), run="test", think_s=0.0, seed=1)
    return replace(plan, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_slow_service_hides_nothing_from_a_rate(tmp_path: Path, processes: int) -> None:
    """Two users and answers of 200 ms are ten requests/s. Of 40 that were due, those that waited took as long as they waited, too."""
    with serving("--delay-ms", "200") as target:
        result = load(example(target.url, rate_per_s=40.0, processes=processes), tmp_path)
    traffic = result.traffic
    assert traffic.p50_ms is not None
    assert traffic.max_ms is not None
    assert traffic.late > 0.8 * traffic.requests
    # The last of them were due three quarters of the load before they began.
    assert 2000 < traffic.max_ms < 6000
    assert traffic.p50_ms > 700
    assert result.judgement.verdict is Verdict.UNKNOWN
    kept = next(reason for reason in result.judgement.reasons if "of 40 requests/s were sent" in reason.text)
    assert "--users 4" in kept.next_command
    assert any("began more than 10 ms late" in note for note in result.notes)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_rate_that_is_kept_is_no_doubt_and_ends_with_the_load(tmp_path: Path, processes: int) -> None:
    """Forty users wait for their turn at the end: two seconds' worth of requests that nobody asked for."""
    with serving("--delay-ms", "20") as target:
        result = load(example(target.url, rate_per_s=20.0, users=40, processes=processes), tmp_path)
        assert result.traffic.requests == target.count()
    assert 72 <= result.traffic.requests <= 84
    assert result.traffic.duration_s < 4.6
    # Workers begin some tenths of a second after their master: of four seconds that may be the twentieth that makes a doubt.
    assert processes > 1 or not any("requests/s were sent" in reason.text for reason in result.judgement.reasons)


@pytest.mark.parametrize(("share", "writes"), [("0", 0.0), ("1", 1.0), ("0.5", 0.5)])
def test_the_share_that_writes(tmp_path: Path, share: str, writes: float) -> None:
    with serving() as target:
        plan = example(target.url, variables={"SHELTER_WRITE_SHARE": share}, requests=300, duration_s=30)
        traffic = load(plan, tmp_path).traffic
    assert traffic.requests == 300
    assert sum(count for name, count in traffic.by_name.items() if name.startswith("POST ")) / 300 == pytest.approx(writes, abs=0.12)


OPTIONS = """
from locust import FastHttpUser, constant, events, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--my-page", default="none")

class Own(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get(f"/data?page={self.environment.parsed_options.my_page}")
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_options_of_a_locust_file_reach_every_process(tmp_path: Path, processes: int) -> None:
    (tmp_path / "own.py").write_text(OPTIONS)
    with serving() as target:
        plan = example(target.url, locustfile=str(tmp_path / "own.py"), options=("--my-page", "7"), processes=processes, duration_s=2)
        traffic = load(plan, tmp_path).traffic
    assert traffic.requests > 0
    assert set(traffic.by_name) == {"GET /data?page=7"}


@pytest.mark.parametrize("kind", ["lean", "FastHttpUser", "HttpUser"])
def test_a_service_that_resets_every_connection_has_failed(tmp_path: Path, kind: str) -> None:
    file = LOCUSTFILE
    if kind != "lean":
        file = tmp_path / "own.py"
        file.write_text(OPTIONS.replace("FastHttpUser", kind))
    with misbehaving(*[resets] * 20_000) as server:
        result = load(example(server.url, locustfile=str(file), think_s=0.05, duration_s=2), tmp_path)
        # A client may ask again where it has no answer, and must say so.
        assert 0 < result.traffic.requests == result.traffic.failures == len(server.requests)
    # The run as a whole is in doubt where a busy machine's generator is.
    assert served(result) is Verdict.FAIL
    assert [kind.rpartition(" ")[2] for kind in result.traffic.failure_kinds] == ["ECONNRESET"]
