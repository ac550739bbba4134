"""`shelterctl explain`: without a stack, a target or a run."""

from __future__ import annotations

import json

import pytest

from shelterctl.adapters.explained import read
from tests.cli.running import ROOT, CommandLine

pytestmark = pytest.mark.local


def test_an_exit_code_is_told(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("explain", "6")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("6: a check failed   (Exit codes)\n  A verdict is FAIL: ")


def test_the_list_names_every_entry(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("explain")
    words = ran.out.replace(",", " ")
    assert [entry.name for entry in read() if f" {entry.name} " not in words.replace("\n", " ")] == []


def test_words_need_no_quotes_and_commands_stand_as_they_are_written(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("explain", "target", "in", "reach", SHELTERCTL_NAMESPACE="other", SHELTERCTL_TARGET="local")
    assert "shelterctl up --cpu-target N with" in ran.out


def test_json_has_the_same(shelterctl: CommandLine) -> None:
    (entry,) = json.loads(shelterctl.run("explain", "lost", "--output", "json").out)["result"]
    assert entry["name"] == "lost"
    assert entry["means"].startswith("FAIL. ")
    assert len(json.loads(shelterctl.run("explain", "-o", "json").out)["result"]) == len(read())


def test_a_word_that_is_none_names_the_nearest(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("explain", "hpa-twise")
    assert (ran.code, ran.out) == (2, "")
    assert "nothing is explained by the name hpa-twise (did you mean hpa-twice?)" in ran.err


def test_each_finding_that_inspect_shows_names_its_page(shelterctl: CommandLine) -> None:
    folder = str(ROOT / "examples" / "notes")
    shown = [line.strip() for line in shelterctl.run("inspect", "--verbose", "--project-dir", folder).out.splitlines()]
    findings = json.loads(shelterctl.run("inspect", "--project-dir", folder, "--output", "json").out)["result"]["findings"]
    assert len(findings) > 3
    for finding in findings:
        assert f"More: shelterctl explain {finding['code']}" in shown
        assert shelterctl.run("explain", finding["code"]).code == 0
