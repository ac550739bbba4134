"""Users over time: stages as they are written, the shapes that have a name, and what is said of what is none."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.shape import MOST_STAGES, NAMES, Stage, length_s, named, parse_stages, plateau_s, users_at
from tests.core.load.examples import PLAN

pytestmark = pytest.mark.unit

STAGES = st.lists(st.builds(Stage, st.integers(0, 600).map(float), st.integers(0, 500)), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("texts", "stages"),
    [
        (["30s:50,2m:200,30s:0"], (Stage(30, 50), Stage(120, 200), Stage(30, 0))),
        (["30s:50", " 1m30s : 7 "], (Stage(30, 50), Stage(90, 7))),
        (["0s:9,500ms:9,1h:10"], (Stage(0, 9), Stage(0.5, 9), Stage(3600, 10))),
    ],
)
def test_what_stages_mean(texts: list[str], stages: tuple[Stage, ...]) -> None:
    assert parse_stages(texts) == stages


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30s", "“30s” is no stage: write 30s:200, how long and to how many users"),
        ("30s:-1", "“30s:-1” is no stage"),
        ("30s:1.5", "“30s:1.5” is no stage"),
        ("", "“” is no stage"),
        ("30s:50,", "“” is no stage"),
        ("30d:50", "“30d:50” is no stage"),
        ("30s:0,1m:0", "no stage has a user"),
        (",".join(["1s:1"] * (MOST_STAGES + 1)), f"{MOST_STAGES + 1} stages: at most {MOST_STAGES}"),
    ],
)
def test_what_is_no_stage_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse_stages([text])


@given(STAGES.filter(lambda stages: any(stage.users for stage in stages)))
def test_stages_are_read_as_they_are_written(stages: list[Stage]) -> None:
    assert list(parse_stages([",".join(map(str, stages))])) == stages


@given(st.text(alphabet="0123456789smh:.,- x", max_size=20))
def test_any_text_is_stages_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        assert all(stage.duration_s >= 0 for stage in parse_stages([text]))


@given(STAGES, st.floats(0, 5000))
def test_users_lie_between_the_ends_of_their_stage(stages: list[Stage], at_s: float) -> None:
    users, most = users_at(stages, at_s), max(stage.users for stage in stages)
    assert 0 <= users <= most
    if at_s >= length_s(stages):
        assert users == 0
    else:
        from_s, before = 0.0, 0
        for stage in stages:
            if at_s < from_s + stage.duration_s:
                assert min(before, stage.users) <= users <= max(before, stage.users)
                return
            from_s, before = from_s + stage.duration_s, stage.users


@given(STAGES.filter(lambda stages: length_s(stages) > 0 and any(stage.users for stage in stages)))
def test_all_users_are_there_for_the_whole_plateau(stages: list[Stage]) -> None:
    from_s, until_s = plateau_s(stages)
    most = max(stage.users for stage in stages)
    assert 0 <= from_s <= until_s <= length_s(stages)
    for part in (0.0, 0.5, 0.99):
        if until_s > from_s:
            assert users_at(stages, from_s + part * (until_s - from_s)) == most


@given(st.sampled_from(NAMES), st.integers(1, 20_000), st.integers(10, 7200))
def test_a_shape_lasts_as_long_as_asked_and_reaches_its_users(shape: str, users: int, duration_s: int) -> None:
    stages = named(shape, users, float(duration_s))
    if shape in ("constant", "soak"):
        assert stages == ()
        return
    assert length_s(stages) == pytest.approx(duration_s)
    assert max(stage.users for stage in stages) == users
    assert min(stage.users for stage in stages) >= 1


def test_each_shape_is_what_its_name_says() -> None:
    ramp, steps, spike = (named(shape, 100, 70.0) for shape in ("ramp", "steps", "spike"))
    assert [users_at(ramp, at_s) for at_s in (0, 35, 69.99)] == [0, 50, 100]
    # Four equal steps up, and three down again: ten seconds each.
    assert [users_at(steps, at_s) for at_s in (0, 9.9, 10, 25, 35, 45, 55, 65)] == [25, 25, 50, 75, 100, 75, 50, 25]
    assert [users_at(spike, at_s) for at_s in (0, 27, 29, 41, 43, 69)] == [10, 10, 100, 100, 10, 10]
    assert plateau_s(spike) == pytest.approx((28.0, 42.0))


def test_a_shape_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="--shape wave: constant, ramp, steps, spike, soak"):
        named("wave", 10, 60.0)


def test_stages_that_last_no_time_are_said_to_be_so() -> None:
    stages = (Stage(0.0, 50), Stage(0.5, 9))
    plan = replace(PLAN, stages=stages, users=50, duration_s=length_s(stages))
    assert plan.problems() == ("--stages 0s:50,0.5s:9: 0.5 s together: from 1 s to 12 h",)


def test_a_longer_or_larger_load_keeps_its_shape() -> None:
    plan = replace(PLAN, stages=(Stage(30, 50), Stage(60, 200)), users=200, duration_s=90.0)
    assert plan.command(users=100, duration_s=180.0, watched=True) == "shelterctl loadtest --stages 60s:25,120s:100"
    assert (plan.ramp_s, plan.full_until_s, plan.users_reachable) == (90.0, 90.0, 198)
