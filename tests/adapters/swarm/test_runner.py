"""Locust as a process of its own, against a server on 127.0.0.1 that counts for itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from shelterctl.adapters.swarm.runner import LOG_FILE, SAMPLES_FILE, LocustRunner
from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.errors import LoadGeneratorFailed, UsageError
from tests.adapters.misbehaving_server import answers, closes, streams
from tests.adapters.misbehaving_server import serving as misbehaving
from tests.adapters.swarm.load_target import LOCUSTFILE, ROOT, Target, serving

pytestmark = pytest.mark.local


def plan(target: Target, **changes: object) -> LoadPlan:
    example = LoadPlan(target.url, users=10, spawn_rate=10, duration_s=3, locustfile=str(LOCUSTFILE), run="test", think_s=0.05, seed=1)
    return replace(example, **changes)  # type: ignore[arg-type]


def until_ended(generator: LocustRunner) -> list[LoadSample]:
    samples: list[LoadSample] = []
    while generator.running():
        samples += generator.samples()
        time.sleep(0.05)
    return samples + list(generator.samples())


def added(samples: Sequence[LoadSample], name: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for sample in samples:
        for key, count in getattr(sample, name).items():
            total[key] = total.get(key, 0) + count
    return total


def test_a_run_counts_every_request_that_the_server_counted(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--pods", "3") as target:
        generator.start(plan(target), tmp_path)
        samples = until_ended(generator)
        requests = sum(sample.requests for sample in samples)

        assert requests == target.count() > 100
        assert sum(added(samples, "by_pod").values()) == sum(added(samples, "by_name").values()) == requests
        assert sum(sum(sample.latency_bins.values()) for sample in samples) == requests
        assert sorted(added(samples, "by_pod")) == ["pod-0", "pod-1", "pod-2"]
        assert sorted(pod for sample in samples for pod in sample.first_by_pod) == ["pod-0", "pod-1", "pod-2"]
        assert sorted(added(samples, "by_name")) == ["GET /", "GET /data/[id]", "GET /data?limit=50", "POST /data"]
        assert max(sample.users for sample in samples) == 10
        assert [sample.final for sample in samples] == [False] * (len(samples) - 1) + [True]
        assert all(sample.cpu_s > 0 and sample.lag_bins for sample in samples[:-1])


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        (
            "--error-every",
            {
                "a page without items",
                "a write was answered with 200",
                "a document was read without an id",
                "the front page is no JSON object of the application's",
            },
        ),
        (
            "--empty-every",
            {
                "a page was answered without JSON",
                "a write was answered with 200",
                "a document was read without JSON",
                "the front page was answered without JSON",
            },
        ),
        ("--mix-up-every", {"another document was read than was asked for"}),
    ],
)
def test_an_answer_that_is_none_is_a_failure_whatever_its_status(
    generator: LocustRunner, tmp_path: Path, fault: str, kinds: set[str]
) -> None:
    with serving(fault, "5") as target:
        generator.start(plan(target, users=20, spawn_rate=20), tmp_path)
        samples = until_ended(generator)
    assert set(added(samples, "failure_kinds")) == kinds
    share = sum(sample.failures for sample in samples) / sum(sample.requests for sample in samples)
    assert share == pytest.approx(1 / 5, abs=0.01) if fault != "--mix-up-every" else 0.04 < share < 0.2


def test_two_thirds_read_and_one_third_writes(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, think_s=0.0), tmp_path)
        names = added(until_ended(generator), "by_name")
    assert names["POST /data"] / sum(names.values()) == pytest.approx(1 / 3, abs=0.05)


def test_connections_are_changed_so_that_new_pods_get_requests(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, users=50, spawn_rate=50, duration_s=6, think_s=0.3), tmp_path)
        samples = until_ended(generator)
        # A connection for each user, one for each question to the server itself, and those that were changed.
        assert target.count("connections") > 50 + 3
        assert sum(sample.failures for sample in samples) == 0


def test_stopping_in_the_middle_loses_no_request(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--delay-ms", "200") as target:
        generator.start(plan(target, duration_s=600), tmp_path)
        time.sleep(1.5)
        generator.stop()
        samples = generator.samples()
        assert not generator.running()
        assert sum(sample.requests for sample in samples) == target.count() > 0
        assert samples[-1].final
        assert sum(sample.failures for sample in samples) == 0
    generator.stop()


def test_failures_are_counted_by_kind(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--fail-every", "10") as target:
        generator.start(plan(target), tmp_path)
        samples = until_ended(generator)
        assert added(samples, "failure_kinds") == {"HTTP 503": target.count("failed")}
        assert sum(sample.failures for sample in samples) == target.count("failed") > 0


def test_a_service_that_is_not_there(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        pass
    generator.start(plan(target, duration_s=2, think_s=0.2), tmp_path)
    samples = until_ended(generator)
    requests = sum(sample.requests for sample in samples)
    assert requests > 0
    assert added(samples, "failure_kinds") == {"ConnectionRefusedError ECONNREFUSED": requests}
    assert added(samples, "by_pod") == {"": requests}


def test_a_service_that_hangs_at_the_end_is_counted_as_failing(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--hang-after", "100") as target:
        generator.start(plan(target, duration_s=2), tmp_path)
        samples = until_ended(generator)
        # The server took the ten users' last requests and answered none.
        assert (sum(sample.requests for sample in samples), target.count()) == (110, 110)
        assert added(samples, "failure_kinds") == {"TimeoutError": 10}


PATIENT = """
import os
from locust import FastHttpUser, HttpUser, constant, task

