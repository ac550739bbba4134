"""`up --scan` from its flags to its exit code. The target is the house, the scanner a program on the PATH that says what it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shelterctl.adapters.builder.scanner import ImageScanner
from shelterctl.cli.app import main
from tests.adapters.builder.test_scan_reports import GRYPE
from tests.cli.running import CommandLine
from tests.wiring.house import IMAGE, House, HouseWiring, Workbench

pytestmark = pytest.mark.local

Run = Callable[..., tuple[int, str, str]]


def unwrapped(text: str) -> str:
    """What was printed, without the terminal's own ends of lines."""
    return re.sub(r"\s*\n\s+", " ", text)


class ScannedHouse(HouseWiring):
    """Its images can be scanned."""

    scanner = ImageScanner(timeout_s=30)


@pytest.fixture
def grype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in first on the PATH; it writes what lies beside it."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "grype"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/document\n")
    program.chmod(0o755)
    # Without trivy, which would come first.
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    document = {**GRYPE, "source": {"target": {"imageID": IMAGE.image_id}}}
    (tmp_path / "document").write_text(json.dumps(document))
    return tmp_path / "document"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("shelterctl.wiring.wire", ScannedHouse)
    monkeypatch.setattr(HouseWiring, "HOUSE", House("shelter"))
    monkeypatch.setattr(HouseWiring, "BENCH", Workbench())
    monkeypatch.setattr(ScannedHouse, "scanner", ImageScanner(timeout_s=30))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, unwrapped(printed.out), unwrapped(printed.err)

    return command


def test_a_scan_that_fails_nothing(run: Run, grype: Path) -> None:
    code, out, err = run("up", "--scan")
    assert code == 0, err
    assert "Scanned 1 image with grype: 1 critical, 1 negligible" in err
    assert "critical    bash 5.2.37-2+b10  CVE-2099-0001  fixed in 9.9" in out
    assert HouseWiring.HOUSE.running


def test_a_failed_threshold_is_a_failed_verdict(run: Run, grype: Path, tmp_path: Path) -> None:
    code, out, _ = run("up", "--fail-on-severity", "high", "--output", "json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["error"]) == (6, 6, None)
    scan = document["result"]["scan"]
    assert (scan["threshold"], scan["judgement"]["verdict"]) == ("high", "FAIL")
    assert scan["images"][0]["counts"] == {"critical": 1, "high": 0, "medium": 0, "low": 0, "negligible": 1, "unrated": 0}
    assert HouseWiring.HOUSE.running == ""
    (folder,) = (tmp_path / ".shelterctl" / "runs").iterdir()
    assert json.loads((folder / "result.json").read_text())["result"]["scan"] == scan
    assert json.loads((folder / "scan.jsonl").read_text()) == scan["images"][0]


def test_a_passed_one_deploys(run: Run, grype: Path) -> None:
    clean = json.loads(grype.read_text())
    grype.write_text(json.dumps({**clean, "matches": clean["matches"][1:]}))
    assert run("up", "--fail-on-severity", "low")[0] == 0
    assert HouseWiring.HOUSE.running


def test_an_undecided_one_has_its_own_exit_code(run: Run, grype: Path) -> None:
    grype.write_text("no JSON")
    code, out, _ = run("up", "--fail-on-severity", "critical")
    assert code == 7
    assert out.startswith("UNKNOWN  the scan of the images: nothing was loaded or applied")
    assert HouseWiring.HOUSE.running == ""
    code, out, err = run("up", "--scan")
    assert code == 0
    assert "could not be scanned, what is in it is unknown: grype's document cannot be read" in err
    assert "UNKNOWN, grype's document cannot be read" in out


def test_another_image_under_that_name_passes_nothing(run: Run, grype: Path) -> None:
    grype.write_text(grype.read_text().replace(IMAGE.image_id, "sha256:other"))
    code, out, _ = run("up", "--fail-on-severity", "critical")
    assert code == 7
    assert f"it looked at another image: sha256:other, built is {IMAGE.image_id}" in out


@pytest.mark.parametrize("flag", ["--dry-run", "--adopt"])
def test_where_nothing_is_built_a_scan_cannot_be_meant(run: Run, flag: str) -> None:
    code, _, err = run("up", "--scan", flag)
    assert code == 2
    assert f"{flag} builds no image: there is nothing that --scan could look into" in err


def test_an_unknown_severity(run: Run) -> None:
    code, _, err = run("up", "--fail-on-severity", "severe")
    assert code == 2
    assert "--fail-on-severity severe: one of low, medium, high, critical" in err


def test_the_embedded_target_has_no_image(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("up", "--scan", "--target", "local")
    assert ran.code == 3
    assert "--scan looks into images, and here there are none: the application runs as processes of this machine" in unwrapped(ran.err)
