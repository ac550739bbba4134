"""A load of several Locust processes, against a server on 127.0.0.1 that counts for itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from shelterctl.adapters.swarm import runner as runner_module
from shelterctl.adapters.swarm.environment import environment_of, worker_environment
from shelterctl.adapters.swarm.runner import LOG_FILE, SAMPLES_FILE, LocustRunner
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.load.shape import Stage
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.verdict import Verdict
from shelterctl.errors import LoadGeneratorFailed
from shelterctl.ops.loadtest import LoadPorts, loadtest
from tests.adapters.swarm.load_target import LOCUSTFILE, ROOT, serving
from tests.adapters.swarm.test_runner import added, plan, until_ended
from tests.ops.load_scenes import SystemClock

pytestmark = pytest.mark.local


def lines(folder: Path, kind: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, (folder / SAMPLES_FILE).read_text().splitlines()) if line["kind"] == kind]


def workers(folder: Path) -> dict[str, int]:
    return lines(folder, "start")[0]["workers"]  # type: ignore[return-value]


def told(samples: list[LoadSample]) -> list[str]:
    return [text for sample in samples for text in sample.told]


def await_counts(generator: LocustRunner, requests: int) -> list[LoadSample]:
    samples: list[LoadSample] = []
    deadline = time.monotonic() + 30
    while sum(sample.requests for sample in samples) < requests:
        assert time.monotonic() < deadline
        samples += generator.samples()
        time.sleep(0.05)
    return samples


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_count_together_what_the_server_counted(generator: LocustRunner, tmp_path: Path, processes: int) -> None:
    with serving("--pods", "3") as target:
        generator.start(plan(target, processes=processes), tmp_path)
        samples = until_ended(generator)
        requests = target.count()
    assert sum(sample.requests for sample in samples) == requests > 100
    assert sum(added(samples, "by_pod").values()) == sum(sum(sample.latency_bins.values()) for sample in samples) == requests
    assert max(sample.users for sample in samples) == 10
    assert [sample.final for sample in samples] == [False] * (len(samples) - 1) + [True]
    assert 2.5 < samples[-1].elapsed_s < 4.5
    assert not told(samples)
    shares: dict[str, int] = {}
    for sample in samples:
        for name, part in sample.parts.items():
            shares[name] = shares.get(name, 0) + part.requests
    assert sorted(shares) == [f"process {number}" for number in range(1, processes + 1)]
    assert sum(shares.values()) == requests
    assert min(shares.values()) > requests / processes / 2


@pytest.mark.parametrize("requests", [1, 7, 500])
def test_as_many_requests_as_were_asked_for_over_all_processes(generator: LocustRunner, tmp_path: Path, requests: int) -> None:
    with serving() as target:
        generator.start(plan(target, processes=3, requests=requests, duration_s=60, think_s=0.0), tmp_path)
        samples = until_ended(generator)
        assert (sum(sample.requests for sample in samples), target.count()) == (requests, requests)
    assert samples[-1].final
    assert samples[-1].elapsed_s < 30
    assert not told(samples)


def test_a_rate_is_kept_by_all_together(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, rate_per_s=60.0, users=20, spawn_rate=1000, duration_s=5, think_s=0.0), tmp_path)
        samples = until_ended(generator)
        assert target.count() == sum(sample.requests for sample in samples) == pytest.approx(300, rel=0.1)


def test_users_follow_the_stages_in_all_processes(generator: LocustRunner, tmp_path: Path) -> None:
    stages = (Stage(1.0, 8), Stage(2.0, 8), Stage(6.0, 2))
    with serving() as target:
        generator.start(plan(target, processes=2, stages=stages, users=8, duration_s=9), tmp_path)
        samples = until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count()
    assert max(sample.users for sample in samples) == 8
    # Locust asks for the shape once a second.
    falling = [(sample.elapsed_s, sample.users) for sample in samples if sample.elapsed_s > 4.5 and not sample.final]
    assert min(users for _, users in falling) <= 5, falling


def test_stopping_in_the_middle_loses_no_request(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--delay-ms", "200") as target:
        generator.start(plan(target, processes=2, duration_s=600), tmp_path)
        samples = await_counts(generator, 20)
        generator.stop()
        samples += generator.samples()
        assert not generator.running()
        assert sum(sample.requests for sample in samples) == target.count()
    assert samples[-1].final
    assert sum(sample.failures for sample in samples) == 0
    assert not told(samples)


def test_requests_that_hang_at_the_end_are_counted(generator: LocustRunner, tmp_path: Path) -> None:
    """The workers' users finish for longer than Locust's master waits for its workers' last words."""
    with serving("--hang-after", "100") as target:
        generator.start(plan(target, processes=2, duration_s=2), tmp_path)
        samples = until_ended(generator)
        assert (sum(sample.requests for sample in samples), target.count()) == (110, 110)
    assert added(samples, "failure_kinds") == {"TimeoutError": 10}
    assert samples[-1].final


