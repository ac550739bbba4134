"""What `hpa recommend` writes into an autoscaler, and into whose."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.cli import checking
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.state import Autoscaler, Place
from shelterctl.errors import Refused
from shelterctl.ops.hpa.simulate import recommendation
from tests.core.autoscaling.examples import pod, scaler, state, unpacked

pytestmark = pytest.mark.unit


class Written:
    """A stack with an autoscaler, and what was written into it."""

    def __init__(self, now: Autoscaler, **changes: object) -> None:
        self.now, self.settings = now, list[ScalerSettings]()
        self.pod = pod(0, **{"cpu_requests_millicores": (100,), "cpu_limits_millicores": (500,), **changes})

    def state(self, *, with_usage: bool) -> Any:
        return state(self.now, 5, 5, pods=(self.pod, self.pod))

    def set_autoscaler(self, scaler: Autoscaler, settings: ScalerSettings) -> str:
        self.settings.append(settings)
        return "undo"


class Held:
    def __enter__(self) -> None: ...

    def __exit__(self, *details: object) -> None: ...


def session(target: Any = None, context: str = "minikube", namespace: str = "shelter") -> Any:
    wiring = SimpleNamespace(target=target, place=Place(context, namespace))
    return SimpleNamespace(wiring=wiring, confirm_context=lambda _: None, lock=lambda *_: Held())


def test_a_load_of_one_stack_sets_no_other(tmp_path: Any) -> None:
    recording = replace(read_recording(unpacked(tmp_path)), context="minikube", namespace="shelter")
    checking.same_place(session(), recording)
    for elsewhere in (session(namespace="other"), session(context="kind")):
        with pytest.raises(Refused, match="is a load of namespace shelter in minikube, and the HPA here is that of"):
            checking.same_place(elsewhere, recording)
    with pytest.raises(Refused, match="of a stack that it does not name"):
        checking.same_place(session(), replace(recording, context="", namespace=""))


def test_settings_are_held_to_what_stands_there_now(tmp_path: Any) -> None:
    result = recommendation(read_recording(unpacked(tmp_path)), "p95 < 10s")
    chosen = result.found.chosen.setting
    # Since the load somebody has written other settings, whatever the recommendation made of those of then.
    same = replace(result, found=replace(result.found, as_it_is=result.found.chosen))
    changed = Written(scaler(5, minimum=1, maximum=9, cpu_target_percent=35))
    assert checking.applied(session(changed), same) == "undo"
    assert (changed.settings[0].minimum, changed.settings[0].maximum) == (chosen.minimum, chosen.maximum)
    assert changed.settings[0].cpu_target_percent == chosen.target_percent
    window = {"scaleDown": {"stabilizationWindowSeconds": int(chosen.down_window_s)}}
    bounds = {"minimum": chosen.minimum, "maximum": chosen.maximum, "cpu_target_percent": chosen.target_percent}
    there = Written(scaler(5, behavior=window, **bounds))
    assert checking.applied(session(there), result) == ""
    assert there.settings == []


@pytest.mark.parametrize("changes", [{"cpu_requests_millicores": (250,)}, {"cpu_limits_millicores": (None,)}])
def test_a_load_of_other_pods_sets_nothing(tmp_path: Any, changes: dict[str, object]) -> None:
    result = recommendation(read_recording(unpacked(tmp_path)), "p95 < 10s")
    there = Written(scaler(5), **changes)
    with pytest.raises(Refused, match="a pod had 100m of CPU requested, at most 500m, and has"):
        checking.applied(session(there), result)
    assert there.settings == []
