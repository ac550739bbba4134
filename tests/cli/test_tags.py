"""A run's tag on the command line: given by a load, listed, and taken wherever a run is."""

from __future__ import annotations

import json

import pytest

from tests.adapters.swarm.load_target import serving
from tests.cli.running import CommandLine

pytestmark = pytest.mark.local


def test_a_load_is_listed_and_found_by_its_tag(shelterctl: CommandLine) -> None:
    with serving() as target:
        # Of two processes, for what the command line makes of them.
        load = ("loadtest", "--host", target.url, "--users", "4", "--duration", "3s", "--think", "50ms", "--processes", "2")
        ran = shelterctl.run(*load, "--tag", "smoke", "-o", "json")
        counted = target.count()
    told = json.loads(ran.out)
    # UNKNOWN where this machine was too busy to send what was asked: that is no matter of this test.
    verdict = {0: "PASS", 7: "UNKNOWN"}[ran.code]
    assert told["result"]["traffic"]["requests"] == counted, ran.err
    assert [process["name"] for process in told["result"]["generator"]["processes"]] == ["process 1", "process 2"]
    shelterctl.run("down", "--context", "gone", "--yes")
    first, second, third = shelterctl.run("runs", "list").out.splitlines()
    assert first.split() == ["run", "exit", "tag", "verdict"]
    assert second.split() == [told["run"], str(ran.code), "smoke", verdict]
    assert third.split()[1:] == ["4"]
    listed = json.loads(shelterctl.run("runs", "list", "-o", "json").out)["result"]
    assert [run["tag"] for run in listed] == ["smoke", ""]
    assert shelterctl.run("runs", "show", "smoke").out.splitlines()[0] == f"Run {told['run']} (smoke)"
    assert json.loads(shelterctl.run("runs", "show", "smoke", "-o", "json").out)["run"] == told["run"]
    assert told["run"] in shelterctl.run("report", "smoke", "--file", "report.html", "-o", "json").out
    # A load without an autoscaler cannot be replayed: told of that run, and not that there is none.
    assert told["run"] in shelterctl.run("hpa", "replay", "smoke").err
    wrong = shelterctl.run("runs", "show", "smoky")
    assert (wrong.code, wrong.err.splitlines()[0]) == (2, "✗ no run is called “smoky” (did you mean smoke?)")


def test_no_tag_says_what_a_word_means_already(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("loadtest", "--host", "http://127.0.0.1:9", "--tag", "last")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "✗ --tag last: the newest run is called so already")
