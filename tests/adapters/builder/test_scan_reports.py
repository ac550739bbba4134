"""The scanners' documents.

Trivy's and grype's are cut down from what trivy 0.74 and grype 0.121.2 wrote of real images here, against a database with a few made
entries. Docker Scout was not run: its document has the fields that its SARIF reports are published with.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from shelterctl.adapters.builder.scan_reports import read_grype, read_scout, read_trivy
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.scan import Severity, Vulnerability

pytestmark = pytest.mark.unit

IMAGE_ID = "sha256:0f0ad1e24dbc881bbada867868204b0a88321012e1bb6e60cb01c7d530ba3046"
LAYERS = tuple(f"sha256:{letter * 64}" for letter in "ab")
IMAGE = LocalImage("python:3.13-slim", IMAGE_ID, LAYERS, 1)
OTHER = LocalImage("python:3.13-slim", "sha256:b", LAYERS[:1], 1)

TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "ArtifactName": "python:3.13-slim",
    "ArtifactType": "container_image",
    "Metadata": {"OS": {"Family": "debian", "Name": "13.8"}, "ImageID": IMAGE_ID, "DiffIDs": [*LAYERS]},
    "Results": [
        {
            "Target": "python:3.13-slim (debian 13.8)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2099-0001",
                    "PkgID": "bash@5.2.37-2+b10",
                    "PkgName": "bash",
                    "InstalledVersion": "5.2.37-2+b10",
                    "FixedVersion": "9.9",
                    "Status": "fixed",
                    "Severity": "CRITICAL",
                },
                {
                    "VulnerabilityID": "CVE-2099-0002",
                    "PkgName": "tar",
                    "InstalledVersion": "1.35+dfsg-3.1",
                    "Status": "affected",
                    "Severity": "UNKNOWN",
                },
            ],
        },
        {"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg"},
    ],
}
GRYPE: dict[str, Any] = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-2099-0001",
                "namespace": "debian:distro:debian:13",
                "severity": "Critical",
                "fix": {"versions": ["9.9"], "state": "fixed"},
            },
            "artifact": {"name": "bash", "version": "5.2.37-2+b10", "type": "deb"},
        },
        {
            "vulnerability": {"id": "CVE-2099-0002", "severity": "Negligible", "fix": {"versions": [], "state": "not-fixed"}},
            "artifact": {"name": "tar", "version": "1.35+dfsg-3.1", "type": "deb"},
        },
    ],
    "source": {
        "type": "image",
        "target": {"userInput": "python:3.13-slim", "imageID": IMAGE_ID, "layers": [{"digest": layer, "size": 1} for layer in LAYERS]},
    },
    "distro": {"name": "debian", "version": "13.8", "idLike": []},
    "descriptor": {"name": "grype", "version": "[not provided]"},
}
SCOUT: dict[str, Any] = {
    "version": "2.1.0",
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
    "runs": [
        {
            "tool": {
                "driver": {
                    "fullName": "Docker Scout",
                    "informationUri": "https://docker.com/products/docker-scout",
                    "name": "docker scout",
                    "rules": [
                        {
                            "id": "CVE-2099-0005",
                            "name": "OsPackageVulnerability",
                            "helpUri": "https://scout.docker.com/v/CVE-2099-0005",
                            "properties": {
                                "affected_version": "<3.1.3",
                                "cvssV3_severity": "LOW",
                                "fixed_version": "3.1.3",
                                "purls": ["pkg:pypi/flask@3.0.3"],
                                "security-severity": "2.3",
                                "tags": ["LOW"],
                            },
                        },
                        {
                            "id": "CVE-2099-0006",
                            "name": "OsPackageVulnerability",
                            "properties": {
                                "affected_version": ">=2.36-9+deb12u9",
                                "cvssV3_severity": "UNSPECIFIED",
                                "fixed_version": "not fixed",
                                "purl": "pkg:deb/debian/glibc@2.36-9%2Bdeb12u9?os_distro=bookworm&os_name=debian&os_version=12",
                            },
                        },
                    ],
                    "version": "1.15.1",
                }
            },
            "results": [
                {"ruleId": "CVE-2099-0005", "ruleIndex": 0, "kind": "fail", "level": "note"},
                {"ruleId": "CVE-2099-0005", "ruleIndex": 0, "kind": "fail", "level": "note"},
                {"ruleId": "CVE-2099-0006", "ruleIndex": 1, "kind": "fail", "level": "none"},
            ],
        }
    ],
}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one field of it changed, or taken out (None). `path` has dots, and numbers for places in a list."""
    whole = copy.deepcopy(document)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at: Any = whole
    for step in steps:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return whole


