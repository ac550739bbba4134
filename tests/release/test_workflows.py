"""The workflows against what they call: targets of make, modules, and the versions of Python that the package names."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_they_run_is_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    lines = [step["run"] for step in steps(path) if "run" in step]
    made = [word for line in lines for call in re.findall(r"\bmake (?:-C \S+ )?([a-z -]+)", line) for word in call.split()]
    assert made
    assert set(made) <= targets
    modules = [name for line in lines for name in re.findall(r"-m (tools\.[\w.]+)", line)]
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_every_python_that_the_package_names_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {word.rpartition(" ")[2] for word in project["classifiers"] if re.search(r":: Python :: 3\.\d+$", word)}
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert set(jobs["bare"]["strategy"]["matrix"]["python"]) == named
    assert min(named, key=lambda version: int(version.partition(".")[2])) == project["requires-python"].removeprefix(">=")


def test_nothing_is_published_that_was_not_compared() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["publish"]["needs"] == "again"
    assert jobs["again"]["needs"] == "build"
    assert any("tools.release.version" in step.get("run", "") for step in jobs["build"]["steps"])
    # Only the last job may write or ask for an identity.
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