def test_a_worker_that_is_killed_is_told_with_what_it_had_counted(tmp_path: Path) -> None:
    with serving() as target:
        generator = LocustRunner()
        asked = plan(target, processes=2, duration_s=9)
        operation = loadtest(LoadPorts(None, generator, SystemClock(), tmp_path), asked)
        killed = False
        try:
            while True:
                next(operation)
                if not killed and (tmp_path / SAMPLES_FILE).exists() and len(lines(tmp_path, "sample")) >= 4:
                    os.kill(workers(tmp_path)["process 2"], signal.SIGKILL)
                    killed = True
        except StopIteration as stop:
            result = stop.value
        counted = target.count()
    assert killed
    assert result.judgement.verdict is Verdict.UNKNOWN
    reason = result.judgement.reasons[0].text
    assert reason.startswith("process 2 stopped answering (")
    of_it = sum(line["requests"] for line in lines(tmp_path, "sample") if line["worker"] == "process 2")  # type: ignore[misc]
    assert f": {of_it:,} requests of it are counted, until " in reason
    assert of_it > 0
    # The other one went on, and what the dead one sent in its last second is the difference.
    assert result.generator.end is GeneratorEnd.FINISHED
    assert 8 < result.traffic.duration_s < 10
    assert result.traffic.requests <= counted < result.traffic.requests + 300


def test_a_worker_that_is_silent_for_a_while_is_told_and_counts_again(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, duration_s=16), tmp_path)
        samples = await_counts(generator, 100)
        silent = workers(tmp_path)["process 2"]
        os.kill(silent, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 9  # a worker waits a second more for its master
            while not told(samples) and time.monotonic() < deadline:
                samples += generator.samples()
                time.sleep(0.05)
        finally:
            os.kill(silent, signal.SIGCONT)
        samples += until_ended(generator)
        # Nothing of it is lost, neither of before nor of after.
        assert sum(sample.requests for sample in samples) == target.count()
    first, second = told(samples)
    assert first.startswith("process 2 stopped answering (")
    assert second.startswith("process 2 answered again (")
    assert samples[-1].final


def test_a_worker_that_is_asked_to_end_takes_no_count_along(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, duration_s=6), tmp_path)
        samples = await_counts(generator, 100)
        os.kill(workers(tmp_path)["process 1"], signal.SIGTERM)
        samples += until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count()
    assert len(told(samples)) == 1
    assert told(samples)[0].startswith(("process 1 went away", "process 1 ended before the load did"))


def test_all_workers_gone_end_the_load(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, duration_s=600), tmp_path)
        samples = await_counts(generator, 100)
        for process in workers(tmp_path).values():
            os.kill(process, signal.SIGKILL)
        began = time.monotonic()
        samples += until_ended(generator)
    assert time.monotonic() - began < 30
    assert len(told(samples)) == 2
    assert not any(sample.final for sample in samples[:-1])


