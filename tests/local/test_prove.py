"""`prove` from nothing on a machine without a cluster: real processes, a real load, a real kill."""

from __future__ import annotations

import signal
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest

from tests.local.stacks import Stack, left_of

pytestmark = pytest.mark.local


@pytest.mark.alone
def test_the_whole_job(fresh: Stack, tmp_path: Path) -> None:
    # A minute; the load alone may wait five for its autoscaler, and says then what it waited for.
    ran = fresh.shelterctl(
        "prove", "--junit", str(tmp_path / "proof.xml"), "--summary", str(tmp_path / "proof.md"), "--down", timeout_s=800.0
    )  # fmt: skip
    result = ran.result
    claims = {claim["claim"]: claim for claim in result["claims"]}
    assert [claim["verdict"] for claim in claims.values()] == ["PASS", "PASS", "PASS", None], ran.shown()
    assert "ready at" in claims["scale"]["text"]
    assert "names exist on a cluster only" in claims["names"]["text"]
    # Each claim's evidence is a run of its own, as the command by itself leaves one.
    for name, command in (("deploy", "up"), ("scale", "loadtest"), ("data", "chaos kill-db")):
        run = claims[name]["run"]
        assert run.endswith(command.removeprefix("chaos "))
        assert fresh.shelterctl("runs", "show", run).document["command"] == command
    suite = tree.parse(tmp_path / "proof.xml").getroot()
    assert {case.get("name"): [child.tag for child in case] for case in suite} == {
        "deploys": ["system-out"],
        "scales": ["system-out"],
        "keeps its data": ["system-out"],
        "resolves its names": ["skipped"],
    }
    # The report of it is held to the runs, and tells the same.
    report = next(Path(line.partition("Report: ")[2]) for line in ran.stderr.splitlines() if line.startswith("Report: "))
    page = report.read_text()
    assert [page.count(f'<article class="card {kind}">') for kind in ("pass", "fail", "unknown")] == [3, 0, 0]
    assert fresh.shelterctl("report", "--verify", str(report)).result["held"] is True
    assert (tmp_path / "proof.md").read_text().startswith("### PASS: 3 of 3 claims proved")
    # It was deployed by this run, and is gone with it.
    assert left_of(fresh.home) == []
    assert fresh.shelterctl("status", expect=4).error["what"].startswith("nothing is deployed")


def test_parts_of_it_and_a_stack_that_was_there_stays(stack: Stack, tmp_path: Path) -> None:
    ran = stack.shelterctl("prove", "--only", "deploy", "--down", environment={"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")})
    assert [claim["verdict"] for claim in ran.result["claims"]] == ["PASS", None, None, None]
    assert "the stack was there before this run, and stays" in ran.stderr
    assert len(stack.pods("app")) == 2
    assert "| ✅ PASS | deploys |" in (tmp_path / "summary.md").read_text()


def test_what_does_not_deploy_fails_and_the_rest_is_open(fresh: Stack, tmp_path: Path) -> None:
    from tests.cluster.projects import copy_project

    project = copy_project(tmp_path / "project")
    project.prepend("app/gunicorn.conf.py", "import sys\nsys.exit('the configuration is missing')\n")
    ran = fresh.shelterctl("prove", *project.option, expect=6)
    claims = ran.result["claims"]
    assert [claim["verdict"] for claim in claims] == ["FAIL", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
    assert "crashes" in claims[0]["text"]
    assert {claim["text"] for claim in claims[1:]} == {"nothing was deployed to look at"}


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--only", "scael"], "no claim is called scael (did you mean scale?)"),
        (["--only", "deploy", "--skip", "deploy"], "nothing is left to prove"),
        (["--users", "0"], "--users 0: at least one user"),
        (["--duration", "soon"], "--duration: “soon” is not a duration: write 45s, 5m or 1m30s"),
    ],
)
def test_what_cannot_be_meant(fresh: Stack, arguments: list[str], what: str) -> None:
    assert fresh.shelterctl("prove", *arguments, expect=2).error["what"] == what


def test_whoever_breaks_the_load_off_wants_no_database_killed_after_it(stack: Stack) -> None:
    stack.wait_until_ready(2)
    pid = stack.processes()["db-0"]
    running = stack.shelterctl.start("prove", "--users", "20", output="jsonl")
    running.wait_for_step("load")
    running.signal(signal.SIGINT)
    ran = running.end()
    assert ran.exit_code == 130, ran.shown()
    claims = {claim["claim"]: claim for claim in ran.result["claims"]}
    assert [claims[name]["verdict"] for name in ("deploy", "scale", "data", "names")] == ["PASS", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
    assert claims["data"]["text"] == "interrupted before it was looked at"
    assert stack.processes()["db-0"] == pid
