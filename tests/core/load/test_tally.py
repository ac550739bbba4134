"""Adding up what the generator counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd, PodTraffic
from shelterctl.core.state import PodName
from tests.core.load.examples import BEGAN, PLAN, sample

pytestmark = pytest.mark.unit


def test_a_run_of_two_pods_of_which_one_came_late() -> None:
    tally = LoadTally(PLAN)
    for second in range(1, 41):
        tally.add(sample(float(second), first_by_pod={"app-1": BEGAN + 0.2} if second == 1 else {}))
    tally.add(
        sample(
            41.0,
            by_pod={"app-1": 5, "app-2": 4, "": 1},
            first_by_pod={"app-2": BEGAN + 40.5},
            failures=1,
            failure_kinds={"ConnectionRefusedError ECONNREFUSED": 1},
            latency_bins={bin_of(20.0): 9, bin_of(300.0): 1},
            max_ms=300.0,
            by_name={"POST /data": 10},
            final=True,
        )
    )

    traffic = tally.traffic()

    assert (traffic.requests, traffic.failures, traffic.own_failures) == (410, 1, 0)
    assert [traffic.duration_s, traffic.requests_per_s] == pytest.approx([40.9, 410 / 40.9])
    assert [traffic.p50_ms, traffic.max_ms] == pytest.approx([20.0, 300.0], rel=0.01)
    assert traffic.failure_kinds == {"ConnectionRefusedError ECONNREFUSED": 1}
    assert traffic.by_name == {"GET /data/[id]": 400, "POST /data": 10}
    # The share at the end is over the last 30 s: 300 requests.
    rounded = tuple(replace(pod, first_at_s=round(pod.first_at_s, 3)) for pod in traffic.by_pod)
    assert rounded == (
        PodTraffic(PodName("app-1"), 405, 405 / 410, 295 / 300, 0.2),
        PodTraffic(PodName("app-2"), 4, 4 / 410, 4 / 300, 40.5),
        PodTraffic(PodName(""), 1, 1 / 410, 1 / 300, 0.0),
    )
    assert (tally.complete, tally.users_reached, tally.began_wall_s) == (True, 200, BEGAN)


def test_an_answer_that_grows_with_what_is_written_is_told() -> None:
    tally = LoadTally(PLAN)
    for second in range(1, 61):
        sizes = {"GET /data/[id]": 10 * 1000 * second, "POST /data": 10 * 20}
        counts = {"GET /data/[id]": 10, "POST /data": 10}
        tally.add(sample(float(second), sized_by_name=counts, bytes_by_name=sizes))
    assert [(grown.name, grown.first_bytes, grown.last_bytes) for grown in tally.traffic().grown] == [("GET /data/[id]", 8000, 53000)]
    still = LoadTally(PLAN)
    for second in range(1, 61):
        # Most of the first fail: that an answer came more often is no growth.
        answered = 3 if second < 20 else 10
        still.add(sample(float(second), sized_by_name={"GET /data/[id]": answered}, bytes_by_name={"GET /data/[id]": answered * 50_000}))
    assert still.traffic().grown == ()


def test_nothing_counted() -> None:
    traffic = LoadTally(PLAN).traffic()
    assert (traffic.requests, traffic.requests_per_s, traffic.p50_ms, traffic.max_ms, traffic.failure_ratio) == (0, 0.0, None, None, 0.0)


def test_failures_of_the_generators_own_machine_are_no_failures_of_the_service() -> None:
    tally = LoadTally(PLAN)
    tally.add(
        sample(1.0, requests=100, failures=60, failure_kinds={"OSError EMFILE": 50, "says ENOMEM": 10}, own_kinds={"OSError EMFILE": 50})
    )
    assert (tally.traffic().own_failures, tally.traffic().failure_ratio) == (50, 10 / 50)


def test_silence_is_the_time_with_users_and_without_an_answer() -> None:
    tally = LoadTally(PLAN)
    tally.add(sample(1.0))
    for second in range(2, 17):
        tally.add(sample(float(second), requests=0, by_pod={}, latency_bins={}, last_answer_s=None))
    tally.add(sample(20.0, users=0, requests=0, by_pod={}, latency_bins={}, last_answer_s=None, final=True))
    assert tally.traffic().silent_s == pytest.approx(15.1)


def test_a_full_second_is_noise_and_five_in_a_row_are_a_limit() -> None:
    tally = LoadTally(PLAN)
    for second, cpu_s in enumerate([0.3] * 10 + [1.0] + [0.3] * 9 + [1.0] * 10, 1):
        tally.add(sample(float(second), cpu_s=cpu_s))
    load = tally.generator(GeneratorEnd.FINISHED, ("a line",))
    # Windows of five full seconds end at the last six samples; none of the windows with the single full second reaches 90%.
    assert load.busy_ratio == pytest.approx(6 / 30)
    assert [load.cpu_percent_peak, load.cpu_percent_mean] == pytest.approx([100.0, 100 * 16.7 / 30])
    assert load.last_lines == ()


@pytest.mark.parametrize(("cpu_s", "busy_ratio"), [(0.95, 1.0), (0.3, 0.0)])
def test_a_run_without_a_whole_window_is_judged_by_its_mean(cpu_s: float, busy_ratio: float) -> None:
    tally = LoadTally(PLAN)
    for second in (1.0, 2.0, 3.0):
        tally.add(sample(second, cpu_s=cpu_s))
    load = tally.generator(GeneratorEnd.FINISHED, ())
    assert load.busy_ratio == busy_ratio
    assert load.cpu_percent_peak == pytest.approx(100 * cpu_s)


def test_the_last_lines_are_kept_where_the_generator_died() -> None:
    assert LoadTally(PLAN).generator(GeneratorEnd.DIED, ("MemoryError",)).last_lines == ("MemoryError",)