def test_a_master_that_is_killed_leaves_no_final_sample_and_no_worker(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, duration_s=600), tmp_path)
        samples = await_counts(generator, 50)
        os.kill(lines(tmp_path, "start")[0]["pid"], signal.SIGKILL)  # type: ignore[arg-type]
        samples += until_ended(generator)
        generator.stop()
    assert not any(sample.final for sample in samples)
    assert not any(psutil.pid_exists(pid) for pid in workers(tmp_path).values())


HALF_BROKEN = """
import os, time
if os.environ["SHELTERCTL_LOAD_WORKER"] == "2":
    raise RuntimeError("no second one here")
from locust import FastHttpUser, constant, task

class Reader(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/data")
"""


def test_fewer_workers_than_asked_for_are_told(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(HALF_BROKEN)
    with serving() as target:
        generator.start(plan(target, processes=2, locustfile=str(tmp_path / "half.py")), tmp_path)
        samples = until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count() > 0
    assert told(samples) == ["1 of 2 generator processes were there: process 1"]
    assert "no second one here" in (tmp_path / LOG_FILE).read_text()
    assert max(sample.users for sample in samples) == 10


def test_a_locustfile_that_no_worker_can_run(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(HALF_BROKEN.replace('== "2"', '!= ""'))
    with pytest.raises(LoadGeneratorFailed) as caught:
        generator.start(LoadPlan("http://127.0.0.1:9", 2, 2, 9, str(tmp_path / "broken.py"), processes=2), tmp_path)
    assert caught.value.what == "every load generator process ended before the load began (exit code 1)"
    assert any("no second one here" in line for line in caught.value.details)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"SHELTERCTL_LOAD_KEY": "another"}, "it does not know this load's key"),
        ({"SHELTERCTL_LOAD_VERSION": "0.0.1"}, "it has shelterctl 0.0.1 and Locust "),
    ],
)
def test_a_worker_of_another_kind_is_refused_by_name(
    generator: LocustRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], why: str
) -> None:
    def other(asked: LoadPlan, samples: Path, key: str, number: int) -> dict[str, str | None]:
        return {**worker_environment(asked, samples, key, number), **(changed if number == 2 else {})}

    monkeypatch.setattr(runner_module, "worker_environment", other)
    with serving() as target:
        generator.start(plan(target, processes=2), tmp_path)
        samples = until_ended(generator)
        # Not one request of it.
        assert sum(sample.requests for sample in samples) == target.count() > 0
    assert told(samples)[0] == "1 of 2 generator processes were there: process 1"
    assert any(f"was refused: {why}" in text for text in told(samples))
    assert f"the master refused this worker: {why}" in (tmp_path / LOG_FILE).read_text()


def test_a_worker_that_comes_late_or_without_the_bridge_is_refused(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, processes=2, duration_s=8), tmp_path)
        port = lines(tmp_path, "listening")[0]["port"]
        argv = [sys.executable, "-m", "locust", "--worker", "-f", str(LOCUSTFILE), "--master-host", "127.0.0.1", "--master-port", str(port)]
        stranger = subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=30)
        samples = until_ended(generator)
        assert sum(sample.requests for sample in samples) == target.count()
    assert any("was refused: the load had begun without it" in text for sample in samples for text in sample.noticed), stranger
    assert not told(samples)
    assert max(sample.users for sample in samples) == 10


DRAWS = """
import os, random
from locust import FastHttpUser, constant, task

class Draws(FastHttpUser):
    wait_time = constant(0.1)
    count = 0

    def __init__(self, environment):
        super().__init__(environment)
        Draws.count += 1
        self.chance = random.Random(f"{os.environ['SHELTER_SEED']}/{Draws.count}")

    @task
    def draw(self):
        with open(os.environ["DRAWN"], "a") as file:
            file.write(f"{self.chance.random():.6f}\\n")
        self.client.get("/data")
"""


