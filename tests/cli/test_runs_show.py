"""A load's course beside its result, as a document."""

from __future__ import annotations

import json

import pytest

from tests.cli.running import CommandLine
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.local


def test_a_loads_course_is_in_the_document(shelterctl: CommandLine) -> None:
    run = unpacked(shelterctl.folder / "work" / ".shelterctl" / "runs")
    told = json.loads(shelterctl.run("runs", "show", run.name, "--output", "json").out)
    # The recording has no result of its own: what there is, is told.
    assert told["result"] is None
    decided = [(course["before"], course["after"], len(course["pods"])) for course in told["course"]["courses"]]
    assert decided == [(2, 3, 1), (3, 4, 1)]
    assert told["course"]["elasticity"] is not None