class Patient({kind}):
    wait_time = constant(0.05)
    connection_timeout = network_timeout = 600.0

    @task
    def read(self):
        self.client.get("/data", name="/data")
"""


@pytest.mark.parametrize("kind", ["FastHttpUser", "HttpUser"])
def test_requests_that_hang_for_the_whole_run_are_failures(generator: LocustRunner, tmp_path: Path, kind: str) -> None:
    (tmp_path / "patient.py").write_text(PATIENT.format(kind=kind))
    with serving("--hang-every", "40") as target:
        generator.start(plan(target, duration_s=2, locustfile=str(tmp_path / "patient.py")), tmp_path)
        samples = until_ended(generator)
        requests = target.count()
    hung = requests // 40
    assert 0 < hung < 10
    assert sum(sample.requests for sample in samples) == requests
    assert sum(sample.failures for sample in samples) == hung
    assert added(samples, "failure_kinds") == {"no answer until the end of the run": hung}
    assert added(samples, "by_name") == {"GET /data": requests}
    # They waited for longer than the load lasted: the percentiles know of it.
    assert max(sample.max_ms for sample in samples) > 10_000


SAYS_SO = """
from locust import FastHttpUser, constant, task

class SaysSo(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        with self.client.get("/data", name="/data", catch_response=True) as answer:
            answer.failure("the store says ENOMEM")
"""


def test_a_failure_is_the_generators_own_by_its_error_and_not_by_its_words(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "says_so.py").write_text(SAYS_SO)
    with serving() as target:
        generator.start(plan(target, duration_s=1, locustfile=str(tmp_path / "says_so.py")), tmp_path)
        samples = until_ended(generator)
    assert list(added(samples, "failure_kinds")) == ["the store says ENOMEM"]
    assert added(samples, "own_kinds") == {}


def test_a_generator_without_file_descriptors_fails_by_itself(generator: LocustRunner, tmp_path: Path) -> None:
    hungry = (
        PATIENT.format(kind="FastHttpUser")
        + """
import resource
from locust import events

@events.test_start.add_listener
def few(**_):
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
"""
    )
    (tmp_path / "hungry.py").write_text(hungry)
    with serving() as target:
        generator.start(plan(target, users=40, spawn_rate=40, duration_s=2, locustfile=str(tmp_path / "hungry.py")), tmp_path)
        samples = until_ended(generator)
    own = added(samples, "own_kinds")
    assert own, added(samples, "failure_kinds")
    assert all(kind.endswith("EMFILE") for kind in own)
    assert own.items() <= added(samples, "failure_kinds").items()


def test_the_users_own_settings_of_locust_change_nothing(generator: LocustRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".locust.conf").write_text("users = 1\nrun-time = 1s\nstop-timeout = 0\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    others = {"LOCUST_MODE_MASTER": "true", "LOCUST_PROCESSES": "2"}
    for name, value in {
        **others,
        "LOCUST_USERS": "2",
        "LOCUST_EXCLUDE_TAGS": "x",
        "LOCUST_CSV": "left",
        "LOCUST_CONFIG_USERS": "[]",
    }.items():
        monkeypatch.setenv(name, value)
    with serving() as target:
        generator.start(plan(target), tmp_path)
        samples = until_ended(generator)
    assert max(sample.users for sample in samples) == 10
    assert samples[-1].elapsed_s > 2.5
    assert not list(tmp_path.glob("left*"))


def test_answers_that_only_seem_well_are_told(generator: LocustRunner, tmp_path: Path) -> None:
    (tmp_path / "patient.py").write_text(PATIENT.format(kind="FastHttpUser"))
    with serving("--error-every", "10") as target:
        generator.start(plan(target, duration_s=1, locustfile=str(tmp_path / "patient.py")), tmp_path)
        samples = until_ended(generator)
        assert added(samples, "oddities") == {"status 200 with an error in its JSON": target.count() // 10}
    assert sum(sample.failures for sample in samples) == 0


@pytest.mark.parametrize("kind", ["FastHttpUser", "HttpUser"])
def test_redirects_are_told(generator: LocustRunner, tmp_path: Path, kind: str) -> None:
    (tmp_path / "patient.py").write_text(PATIENT.format(kind=kind))
    with serving("--redirect") as target:
        generator.start(plan(target, duration_s=1, locustfile=str(tmp_path / "patient.py")), tmp_path)
        samples = until_ended(generator)
        requests = sum(sample.requests for sample in samples)
        assert target.count() == 2 * requests > 0
    assert added(samples, "oddities") == {"redirected": requests}


def test_a_swarm_ends_with_its_parent(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
generator = LocustRunner()
generator.start(LoadPlan(sys.argv[1], 5, 5, 600, sys.argv[2], think_s=0.1), Path(sys.argv[3]))
print("started", flush=True)
time.sleep(600)
"""
    with serving() as target:
        argv = [sys.executable, "-c", program, target.url, str(LOCUSTFILE), str(tmp_path)]
        parent = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        swarm = json.loads((tmp_path / SAMPLES_FILE).read_text().splitlines()[0])["pid"]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        deadline = time.monotonic() + 30
        while Path(f"/proc/{swarm}").exists() and _state(swarm) != "Z" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not Path(f"/proc/{swarm}").exists() or _state(swarm) == "Z"
        last = json.loads((tmp_path / SAMPLES_FILE).read_text().splitlines()[-1])
        assert last["final"] is True


def _state(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_killed_generator_leaves_no_final_sample(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, duration_s=600), tmp_path)
        swarm = json.loads((tmp_path / SAMPLES_FILE).read_text().splitlines()[0])["pid"]
        time.sleep(1.5)
        os.kill(swarm, signal.SIGKILL)
        samples = until_ended(generator)
    assert samples
    assert not any(sample.final for sample in samples)


@pytest.mark.parametrize(
    ("source", "last"),
    [
        ("import nothing_of_the_kind\n", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("x = 1\n", "No User class found!"),
    ],
)
def test_a_locustfile_that_cannot_run(generator: LocustRunner, tmp_path: Path, source: str, last: str) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(source)
    with pytest.raises(LoadGeneratorFailed) as caught:
        generator.start(LoadPlan("http://127.0.0.1:9", 1, 1, 1, str(broken)), tmp_path)
    assert caught.value.what == "the load generator ended before the load began (exit code 1)"
    assert last in caught.value.why
    assert caught.value.next_command.endswith("-m locust --version")
    assert not generator.running()


def test_a_locustfile_that_is_not_there(generator: LocustRunner, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        generator.start(LoadPlan("http://127.0.0.1:9", 1, 1, 1, "absent.py"), tmp_path)
    assert caught.value.what == "--locustfile absent.py: no such Python file"


def test_the_swarm_is_stopped_before_it_was_started(generator: LocustRunner) -> None:
    generator.stop()
    assert (generator.running(), generator.samples(), generator.last_lines()) == (False, [], ())


def test_the_bridge_bins_as_the_core_does(tmp_path: Path) -> None:
    values = [0.0, 0.001, 0.01, 0.0101, 1.0, 19.99, 20.0, 480.0, 60_000.0]
    program = (
        "import json, sys, locust, shelterctl.adapters.swarm.recorder as b; "
        "print(json.dumps([b.bin_of(v) for v in json.loads(sys.argv[1])]))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, json.dumps(values)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "shelterctl" / "adapters" / "swarm"),
            "SHELTERCTL_LOAD_SAMPLES": str(tmp_path / "samples"),
        },
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(printed.stdout) == [bin_of(value) for value in values]


def test_the_locustfile_runs_under_plain_locust(tmp_path: Path) -> None:
    with serving() as target:
        argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--host", target.url]
        done = subprocess.run(
            [*argv, "--users", "5", "--spawn-rate", "5", "--run-time", "10s"], cwd=tmp_path, capture_output=True, timeout=120
        )
        assert (done.returncode, target.count() > 0) == (0, True)


def test_the_log_and_the_samples_stay_in_the_run_folder(generator: LocustRunner, tmp_path: Path) -> None:
    with serving() as target:
        generator.start(plan(target, duration_s=1, users=1, spawn_rate=2), tmp_path)
        until_ended(generator)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([LOG_FILE, SAMPLES_FILE])
    assert any("Aggregated" in line for line in generator.last_lines())


def test_a_request_that_nobody_answers_is_a_failure_and_not_asked_again(generator: LocustRunner, tmp_path: Path) -> None:
    """A pod that dies with requests in hand closes their connections. Locust's HTTP client would ask another one, in silence."""
    answered = (answers() for _ in range(30))
    with misbehaving(*answered, closes, closes, *(answers() for _ in range(2000))) as server:
        locustfile = tmp_path / "reads.py"
        locustfile.write_text(
            "from locust import FastHttpUser, task, constant\n\n\n"
            "class Reader(FastHttpUser):\n    wait_time = constant(0.02)\n\n"
            "    @task\n    def read(self):\n        self.client.get('/data')\n"
        )
        example = LoadPlan(server.url, users=2, spawn_rate=10, duration_s=2, locustfile=str(locustfile), run="test", think_s=0.05, seed=1)
        generator.start(example, tmp_path)
        samples = until_ended(generator)
    assert sum(sample.requests for sample in samples) == len(server.requests)
    assert sum(sample.failures for sample in samples) == 2
    assert added(samples, "failure_kinds") == {"HTTPConnectionClosed": 2}


def test_answers_of_any_size_cost_the_load_of_a_users_own_stack_no_memory(generator: LocustRunner, tmp_path: Path) -> None:
    """Six users of an application that answers 64 MiB: whole answers of theirs would be 400 MiB, with copies more."""
    size = 64 * 2**20
    rules = {"write": None, "read": "/all", "mix": {"read": 1}, "most_writes": 0}
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    largest = 0
    with misbehaving(*[streams(head, b"x" * 2**16, times=2**10)] * 200) as server:
        asked = LoadPlan(
            server.url, users=6, spawn_rate=6, duration_s=6, locustfile=str(ROOT / "locustfiles" / "stack.py"), run="test", think_s=0.05,
            seed=1, variables={"STACK_EXCHANGE": json.dumps(rules)},
        )  # fmt: skip
        generator.start(asked, tmp_path)
        samples: list[LoadSample] = []
        assert generator._process is not None
        measured = psutil.Process(generator._process.pid)
        while generator.running():
            with suppress(psutil.Error):
                largest = max(largest, *(each.memory_info().rss for each in (measured, *measured.children(recursive=True))))
            samples += generator.samples()
            time.sleep(0.02)
        samples += list(generator.samples())
    sized, read = added(samples, "sized_by_name"), added(samples, "bytes_by_name")
    assert sized["GET /all"] >= 6, added(samples, "failure_kinds")
    # What is told of an answer's size is what came.
    assert read["GET /all"] == sized["GET /all"] * size
    assert 0 < largest < 250 * 2**20
