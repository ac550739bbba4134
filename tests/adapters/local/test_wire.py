"""What the supervisor tells arrives as it was."""

from __future__ import annotations

import json

import pytest

from shelterctl.adapters.local.spec import LocalSpec
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.serial import from_json, to_json
from shelterctl.core.state import Autoscaler, Condition, Happening, Mount, PodName, StackState, Usage
from tests.adapters.local.examples import SPEC
from tests.core.stack_examples import CLAIM, DATABASE, DEPLOYMENT, NOW, POD, STATEFUL_SET

pytestmark = pytest.mark.unit


def test_a_whole_stack() -> None:
    scaler = Autoscaler("app", 2, 5, 2, 3, 70, 88, (Condition("AbleToScale", True, "SucceededRescale", "to 3"),), NOW, 0.0, {"scaleUp": {}})
    state = StackState(
        NOW, "shelter", (DEPLOYMENT, STATEFUL_SET), (POD, DATABASE), scaler, (CLAIM,),
        Endpoint("app", 8000, "127.0.0.1", "http://127.0.0.1:8000", ready_pods=(PodName("app-1"),)),
        (Happening("pod/app-1", "Started", "Started container app", False, 2, NOW),),
        (Usage(PodName("app-1"), 120, 2**26, NOW, 5.0),), caveats=("no MongoDB",),
    )  # fmt: skip
    assert from_json(StackState, json.loads(json.dumps(to_json(state)))) == state


def test_a_spec_and_what_an_older_one_lacks() -> None:
    document = json.loads(json.dumps(to_json(SPEC)))
    assert from_json(LocalSpec, document) == SPEC
    del document["sync_period_s"]
    assert from_json(LocalSpec, {**document, "of_a_later_release": 1}) == SPEC


@pytest.mark.parametrize("nonsense", [{}, {"path": "/data"}, []])
def test_nonsense_is_an_error(nonsense: object) -> None:
    with pytest.raises(ValueError, match="this is no Mount"):
        from_json(Mount, nonsense)
