"""What a deployment may be asked to be."""

from __future__ import annotations

from typing import Any

import pytest

from shelterctl.core.deploy.stack import ApplyReport, Change, ObjectChange, StackOptions

pytestmark = pytest.mark.unit

PAIR = "--replicas asks for a fixed number of pods: it excludes --min, --max and --cpu-target"


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, ()),
        ({"cpu_target_percent": 50, "minimum": 1, "maximum": 100, "node_port": 30000}, ()),
        ({"minimum": 3, "maximum": 3}, ()),
        ({"replicas": 2, "node_port": 32767}, ()),
        ({"cpu_target_percent": 0}, ("--cpu-target 0: a percentage of the requested CPU, from 1 to 1000",)),
        ({"minimum": 0}, ("--min 0: a number of pods from 1 to 100",)),
        ({"maximum": 101}, ("--max 101: a number of pods from 1 to 100",)),
        ({"replicas": -1}, ("--replicas -1: a number of pods from 1 to 100",)),
        ({"minimum": 4, "maximum": 3}, ("--min 4 is more than --max 3",)),
        ({"node_port": 80}, ("--node-port 80: a port from 30000 to 32767, the range of NodePorts",)),
        ({"replicas": 2, "minimum": 1}, (PAIR,)),
        ({"replicas": 2, "maximum": 3}, (PAIR,)),
        ({"replicas": 2, "cpu_target_percent": 50}, (PAIR,)),
    ],
)
def test_options_and_what_is_wrong_with_them(options: dict[str, Any], problems: tuple[str, ...]) -> None:
    assert StackOptions("minikube", "shelter-app:x", **options).problems() == problems


def test_an_apply_report_by_change() -> None:
    made = ObjectChange("deployment/app", "shelter", Change.CREATED)
    same = ObjectChange("service/app", "shelter", Change.UNCHANGED)
    report = ApplyReport((made, same))
    assert (report.of(Change.CREATED), report.of(Change.PRUNED), report.changed_anything) == ((made,), (), True)
    assert not ApplyReport((same,)).changed_anything
    assert ApplyReport((ObjectChange("service/old", "shelter", Change.PRUNED),)).changed_anything
