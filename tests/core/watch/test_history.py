"""The graph of the replicas: what a column and a line stand for, and that nothing is lost by downsampling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.watch.history import KEPT_S, HistorySample, cpu_graph, remember, replica_graph, span_s

pytestmark = pytest.mark.unit

SCALE_UP = (
    HistorySample(0.0, 2, 2, 4),
    HistorySample(60.0, 4, 2, 150),
    HistorySample(75.0, 4, 4, 150),
    HistorySample(120.0, 5, 4, 184),
    HistorySample(150.0, 5, 5, 184),
)


def drawn(history: tuple[HistorySample, ...], now_s: float, span: float, columns: int, rows: int, limits: tuple[int, int]) -> list[str]:
    return [line.text for line in replica_graph(history, now_s, span, columns, rows, limits)]


def test_a_scale_up_has_a_solid_line_for_desired_and_a_dotted_one_for_ready_where_it_lags() -> None:
    assert drawn(SCALE_UP, 180.0, 180.0, 42, 8, (2, 5)) == [
        "   5 ┤                        ╭───────────",
        "   4 ┤            ╭───────────╯╌╌╌╌╌╯     ",
        "   3 ┤            │  ╎                    ",
        "   2 ┤────────────╯╌╌╯                    ",
        "     └──────── -2 min ──── -1 min ────────",
    ]


def test_where_fewer_lines_than_replicas_fit_the_lines_are_a_scale() -> None:
    history = (HistorySample(0.0, 2, 2, None), HistorySample(20.0, 90, 2, None), HistorySample(40.0, 90, 50, None))
    assert drawn(history, 60.0, 60.0, 26, 4, (2, 10)) == [
        "  90 ┤      ╭─────────────",
        "  61 ┤      │       ╭╌╌╌╌╌",
        "  31 ┤      │       ╎     ",
        "   2 ┤──────╯╌╌╌╌╌╌╌╯     ",
        "     └─────── -30 s ──────",
    ]


def test_what_was_before_the_watch_is_left_blank() -> None:
    assert drawn((HistorySample(150.0, 2, 2, 4),), 180.0, 180.0, 24, 4, (2, 3)) == [
        "   3 ┤                  ",
        "   2 ┤               ───",
        "     └──────── -1 min ──",
    ]


def test_a_pod_that_was_away_for_less_than_a_column_is_seen() -> None:
    history = (HistorySample(0.0, 2, 2, None), HistorySample(30.2, 2, 1, None), HistorySample(30.6, 2, 2, None))
    assert drawn(history, 60.0, 60.0, 18, 2, (1, 2)) == [
        "   2 ┤────────────",
        "   1 ┤      ╰╯    ",
        "     └─── -30 s ──",
    ]


def bars(history: tuple[HistorySample, ...], now_s: float, span: float, columns: int, rows: int, target: int | None) -> list[str]:
    return [line.text for line in cpu_graph(history, now_s, span, columns, rows, target)]


def test_the_readings_stand_on_a_scale_to_the_highest_with_the_target_dotted() -> None:
    assert bars(SCALE_UP, 180.0, 180.0, 24, 3, 70) == [
        "184% ┤      ▄▄▄▄▄▄██████",
        " 70% ┤┄┄┄┄┄┄████████████",
        "      ▁▁▁▁▁▁████████████",
    ]


def test_below_the_target_the_target_is_the_scale() -> None:
    short = (HistorySample(0.0, 2, 2, 35), HistorySample(30.0, 2, 2, None))
    assert bars(short, 60.0, 60.0, 12, 2, 70) == [" 70% ┤┄┄┄┄┄┄", "      ███   "]


def test_one_line_of_readings_has_no_scale() -> None:
    assert bars(SCALE_UP, 180.0, 180.0, 24, 1, 70) == ["cpu   ▁▁▁▁▁▁▇▇▇▇▇▇██████"]


def test_the_span_grows_with_the_watch() -> None:
    assert [span_s(seconds) for seconds in (0, 60, 61, 200, 301, 899, 5000)] == [60, 60, 120, 300, 600, 900, 900]


def test_a_sample_that_says_nothing_new_is_not_kept() -> None:
    assert remember(SCALE_UP, HistorySample(170.0, 5, 5, 184)) == SCALE_UP


def test_what_no_graph_reaches_is_forgotten_but_not_what_still_held_at_its_edge() -> None:
    late = HistorySample(KEPT_S + 200.0, 2, 2, 3)
    assert remember(SCALE_UP, late) == (*SCALE_UP[3:], late)


samples = st.lists(st.tuples(st.floats(0, 900), st.none() | st.integers(0, 120), st.integers(0, 120), st.none() | st.integers(0, 400)))


@given(samples, st.integers(12, 120), st.integers(2, 20), st.sampled_from([60.0, 300.0, 900.0]))
def test_whatever_happened_every_line_has_the_width_that_was_asked_for(
    found: list[tuple[float, int | None, int, int | None]], columns: int, rows: int, span: float
) -> None:
    history = tuple(HistorySample(*values) for values in sorted(found, key=lambda item: item[0]))
    lines = drawn(history, 900.0, span, columns, rows, (2, 5))
    assert {len(line) for line in lines} == {columns}
    assert 3 <= len(lines) <= rows + 1
    assert {len(line) for line in bars(history, 900.0, span, columns, min(rows, 4), 70)} == {columns}
