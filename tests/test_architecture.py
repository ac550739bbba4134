"""docs/architecture.md and CONTRIBUTING.md are true: they say what the contracts, the folders and the Makefile say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "shelterctl"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
MOST_FILES = 20


def drawn() -> dict[str, list[str]]:
    """The layers that the page draws, by the package that they are in."""
    return {name: body.splitlines() for name, body in re.findall(r"^```layers (\S+)\n(.*?)\n```$", PAGE, re.M | re.S)}


def contracted() -> dict[str, list[str]]:
    """The layers of the contracts, with the package's name left out."""
    found = {}
    for contract in CONTRACTS:
        if contract["type"] == "layers":
            package = contract["layers"][0].partition(" ")[0].rpartition(".")[0]
            found[package] = [layer.replace(f"{package}.", "") for layer in contract["layers"]]
    return found


def packages() -> list[str]:
    """Every package under shelterctl/, as `core/hpa/`."""
    return sorted(f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.glob("*/**/__init__.py"))


def test_the_page_draws_the_layers_that_the_contracts_hold() -> None:
    assert drawn() == contracted()


@pytest.mark.parametrize("package", sorted(contracted()))
def test_the_layers_leave_nothing_out(package: str) -> None:
    """A part without a place in the layers would be held to nothing."""
    folder = ROOT / package.replace(".", "/")
    parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()} - {"__init__"}
    named = {part for layer in contracted()[package] for part in layer.split(" | ")}
    # Errors and settings stand beside the layers, with contracts of their own; the rest is the start of the program.
    assert parts - named == ({"errors", "settings", "__main__"} if package == "shelterctl" else set())
    assert named - parts == set()


@pytest.mark.parametrize("package", packages())
def test_the_page_names_every_package(package: str) -> None:
    assert f"`{package}" in PAGE or package.rstrip("/") in ("cli", "ops", "core", "adapters")


def test_every_path_that_the_pages_name_is_there() -> None:
    missing = []
    for path in re.findall(r"`([a-z_.]+(?:/[a-z_.-]+)+/?|[a-z_]+\.py)`", PAGE + GUIDE):
        places = [PACKAGE / path, ROOT / path]
        # In a row about a folder a file's bare name is one of that folder.
        if "/" not in path:
            places += PACKAGE.rglob(path)
        if not any(place.exists() for place in places):
            missing.append(path)
    assert missing == []


def test_the_guide_names_every_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M))
    assert targets - {"help"} <= set(re.findall(r"^\| `make ([a-z-]+)`", GUIDE, re.M))
    assert targets > {"venv", "test", "test-bare", "unit", "lint"}


def test_the_guide_names_every_mark() -> None:
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    for marker in markers:
        assert re.escape(re.split(r"[(:]", marker)[0]) in GUIDE


def test_no_folder_holds_more_than_one_can_overlook() -> None:
    folders = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]
    sizes = {str(folder.relative_to(ROOT)): len([*folder.glob("*.py")]) for folder in folders}
    assert {name: count for name, count in sizes.items() if count > MOST_FILES} == {}
