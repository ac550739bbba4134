"""Which pods are meant by the name of a part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.adapters.parts import pods_of_part
from shelterctl.core.state import PodName, Role
from shelterctl.errors import NotDeployed, UsageError
from tests.core.stack_examples import DATABASE, POD

pytestmark = pytest.mark.unit

FRONT = replace(POD, name=PodName("web-1"), role=Role.OTHER, workload="web")
STRANGER = replace(POD, name=PodName("x-1"), role=None)


def test_a_part_is_app_db_or_a_workload_by_its_name() -> None:
    pods = [POD, FRONT, DATABASE, STRANGER]
    assert [pods_of_part(pods, part) for part in ("app", "web", "db")] == [[POD], [FRONT], [DATABASE]]


def test_what_is_no_part_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        pods_of_part([POD, FRONT], "wep")
    assert caught.value.what == "logs of what? app, db or web, not “wep” (did you mean web?)"
    with pytest.raises(NotDeployed):
        pods_of_part([POD], "db")