def test_the_same_seed_makes_the_same_users_and_no_two_alike(tmp_path: Path) -> None:
    (tmp_path / "draws.py").write_text(DRAWS)
    drawn = []
    for attempt in ("first", "second"):
        generator = LocustRunner()
        file = tmp_path / attempt
        with serving() as target:
            asked = plan(target, processes=2, users=3, locustfile=str(tmp_path / "draws.py"), requests=3, think_s=0.0)
            (tmp_path / f"run-{attempt}").mkdir()
            generator.start(replace(asked, variables={"DRAWN": str(file)}), tmp_path / f"run-{attempt}")
            until_ended(generator)
            generator.stop()
        drawn.append(set(file.read_text().split()))
    assert len(drawn[0] & drawn[1]) >= 3


def test_a_kill_of_the_tool_ends_master_and_workers(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
generator = LocustRunner()
generator.start(LoadPlan(sys.argv[1], 6, 6, 600, sys.argv[2], think_s=0.1, processes=2), Path(sys.argv[3]))
print("started", flush=True)
time.sleep(600)
"""
    with serving() as target:
        argv = [sys.executable, "-c", program, target.url, str(LOCUSTFILE), str(tmp_path)]
        parent = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        started = [lines(tmp_path, "start")[0]["pid"], *workers(tmp_path).values()]
        assert all(psutil.pid_exists(pid) for pid in started)  # type: ignore[arg-type]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        deadline = time.monotonic() + 30
        while any(_runs(pid) for pid in started) and time.monotonic() < deadline:  # type: ignore[arg-type]
            time.sleep(0.1)
        assert not [pid for pid in started if _runs(pid)]  # type: ignore[arg-type]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_percentiles_of_several_processes_are_those_of_all_requests(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--delay-ms", "50") as target:
        generator.start(plan(target, processes=2), tmp_path)
        tally = LoadTally(plan(target, processes=2))
        for sample in until_ended(generator):
            tally.add(sample)
    merged = tally.of().latency.percentile(95)
    counts: dict[int, int] = {}
    for line in lines(tmp_path, "sample"):
        for index, count in line["latency_bins"].items():  # type: ignore[attr-defined]
            counts[int(index)] = counts.get(int(index), 0) + count
    assert merged is not None
    assert merged >= 50
    assert sum(counts.values()) == tally.requests


def test_a_workers_environment_is_its_own(tmp_path: Path) -> None:
    request = json.dumps({"method": "POST", "path": "/data/{n}", "body": '{"id": {n}, "text": "{token}"}', "headers": {}})
    rules = json.dumps({"most_writes": 2000, "mix": {}})
    asked = LoadPlan(
        "http://127.0.0.1:9",
        10,
        10,
        9,
        "x.py",
        run="r",
        seed=7,
        processes=12,
        variables={"SHELTER_REQUEST": request, "STACK_EXCHANGE": rules},
    )
    alone = environment_of(asked, tmp_path, "key")
    assert (alone["SHELTER_RUN"], alone["SHELTER_SEED"], alone["SHELTER_REQUEST"]) == ("r", "7", request)
    both = [worker_environment(asked, tmp_path, "key", number) for number in (3, 12)]
    assert [(one["SHELTER_RUN"], one["SHELTER_SEED"]) for one in both] == [("r-3", "7/3"), ("r-12", "7/12")]
    assert json.loads(both[0]["SHELTER_REQUEST"] or "")["path"] == "/data/{n}03"
    assert json.loads(both[1]["SHELTER_REQUEST"] or "")["body"] == '{"id": {n}12, "text": "{token}"}'
    assert json.loads(both[1]["STACK_EXCHANGE"] or "")["most_writes"] == 166
    # None of the ceiling is lost where it does not divide, and nobody writes beyond it.
    shares = [
        json.loads(worker_environment(asked, tmp_path, "key", number)["STACK_EXCHANGE"] or "")["most_writes"] for number in range(1, 13)
    ]
    assert (sum(shares), max(shares) - min(shares)) == (2000, 1)