def test_trivy() -> None:
    found = read_trivy(TRIVY, IMAGE)
    assert found.vulnerabilities == (
        Vulnerability(Severity.CRITICAL, "CVE-2099-0001", "bash", "5.2.37-2+b10", "9.9"),
        Vulnerability(Severity.UNRATED, "CVE-2099-0002", "tar", "1.35+dfsg-3.1"),
    )
    assert (found.problem, found.doubts) == ("", ())


def test_grype() -> None:
    assert read_grype(GRYPE, IMAGE).vulnerabilities == (
        Vulnerability(Severity.CRITICAL, "CVE-2099-0001", "bash", "5.2.37-2+b10", "9.9"),
        Vulnerability(Severity.NEGLIGIBLE, "CVE-2099-0002", "tar", "1.35+dfsg-3.1"),
    )


def test_scout() -> None:
    assert read_scout(SCOUT, IMAGE).vulnerabilities == (
        Vulnerability(Severity.LOW, "CVE-2099-0005", "flask", "3.0.3", "3.1.3"),
        Vulnerability(Severity.UNRATED, "CVE-2099-0006", "glibc", "2.36-9+deb12u9"),
    )


def test_an_image_in_which_nothing_was_found_has_nothing() -> None:
    clean = changed(TRIVY, "Results.0.Vulnerabilities", None)
    assert read_trivy(clean, IMAGE) == read_grype(changed(GRYPE, "matches", []), IMAGE)
    none = changed(changed(SCOUT, "runs.0.tool.driver.rules", None), "runs.0.results", [])
    assert read_scout(none, IMAGE).vulnerabilities == ()
    assert not any(found.problem for found in (read_trivy(clean, IMAGE), read_scout(none, IMAGE)))


def test_another_image_than_the_one_that_was_built_says_nothing_of_it() -> None:
    for found in (read_trivy(TRIVY, OTHER), read_grype(GRYPE, OTHER)):
        assert found.problem == f"it looked at another image: {IMAGE_ID}, built is sha256:b"
    nameless = changed(changed(TRIVY, "Metadata.ImageID", None), "Metadata.DiffIDs", None)
    assert "does not say which" in read_trivy(nameless, IMAGE).problem


def test_an_engine_that_names_images_by_their_manifests() -> None:
    """Docker with containerd's image store does, and trivy repeats its id: the layers are those that were built."""
    built = replace(IMAGE, image_id="sha256:configuration")
    assert read_trivy(TRIVY, built).problem == read_grype(GRYPE, built).problem == ""
    assert read_trivy(changed(TRIVY, "Metadata.DiffIDs", []), built).problem
    assert read_trivy(TRIVY, replace(built, layers=())).problem


def test_nothing_looked_at_is_not_nothing_found() -> None:
    assert read_trivy(changed(TRIVY, "Results", None), IMAGE).problem == "it recognized no packages in the image"
    blind = changed(changed(GRYPE, "matches", []), "distro", {"name": "", "version": "", "idLike": None})
    assert read_grype(blind, IMAGE).problem == "it recognized no distribution in the image, and matched no package"


def test_what_a_scanner_may_have_missed_is_a_doubt() -> None:
    assert read_trivy(changed(TRIVY, "Metadata.OS.EOSL", True), IMAGE).doubts == (
        "debian 13.8 gets no security updates any more: what is found in its packages is not all that there is",
    )
    assert read_trivy(changed(TRIVY, "Results.0", None), IMAGE).doubts == ("the packages of debian 13.8 were not looked at",)
    alert = {"package": {"name": "bash"}, "alerts": [{"type": "distro-eol", "message": "Package is from end-of-life distro: debian 10"}]}
    assert read_grype({**GRYPE, "alertsByPackage": [alert, alert]}, IMAGE).doubts == ("Package is from end-of-life distro: debian 10",)


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (read_trivy, {}),
        (read_trivy, []),
        (read_trivy, changed(TRIVY, "ArtifactType", "filesystem")),
        (read_trivy, changed(TRIVY, "SchemaVersion", 3)),
        (read_trivy, changed(TRIVY, "Results.0.Vulnerabilities.0.PkgName", None)),
        (read_grype, {"matches": []}),
        (read_grype, changed(GRYPE, "matches", None)),
        (read_grype, changed(GRYPE, "source", None)),
        (read_scout, {"runs": []}),
        (read_scout, changed(SCOUT, "runs.0.tool.driver.name", "Trivy")),
        (read_scout, changed(SCOUT, "runs.0.results", None)),
        (read_scout, changed(SCOUT, "runs.0.results", [])),
        (read_scout, changed(SCOUT, "runs.0.tool.driver.rules", [])),
    ],
)
def test_a_document_of_another_form_is_no_answer(read: Any, document: Any) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        read(document, IMAGE)
