"""What `inspect` says of an autoscaler's target: how much of the CPU it is, and what a load of before would have called for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.autoscaling.traps import LastLoad, measured_before
from shelterctl.core.stack.inspection import inspect
from shelterctl.settings import DEFAULTS
from shelterctl.wiring.stacks import measured
from tests.adapters.runs.test_loads import kept, load
from tests.stack.clean import changed, laid

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[2] / "examples"
LAST = LastLoad("20261130-030000-loadtest", 3600.0, 26, 70, requests_millicores=(200,))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((), "70% of the 200m requested is 140m of CPU a pod, on average; the limit is 500m"),
        ((("limits: {cpu: 500m, ", "limits: {"),), "70% of the 200m requested is 140m of CPU a pod, on average; no limit"),
        # The API server takes the limit for the request where none is stated.
        ((("cpu: 200m, ", ""),), "70% of the 500m requested is 350m of CPU a pod, on average; the limit is 500m"),
        ((("cpu: 200m, ", ""), ("cpu: 500m, ", "")), None),
    ],
)
def test_the_target_is_told_in_millicores(change: tuple[tuple[str, str], ...], said: str | None, tmp_path: Path) -> None:
    told = inspect(reader.read(laid(tmp_path / "shop", changed("k8s/web.yaml", *change))))
    assert [fact.text for fact in told.facts if "of CPU a pod" in fact.text] == ([said] if said else [])
    assert any(fact.text.startswith("HPA web: 2 to 5 replicas at 70% CPU") for fact in told.facts)


def test_notes_002_says_what_its_target_is_and_which_would_have_scaled() -> None:
    stack = reader.read(EXAMPLES / "notes-002")
    assert stack.roles.app is not None
    requests = tuple(container.cpu_request_millicores for container in stack.roles.app.containers)
    last = replace(LAST, requests_millicores=requests)
    texts = [fact.text for fact in inspect(stack, tuple(measured_before(stack, last))).facts if fact.topic == "application"]
    assert texts[-2:] == [
        "70% of the 80m requested is 56m of CPU a pod, on average; the limit is 500m",
        "the last load here (20261130-030000-loadtest) read 26% at most, 20m a pod: a target of 23% or less would have called for a pod",
    ]


@pytest.mark.parametrize(
    "last",
    [
        None,
        replace(LAST, peak_percent=78),
        replace(LAST, requests_millicores=(100,)),
        replace(LAST, requests_millicores=()),
    ],
)
def test_a_load_that_reached_it_or_was_of_other_pods_says_nothing(last: LastLoad | None, tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop"))
    assert list(measured_before(stack, LAST)) != []
    assert list(measured_before(stack, last)) == []


def test_what_is_kept_of_the_place_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stack = reader.read(laid(tmp_path / "shop", changed("k8s/web.yaml", ("cpu: 200m", "cpu: 100m"))))
    settings = replace(DEFAULTS, state_dir=str(tmp_path / "state"))
    assert measured(settings, stack) == ()
    run = kept(tmp_path / "state", load(26), namespace="default")
    (fact,) = measured(settings, stack)
    assert fact.text == f"the last load here ({run}) read 26% at most, 26m a pod: a target of 23% or less would have called for a pod"
    assert measured(replace(settings, context="elsewhere"), stack) == ()
