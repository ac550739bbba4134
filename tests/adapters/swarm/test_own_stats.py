"""Locust's own statistics: filled from what is counted here, except where a user's file may read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LOG_FILE, LocustRunner
from shelterctl.core.load.plan import LoadPlan
from tests.adapters.swarm.load_target import LOCUSTFILE, serving
from tests.adapters.swarm.test_runner import until_ended

pytestmark = pytest.mark.local

READS_THEM = """
from lean_user import LeanUser
from locust import events, task

class Reader(LeanUser):
    @task
    def front(self):
        self.client.get("/")

seen = {"calls": 0, "apart": 0, "stats": None}

@events.init.add_listener
def on_init(environment, **_):
    seen["stats"] = environment.stats

@events.request.add_listener
def on_request(**_):
    seen["apart"] = max(seen["apart"], abs(seen["stats"].total.num_requests - seen["calls"]))
    seen["calls"] += 1

@events.test_stop.add_listener
def on_stop(**_):
    print("SEEN", seen["apart"] <= 1 and seen["stats"].total.num_requests == seen["calls"] > 20, flush=True)
"""


def row(log: str) -> tuple[int, int, float, float, float]:
    """Requests, failures, average, least and greatest milliseconds, as Locust's table has them."""
    found = re.search(r"Aggregated +(\d+) +(\d+)\(\S+\) \| +(\S+) +(\S+) +(\S+)", log)
    assert found, log
    requests, failures, average, least, most = found.groups()
    return int(requests), int(failures), float(average), float(least), float(most)


def test_locusts_table_says_what_was_counted_here(generator: LocustRunner, tmp_path: Path) -> None:
    with serving("--error-every", "5") as target:
        generator.start(LoadPlan(target.url, 10, 10, 3, str(LOCUSTFILE), run="test", think_s=0.05), tmp_path)
        samples = until_ended(generator)
    requests, failures, average_ms, least_ms, most_ms = row((tmp_path / LOG_FILE).read_text())
    assert requests == sum(sample.requests for sample in samples) > 100
    assert failures == sum(sample.failures for sample in samples) > 10
    longest_ms = max(sample.max_ms for sample in samples)
    assert 0 <= least_ms <= average_ms <= most_ms == pytest.approx(longest_ms, rel=0.03, abs=1.5)


def test_a_file_that_reads_them_has_them_from_locust_itself(generator: LocustRunner, tmp_path: Path) -> None:
    for file in LOCUSTFILE.parent.glob("lean_*.py"):
        (tmp_path / file.name).write_text(file.read_text())
    mine = tmp_path / "mine.py"
    mine.write_text(READS_THEM)
    with serving() as target:
        generator.start(LoadPlan(target.url, 5, 5, 2, str(mine), run="test", think_s=0.05), tmp_path)
        samples = until_ended(generator)
    log = (tmp_path / LOG_FILE).read_text()
    assert "SEEN True" in log
    assert row(log)[0] == sum(sample.requests for sample in samples)
