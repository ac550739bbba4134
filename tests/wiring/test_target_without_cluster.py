"""A new kind of target is a package of adapters and a wiring module: the commands work on it as they are, and name no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shelterctl.cli.app import main
from tests.wiring.house import REFERENCE, TAG, URL, House, HouseWiring, Workbench

# The commands take a lock in a file of this machine's.
pytestmark = pytest.mark.local

Command = Callable[..., tuple[int, str, str]]
#: What only other targets have.
FOREIGN = re.compile(r"(?i)kube|docker|\bclusters?\b|\bnodes?\b")


@pytest.fixture
def shelterctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command on the house: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("shelterctl.wiring.wire", HouseWiring)
    monkeypatch.setattr(HouseWiring, "HOUSE", House("shelter"))
    monkeypatch.setattr(HouseWiring, "BENCH", Workbench())

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        if arguments[0] != "dns" and "json" not in arguments:
            assert not FOREIGN.search(printed.out + printed.err), printed
        return code, printed.out, printed.err

    return run


def test_up_deploys_there_and_says_where(shelterctl: Command) -> None:
    code, out, err = shelterctl("up")
    assert code == 0, err
    assert f"Sources {TAG} made ready" in err
    assert "Target house, namespace shelter" in err
    assert f"{URL} answers with {TAG}" in err
    assert f"Built, running and answering are the same image: sha256:{TAG}" in out
    assert "pull" not in err


def test_up_again_changes_nothing(shelterctl: Command) -> None:
    shelterctl("up")
    code, out, _ = shelterctl("up", "--output", "json")
    result = json.loads(out)["result"]
    assert (code, result["changed"], result["context"]) == (0, False, "house")
    assert result["chain"]["answering_tag"] == TAG


def test_up_shows_what_it_would_change(shelterctl: Command) -> None:
    code, _, err = shelterctl("up", "--dry-run")
    assert code == 0
    assert "Would apply 2 objects: 2 created" in err
    assert HouseWiring.HOUSE.running == ""


def test_status_url_and_logs(shelterctl: Command) -> None:
    shelterctl("up")
    code, out, err = shelterctl("status")
    assert code == 0, err
    assert out.startswith("shelter @ house: everything runs as it was built\n")
    assert f"image    {REFERENCE}" in out
    assert shelterctl("url") == (0, f"{URL}\n", "")
    assert shelterctl("logs", "db")[:2] == (0, "db-0  a line\n")


def test_watch_follows_it(shelterctl: Command) -> None:
    shelterctl("up")
    code, out, _ = shelterctl("status", "watch", "--for", "1s")
    assert code == 0
    assert "app 1 of 1 ready" in out


def test_doctor_runs_the_targets_own_checks(shelterctl: Command) -> None:
    code, out, err = shelterctl("doctor")
    assert code == 0
    assert "roof" in out
    assert "Looking at the house" in err


def test_version_names_what_the_target_works_with(shelterctl: Command) -> None:
    assert "house       1" in shelterctl("version")[1]


def test_dns_check_says_that_there_are_no_names_and_what_to_run(shelterctl: Command) -> None:
    shelterctl("up")
    code, out, err = shelterctl("dns", "check")
    assert (code, out) == (3, "")
    assert "names to resolve exist in a cluster only" in err
    assert "shelterctl up --context NAME" in err


def test_down_takes_it_away(shelterctl: Command) -> None:
    shelterctl("up")
    code, out, _ = shelterctl("down")
    assert code == 0
    assert "2 objects removed" in out
    assert shelterctl("status")[0] == 4
