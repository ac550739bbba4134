"""Which scanner is taken, how it is asked, and what becomes of one that fails.

The programs here are stand-ins for the order, the arguments and the failures; their documents are held in `test_scan_reports`. The last
cases run the real ones where they are there.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.scanner import ImageScanner
from shelterctl.core.deploy.scan import Severity
from shelterctl.errors import ProgramMissing
from tests.adapters.builder.test_scan_reports import GRYPE, IMAGE, SCOUT, TRIVY

pytestmark = pytest.mark.local

PROGRAMS = ("sh", "cat", "sleep", "printf")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a shell and nothing else on it."""
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(here: Path, name: str, script: str) -> None:
    """A program that writes its arguments to a file."""
    file = here / name
    file.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(here / "asked"))}\n{script}\n')
    file.chmod(0o755)


def answering(here: Path, name: str, document: Mapping[str, object], version: str, ends: str = "exit 0") -> None:
    (here / f"{name}.json").write_text(json.dumps(document))
    program(here, name, f'case "$*" in *ersion) printf "{version}\\n";; *) cat {here}/{name}.json; {ends};; esac')


def asked(here: Path) -> list[str]:
    return (here / "asked").read_text().splitlines()


def test_without_any_the_three_are_named_and_how_to_get_one(here: Path) -> None:
    program(here, "docker", "echo 'docker: unknown command: docker scout' >&2; exit 1")
    with pytest.raises(ProgramMissing, match="neither trivy nor grype nor docker scout") as caught:
        ImageScanner().check()
    assert all(word in caught.value.next_command for word in ("https://trivy.dev/", "anchore/grype", "docs.docker.com/scout"))


def test_the_first_of_them_is_taken_and_asked_for_this_machines_image_alone(here: Path) -> None:
    answering(here, "docker", SCOUT, "version: v1.15.1 (go1.23.2 - linux/amd64)")
    assert ImageScanner().check() == "docker scout 1.15.1"
    assert [item.id for item in ImageScanner().scan(IMAGE).vulnerabilities] == ["CVE-2099-0005", "CVE-2099-0006"]
    assert asked(here)[-1] == "scout cves --format sarif local://python:3.13-slim"
    answering(here, "grype", GRYPE, "Application: grype\nVersion:    0.121.2\nSyft Version: v1.57.0")
    assert ImageScanner().check() == "grype 0.121.2"
    assert ImageScanner().scan(IMAGE).vulnerabilities[0].severity is Severity.CRITICAL
    assert asked(here)[-1] == "-o json docker:python:3.13-slim"
    answering(here, "trivy", TRIVY, "Version: 0.74.0")
    scan = ImageScanner().scan(IMAGE)
    assert (scan.scanner, scan.vulnerabilities[0].package) == ("trivy 0.74.0", "bash")
    assert asked(here)[-1] == (
        "image --format json --no-progress --scanners vuln --image-src docker --exit-code 0 "
        "--severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL python:3.13-slim"
    )
    assert scan.command == "trivy image --scanners vuln --image-src docker python:3.13-slim"


def test_a_scanner_that_fails_has_found_nothing_out(here: Path) -> None:
    red = r"\033[31mfailed to load vulnerability db: database does not exist\033[0m"
    program(here, "grype", f'printf "WARN no update\\nERROR {red}\\n" >&2; exit 1')
    scan = ImageScanner().scan(IMAGE)
    assert (scan.counts, scan.vulnerabilities) == (None, ())
    assert scan.problem == "grype failed with exit code 1: ERROR failed to load vulnerability db: database does not exist"
    assert scan.said == ("WARN no update", "ERROR failed to load vulnerability db: database does not exist")


def test_an_error_in_several_lines_is_told_as_one(here: Path) -> None:
    """As trivy 0.74 says that it has no database and no network."""
    printed = (
        "INFO Downloading artifact...\\nFATAL Fatal error: failed to download vulnerability DB:\\n\\t* lookup mirror: no such host\\n\\n"
    )
    program(here, "trivy", f'printf "{printed}" >&2; exit 1')
    problem = ImageScanner().scan(IMAGE).problem
    assert problem == (
        "trivy failed with exit code 1: FATAL Fatal error: failed to download vulnerability DB: * lookup mirror: no such host"
    )


def test_a_failure_counts_whatever_was_printed_before_it(here: Path) -> None:
    answering(here, "trivy", {**TRIVY, "Results": []}, "Version: 0.74.0", "echo FATAL >&2; exit 1")
    scan = ImageScanner().scan(IMAGE)
    assert (scan.counts, scan.problem) == (None, "trivy failed with exit code 1: FATAL")


def test_grypes_own_threshold_does_not_hide_its_document(here: Path) -> None:
    answering(here, "grype", GRYPE, "Version: 0.121.2", "echo ERROR discovered vulnerabilities >&2; exit 2")
    assert len(ImageScanner().scan(IMAGE).vulnerabilities) == 2


@pytest.mark.parametrize("printed", ["", "null", "no JSON", '{"matches": []}', json.dumps(TRIVY)])
def test_whatever_else_is_printed_is_no_answer(here: Path, printed: str) -> None:
    (here / "printed").write_text(printed)
    program(here, "grype", f"cat {here}/printed")
    scan = ImageScanner().scan(IMAGE)
    assert scan.counts is None
    assert scan.problem.startswith("grype's document cannot be read: ")


def test_a_scanner_that_does_not_end(here: Path) -> None:
    program(here, "grype", 'case "$1" in version) ;; *) sleep 60;; esac')
    scan = ImageScanner(timeout_s=0.5).scan(IMAGE)
    assert (scan.counts, scan.problem) == (None, "grype -o json docker:python:3.13-slim did not end within 0.5 s")


def test_scout_says_beside_its_document_that_it_saw_no_packages(here: Path) -> None:
    clean = {**SCOUT, "runs": [{"tool": {"driver": {"name": "docker scout"}}, "results": []}]}
    answering(here, "docker", clean, "version: v1.15.1", "echo '✓ Indexed 0 packages' >&2")
    assert ImageScanner().scan(IMAGE).problem == "it recognized no packages in the image"
    answering(here, "docker", clean, "version: v1.15.1", "echo '✓ SBOM of image already cached, 18 packages indexed' >&2")
    assert ImageScanner().scan(IMAGE).counts is not None


@pytest.mark.docker("busybox:1.37")
@pytest.mark.parametrize("name", ["trivy", "grype"])
def test_a_real_one_without_a_database(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has nothing to compare with, and must not say that nothing is there."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on the PATH")
    (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TRIVY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", "127.0.0.1:1/none")
    monkeypatch.setenv("GRYPE_DB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GRYPE_DB_AUTO_UPDATE", "false")
    image = DockerEngine().inspect("busybox:1.37")
    assert image is not None
    scan = ImageScanner(timeout_s=120).scan(image)
    assert scan.counts is None
    assert scan.problem.startswith(f"{name} failed with exit code 1: ")
    assert scan.said
