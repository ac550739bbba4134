"""The action's own steps, as a workflow runs them: installed from the checkout, then `prove` with the arguments that were given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.commands import REPOSITORY, clean_environment

pytestmark = pytest.mark.local


def test_its_steps_install_and_prove(tmp_path: Path) -> None:
    action = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
    steps = {step["name"]: step for step in action["runs"]["steps"] if "run" in step}
    assert list(steps) == ["Install shelterctl", "Prove"]
    summary = tmp_path / "summary.md"
    environment = {
        **{name: value for name, value in clean_environment().items() if name != "PYTHONPATH"},
        "PYTHON": sys.executable,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ACTION_PATH": str(REPOSITORY),
        "GITHUB_STEP_SUMMARY": str(summary),
        "TARGET": action["inputs"]["target"]["default"],
        "ARGUMENTS": "--only deploy --down $(touch evaluated)",
    }
    work = tmp_path / "work"
    work.mkdir()

    def run(step: str, expect: int) -> str:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", steps[step]["run"]],
            cwd=work, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stderr

    run("Install shelterctl", 0)
    # What is given is words, and nothing of it is a command.
    assert "$(touch" in run("Prove", 2)
    assert not (work / "evaluated").exists()
    environment["ARGUMENTS"] = "--only deploy --down"
    run("Prove", 0)
    assert "| ✅ PASS | deploys |" in summary.read_text(encoding="utf-8")
    assert (work / "shelterctl-proof.xml").exists()
    # What the last step uploads.
    (upload,) = (step for step in action["runs"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert ".shelterctl/runs" in upload["with"]["path"]
    assert list((work / ".shelterctl" / "runs").glob("*-prove/result.json"))
