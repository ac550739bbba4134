"""What a shell is offered, asked as bash asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shelterctl.core.claims import Claim
from shelterctl.core.faults.fault import KillMode
from shelterctl.settings import TARGETS
from tests.cluster.commands import REPOSITORY, clean_environment

pytestmark = pytest.mark.local


def offered(folder: Path, *words: str, **environment: str) -> list[str]:
    line = " ".join(("shelterctl", *words))
    asked = {
        **clean_environment(), "_SHELTERCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words)), **environment,
    }  # fmt: skip
    program = "import sys; from shelterctl.cli.app import main; sys.argv = ['shelterctl']; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=asked, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("20261125-101010-up", "20261125-111111-kill-db"):
        (tmp_path / ".shelterctl" / "runs" / name).mkdir(parents=True)
    (tmp_path / ".shelterctl" / "runs" / "20261125-101010-up" / "tag.txt").write_text("first\n")
    (tmp_path / ".shelterctl" / "local" / "mine").mkdir(parents=True)
    (tmp_path / ".shelterctl" / "local" / "mine" / "stack.json").write_text("{}")
    (tmp_path / "home" / ".minikube" / "profiles" / "lab").mkdir(parents=True)
    (tmp_path / "home" / ".minikube" / "profiles" / "lab" / "config.json").write_text("{}")
    (tmp_path / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: prod\n  context: {cluster: a, user: a}\n"
        "- name: preview\n  context: {cluster: a, user: a}\nclusters: []\nusers: []\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["up", "--target", ""], ["auto", "minikube", "local"]),
        (["chaos", "kill-db", "--mode", "de"], ["delete"]),
        (["prove", "--skip", "s"], ["scale"]),
        (["status", "--output", "j"], ["json", "jsonl"]),
        (["runs", "show", ""], ["last", "20261125-111111-kill-db", "20261125-101010-up", "first"]),
        (["status", "--context", "pr"], ["preview", "prod"]),
        (["status", "--profile", ""], ["lab"]),
        (["status", "--namespace", ""], ["mine"]),
    ],
)
def test_values_are_those_that_are_there(folder: Path, words: list[str], values: list[str]) -> None:
    home = folder / "home"
    environment = {"HOME": str(home), "MINIKUBE_HOME": str(home / ".minikube"), "KUBECONFIG": str(folder / "kubeconfig")}
    assert offered(folder, *words, **environment) == values


def test_overlays_are_the_project_s() -> None:
    assert {"minikube", "minikube-quota", "minikube-two-namespaces"} <= set(offered(REPOSITORY, "up", "--overlay", ""))


def test_what_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "shelterctl.toml").write_text("this is no file of settings")
    assert offered(tmp_path, "status", "--context", "", KUBECONFIG=os.devnull) == []
    assert offered(tmp_path, "runs", "show", "x") == []


def test_what_is_offered_is_what_the_commands_know(tmp_path: Path) -> None:
    assert offered(tmp_path, "prove", "--only", "") == [claim.value for claim in Claim]
    assert set(offered(tmp_path, "chaos", "kill-db", "--mode", "")) == {mode.value for mode in KillMode}
    assert offered(tmp_path, "up", "--target", "") == list(TARGETS)
