"""A load from its options, and the command line that means the same load for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.cli.loading import Asked, plan_of
from shelterctl.core.load.plan import LoadPlan
from shelterctl.settings import Settings

pytestmark = pytest.mark.unit


def plan(asked: Asked) -> LoadPlan:
    return plan_of(asked, Settings(), "http://service", (Path("shelter.py"), {}), Path("request.py"))


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        (Asked(), ()),
        (Asked(think="50ms"), ("--think 50ms",)),
        (Asked(concurrency=5, requests=200), ("--think 0s",)),
        (Asked(rate="300/s", path="/data?limit=1"), ("--rate 300/s", "--path '/data?limit=1'")),
    ],
)
def test_what_is_said_again_means_the_same_users(asked: Asked, again: tuple[str, ...]) -> None:
    assert plan(asked).asked == again


def test_users_who_never_pause_are_the_same_by_either_option() -> None:
    assert plan(Asked(concurrency=5)).think_s == plan(Asked(users=5, think="0s")).think_s == 0
