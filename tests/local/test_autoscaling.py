"""The autoscaler's commands on the embedded target, whose controller is the model itself: a real load, explained, replayed, simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.stacks import Stack

pytestmark = pytest.mark.local


def test_a_load_is_explained_replayed_and_simulated(fresh: Stack, tmp_path: Path) -> None:
    # A target that a small load passes, so that the machine is not asked for much.
    fresh.shelterctl("up", "--cpu-target", "15", "--max", "3")
    told = fresh.shelterctl("hpa", "explain").result
    assert told["autoscaler"]["cpu_target_percent"] == 15
    # Its first metric is on its way: that is a matter of seconds, and no fault.
    assert [trap["state"] for trap in told["traps"]] in ([], ["warning"])
    loaded = fresh.shelterctl(
        "loadtest", "--stages", "5s:40,40s:40", "--fail-on", "replicas < 3", "--fail-on", "errors > 1%", expect=None
    )  # fmt: skip
    held = {item["condition"]: item["holds"] for item in loaded.result["conditions"]}
    assert held == {"replicas < 3": False, "errors > 1%": False}, loaded.shown()

    assert fresh.shelterctl("hpa", "explain").result["traps"] == []
    replayed = fresh.shelterctl("hpa", "replay").result
    decided = [item for item in replayed["passes"] if item["before"] != item["after"]]
    assert [item["after"] for item in decided][-1] == 3
    assert all(item["after"] == item["model_after"] or item["differs"] for item in replayed["passes"]), replayed["passes"]
    assert replayed["readings_agree"] >= 0.8 * replayed["readings"]

    simulated = fresh.shelterctl("hpa", "simulate", "--target", "15,60").result
    own, gentle = simulated["results"]
    assert gentle["pod_minutes"] <= own["pod_minutes"]
    assert fresh.shelterctl("hpa", "recommend", "--slo", "p95 < 2s").result["found"]["tried"] > 10

    figure = tmp_path / "load.svg"
    shown = fresh.shelterctl("runs", "show", replayed["run"], "--svg", str(figure), output="csv").stdout
    assert shown.startswith("second,requests,")
    assert figure.read_text().startswith("<svg ")


def test_settings_are_written_and_set_back(fresh: Stack) -> None:
    fresh.shelterctl("up", "--cpu-target", "3", "--max", "4")
    fresh.shelterctl("loadtest", "--users", "20", "--duration", "25s", expect=None)
    told = fresh.shelterctl("hpa", "recommend", "--apply", "--yes").result
    chosen, before = (told["recommended"]["found"][name] for name in ("best", "as_it_is"))
    # What is written is what was chosen, whatever a small load on a busy machine makes of it; the same settings are not written again.
    written = chosen["setting"] != before["setting"]
    assert told["undo"].endswith("--min 2 --max 4 --cpu-target 3") is written
    found = fresh.state()["autoscaler"]
    names = {"minimum": "minimum", "maximum": "maximum", "cpu_target_percent": "target_percent"}
    assert {name: found[name] for name in names} == {name: chosen["setting"][other] for name, other in names.items()}


def test_a_change_of_code_under_load_costs_no_request(fresh: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    fresh.shelterctl("new", str(folder))
    fresh.shelterctl.folder = folder
    fresh.shelterctl("up")
    source = folder / "app" / "shelter_app" / "health_views.py"
    source.write_text(source.read_text().replace("Hello from shelter", "Hello again from shelter"))
    load = ("loadtest", "--users", "20", "--duration", "40s", "--during", "up", "--yes")
    rolled = fresh.shelterctl(*load, expect=None).result
    assert rolled["deployed"]["changed"]
    # On a busy machine the generator may be late itself: then nothing failed, and no more is said.
    doubted = {check["name"] for check in rolled["load"]["checks"] if check["judgement"]["verdict"] != "PASS"} - {"scaling"}
    found = (rolled["failures"], rolled["judgement"]["verdict"], doubted)
    assert found in ((0, "PASS", set()), (0, "UNKNOWN", {"generator"})), rolled["judgement"]
    assert rolled["requests"] > 100
    # The second time there is nothing to roll out, and nothing was shown.
    again = fresh.shelterctl("loadtest", "--users", "5", "--duration", "10s", "--during", "up", "--yes", expect=7).result
    assert again["judgement"]["reasons"][0]["text"].startswith("nothing was rolled out")
