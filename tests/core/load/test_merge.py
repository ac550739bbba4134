"""Merging what several generator processes count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelterctl.core.load.histogram import RELATIVE_ERROR, bin_of
from shelterctl.core.load.merge import SILENT_S, Merge
from shelterctl.core.load.plan import Expectations, LoadSample
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.load.verdict import judge_load
from shelterctl.core.verdict import Verdict
from tests.core.load.examples import BEGAN, PLAN, sample

pytestmark = pytest.mark.unit


def told(merge: Merge, seconds: Sequence[tuple[str, float, LoadSample]], *, until_s: float = 1e9) -> list[LoadSample]:
    """All seconds, given as they arrive, each asked for at once; then the end."""
    found: list[LoadSample] = []
    lines: dict[str, int] = {}
    for name, arrived_s, second in seconds:
        lines[name] = lines.get(name, 1) + 1
        merge.add(name, second, arrived_s, lines[name])
        found += merge.take(arrived_s)
    merge.end()
    return [*found, *merge.take(BEGAN + until_s)]


def test_two_processes_add_up_second_by_second() -> None:
    seconds = [
        (name, BEGAN + at_s + 0.01, sample(float(at_s), users=100, by_pod={f"app-{name}": 10}, final=at_s == 3))
        for at_s in (1, 2, 3)
        for name in ("process 1", "process 2")
    ]
    merged = told(Merge(("process 1", "process 2"), BEGAN, 2), seconds)
    assert [(item.requests, item.users, item.final) for item in merged] == [
        (20, 200, False),
        (20, 200, False),
        (20, 200, False),
        (0, 0, True),
    ]
    assert [item.elapsed_s for item in merged] == pytest.approx([1, 2, 3, 3])
    assert [item.interval_s for item in merged] == pytest.approx([1, 1, 1, 0])
    assert merged[0].by_pod == {"app-process 1": 10, "app-process 2": 10}
    assert not any(item.told for item in merged)


LATENCIES = st.lists(st.floats(0.02, 60_000.0), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("a", "b", "c")), LATENCIES, st.floats(0.0, 9.0), st.floats(-0.4, 0.4)), min_size=1, max_size=30),
    st.dictionaries(st.sampled_from(("a", "b", "c")), st.floats(-3600.0, 3600.0)),
)
def test_nothing_is_lost_and_percentiles_are_those_of_all_values(
    told_in: list[tuple[str, list[float], float, float]], ahead: dict[str, float]
) -> None:
    """Whatever the order of arrival, the delay on the way, the jitter of the seconds and the clocks' difference."""
    merge = Merge(("a", "b", "c"), BEGAN, 3)
    seconds: list[tuple[str, float, LoadSample]] = []
    at: dict[str, float] = {}
    for name, values, delay_s, jitter_s in told_in:
        at[name] = at.get(name, 0.0) + 1.0 + jitter_s
        bins: dict[int, int] = {}
        for value in values:
            bins[bin_of(value)] = bins.get(bin_of(value), 0) + 1
        second = sample(
            at[name], requests=len(values), latency_bins=bins, max_ms=max(values), by_pod={name: len(values)},
            by_name={"GET /": len(values)},
            wall_s=BEGAN + at[name] + ahead.get(name, 0.0), interval_s=1.0 + jitter_s,
        )  # fmt: skip
        seconds.append((name, BEGAN + at[name] + delay_s, second))
    latest: dict[str, float] = {}
    for index, (name, arrived_s, second) in enumerate(seconds):
        latest[name] = max(latest.get(name, 0.0), arrived_s)  # one process's own messages keep their order
        seconds[index] = (name, latest[name], second)
    seconds.sort(key=lambda item: item[1])
    merged = told(merge, seconds)

    tally = LoadTally(PLAN)
    for item in merged:
        tally.add(item)
    everything = sorted(value for _, values, _, _ in told_in for value in values)
    assert tally.requests == len(everything)
    assert [item.elapsed_s for item in merged] == sorted(item.elapsed_s for item in merged)
    assert all(item.interval_s >= 0 for item in merged)
    assert [item.final for item in merged] == [False] * (len(merged) - 1) + [True]
    for percent in (50, 95, 99):
        rank = max(1, -(-len(everything) * percent // 100))
        measured = tally.of().latency.percentile(percent)
        assert measured == pytest.approx(everything[rank - 1], rel=RELATIVE_ERROR * 1.001)
    # Each process's own time is its own: it neither adds up nor is thinned out by the others.
    for process in tally.generator(GeneratorEnd.FINISHED, ()).processes:
        assert process.seconds == pytest.approx(at[process.name])
        assert process.requests == sum(len(values) for name, values, _, _ in told_in if name == process.name)


def test_a_clock_that_is_an_hour_ahead_puts_nothing_elsewhere() -> None:
    seconds = []
    for at_s in (1, 2, 3, 4):
        seconds.append(("here", BEGAN + at_s + 0.01, sample(float(at_s), requests=10, latency_bins={bin_of(20.0): 10})))
        there = sample(float(at_s), wall_s=BEGAN + at_s + 3600, first_by_pod={"app-9": BEGAN + 3600.5} if at_s == 1 else {})
        seconds.append(("there", BEGAN + at_s + 0.05, there))
    merged = told(Merge(("here", "there"), BEGAN, 2), seconds)
    assert [item.requests for item in merged] == [20, 20, 20, 20, 0]
    assert merged[-1].elapsed_s == pytest.approx(4.05)
    assert merged[0].first_by_pod == {"app-9": pytest.approx(BEGAN + 0.55)}


def test_a_silent_process_is_not_waited_for_and_counts_when_it_speaks_again() -> None:
    merge = Merge(("a", "b"), BEGAN, 2)
    found: list[LoadSample] = []
    for at_s in range(1, 11):
        merge.add("a", sample(float(at_s)), BEGAN + at_s, at_s + 1)
        if at_s == 1:
            merge.add("b", sample(1.0), BEGAN + 1, 2)
        found += merge.take(BEGAN + at_s)
        if at_s == 4:
            assert [item.requests for item in found] == [20]
        if at_s == 1 + SILENT_S + 1:
            assert len(found) == at_s
    merge.add("b", sample(9.5, requests=90, interval_s=8.5), BEGAN + 10.5, 3)
    merge.end()
    found += merge.take(BEGAN + 11)
    assert sum(item.requests for item in found) == 10 * 10 + 10 + 90


def test_a_process_that_dies_is_told_with_what_it_had_counted() -> None:
    merge = Merge(("process 1", "process 2"), BEGAN, 3)
    for at_s in range(1, 21):
        merge.add("process 1", sample(float(at_s), final=at_s == 20), BEGAN + at_s, at_s + 1)
        if at_s <= 5:
            merge.add("process 2", sample(float(at_s)), BEGAN + at_s, at_s + 1)
        if at_s == 10:
            merge.lose("process 2", "stopped answering", BEGAN + 10)
    merge.refuse("elsewhere", "it has Locust 1.0")
    merge.end()
    merged = merge.take(BEGAN + 21)
    assert sum(item.requests for item in merged) == 250
    assert merged[-1].final
    assert [text for item in merged for text in item.told] == [
        "2 of 3 generator processes were there: process 1, process 2",
        "process 2 stopped answering (10 s into the load): 50 requests of it are counted, until 5.0 s; what it sent after that is not",
        "a process on elsewhere was refused: it has Locust 1.0",
    ]
    # Its users are gone with it.
    assert merged[-1].users == 200


def test_a_process_that_is_found_again_is_counted_and_the_load_in_doubt() -> None:
    merge = Merge(("process 1",), BEGAN, 1)
    merge.add("process 1", sample(1.0), BEGAN + 1, 2)
    merge.lose("process 1", "stopped answering", BEGAN + 6)
    found = merge.take(BEGAN + 7)
    merge.find_again("process 1", BEGAN + 8)
    merge.add("process 1", sample(8.0, requests=70), BEGAN + 8, 3)
    # It is waited for again.
    merge.add("process 1", sample(9.0, final=True), BEGAN + 9, 4)
    merge.end()
    found += merge.take(BEGAN + 9)
    assert sum(item.requests for item in found) == 90
    assert [text for item in found for text in item.told] == [
        "process 1 stopped answering (6 s into the load): 10 requests of it are counted, until 1.0 s; what it sent after that is not",
        "process 1 answered again (8 s into the load): what it tells from then on is counted",
    ]


def test_who_is_refused_where_nobody_is_missing_puts_nothing_in_doubt() -> None:
    merge = Merge(("process 1",), BEGAN, 1)
    merge.add("process 1", sample(240.0, requests=1000, by_pod={"app-1": 1000}, users=200, final=True), BEGAN + 240, 2)
    merge.refuse("elsewhere", "it does not know this load's key")
    merge.end()
    tally = LoadTally(PLAN)
    merged = merge.take(BEGAN + 240)
    for item in merged:
        tally.add(item)
    assert [text for item in merged for text in item.noticed] == ["a process on elsewhere was refused: it does not know this load's key"]
    generator = tally.generator(GeneratorEnd.FINISHED, ())
    assert (generator.lost, [process.name for process in generator.processes]) == ((), ["process 1"])
    judged = judge_load(PLAN, Expectations(), tally.traffic(), generator, None, None, interrupted=False)
    assert judged.judgement.verdict is Verdict.PASS


def test_a_line_that_did_not_arrive_is_told() -> None:
    merge = Merge(("process 1",), BEGAN, 1)
    merge.add("process 1", sample(1.0), BEGAN + 1, 2)
    merge.add("process 1", sample(4.0, final=True), BEGAN + 4, 5)
    merge.end()
    assert [text for item in merge.take(BEGAN + 4) for text in item.told] == [
        "2 of the counts of process 1 did not arrive: its requests in them are not counted"
    ]


def test_a_master_that_dies_leaves_no_final_sample() -> None:
    merge = Merge(("process 1",), BEGAN, 1)
    merge.add("process 1", sample(1.0), BEGAN + 1, 2)
    assert [(item.requests, item.final) for item in merge.rest()] == [(10, False)]
    assert merge.rest() == []


def _busy(*cpu_s: float) -> LoadTally:
    names = [f"process {number}" for number in range(1, len(cpu_s) + 1)]
    seconds = [
        (
            name,
            BEGAN + at_s,
            sample(float(at_s), cpu_s=cpu, users=100, lag_bins={bin_of(300.0 if cpu > 0.9 else 1.0): 20}, lag_max_ms=300.0),
        )
        for at_s in range(1, 241)
        for name, cpu in zip(names, cpu_s, strict=True)
    ]
    tally = LoadTally(PLAN)
    for item in told(Merge(names, BEGAN, len(names)), seconds):
        tally.add(item)
    return tally


def test_its_own_limit_is_that_of_each_process_and_not_of_the_sum() -> None:
    generator = _busy(0.6, 0.6).generator(GeneratorEnd.FINISHED, ())
    assert (generator.busy_ratio, round(generator.cpu_percent_mean)) == (0.0, 60)

    tally = _busy(0.2, 0.95, 0.2, 0.2)
    generator = tally.generator(GeneratorEnd.FINISHED, ())
    judged = judge_load(PLAN, Expectations(), tally.traffic(), generator, None, None, interrupted=False)
    assert judged.judgement.verdict is Verdict.UNKNOWN
    texts = [reason.text for reason in judged.judgement.reasons]
    assert texts[0].startswith("the generator (process 2) was at its own limit")
    assert texts[1].startswith("the generator (process 2) was late itself")


def test_a_lost_process_makes_the_verdict_unknown_and_hides_no_failure() -> None:
    tally = LoadTally(PLAN)
    tally.add(replace(sample(240.0, requests=1000, by_pod={"app-1": 1000}), told=("process 2 died",), final=True))
    generator = tally.generator(GeneratorEnd.FINISHED, ())
    passing = judge_load(PLAN, Expectations(), tally.traffic(), generator, None, None, interrupted=False)
    assert (passing.judgement.verdict, passing.judgement.reasons[0].text) == (Verdict.UNKNOWN, "process 2 died")

    tally.add(sample(240.0, requests=1000, failures=500, failure_kinds={"HTTP 500": 500}))
    failing = judge_load(PLAN, Expectations(), tally.traffic(), tally.generator(GeneratorEnd.FINISHED, ()), None, None, interrupted=False)
    assert failing.judgement.verdict is Verdict.FAIL
    assert "process 2 died" in [reason.text for reason in failing.judgement.reasons]
