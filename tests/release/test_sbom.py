"""The SBOM against the lock file, walked here by itself: every runtime dependency with its version and hashes, nothing else, and always
the same bytes."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shelterctl import __version__
from tools.release import sbom

pytestmark = pytest.mark.local

Key = tuple[str, str]


def locked() -> dict[Key, set[str]]:
    """Name and version of every package that shelterctl with its extras leads to in the lock, with the digests of its files."""
    packages = tomllib.loads((Path(sbom.ROOT) / "uv.lock").read_text(encoding="utf-8"))["package"]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    (own,) = by_name["shelterctl"]
    waiting = [*own["dependencies"], *own["optional-dependencies"]["local"]]
    found: dict[Key, set[str]] = {}
    while waiting:
        asked = waiting.pop()
        # How the lock file tells what only a group of tools wants in another version.
        if re.fullmatch(r"extra == 'group-[\w-]+'", asked.get("marker", "")):
            continue
        for package in by_name[asked["name"]]:
            if asked.get("version", package["version"]) != package["version"]:
                continue
            waiting += [item for extra in asked.get("extra", ()) for item in package["optional-dependencies"][extra]]
            key = (package["name"], package["version"])
            if key not in found:
                waiting += package.get("dependencies", [])
                files = [*([package["sdist"]] if "sdist" in package else []), *package.get("wheels", [])]
                found[key] = {file["hash"].removeprefix("sha256:") for file in files}
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sbom.made())
    return found


def test_it_has_every_runtime_dependency_with_its_hashes(document: dict[str, Any]) -> None:
    told = {
        (component["name"], component["version"]): {
            digest["content"] for file in component["externalReferences"] for digest in file["hashes"] if digest["alg"] == "SHA-256"
        }
        for component in document["components"]
    }
    expected = locked()
    assert len(expected) > 50
    assert told.keys() == expected.keys()
    assert told == expected
    assert all(expected.values())


def test_it_is_of_this_version_and_of_what_it_asks_for(document: dict[str, Any]) -> None:
    about = document["metadata"]["component"]
    assert (about["name"], about["version"]) == ("shelterctl", __version__)
    edges = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    known = {component["bom-ref"] for component in document["components"]}
    assert len(known) == len(document["components"])
    assert edges.keys() == known | {about["bom-ref"]}
    assert {url for urls in edges.values() for url in urls} <= known
    asked = {url.partition("@")[0].removeprefix("pkg:pypi/") for url in edges[about["bom-ref"]]}
    assert {"typer", "kubernetes", "locust", "flask"} <= asked
    assert not asked & {"pytest", "mypy", "ruff"}


def test_it_is_always_the_same(document: dict[str, Any]) -> None:
    assert sbom.made() == json.dumps(document, indent=1, sort_keys=True) + "\n"
    assert "timestamp" not in document["metadata"]
