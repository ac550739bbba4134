"""Stacks that a program renders, at the command line: what `init` asks once, what `inspect` tells, and errors with what to run next."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.stack.packaged import BASE, SOURCES, needs_helm, needs_kustomize, written
from tests.adapters.stack.test_chart import FILES
from tests.cli.running import ROOT, CommandLine

pytestmark = pytest.mark.local


@pytest.fixture
def shelterctl(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def work(shelterctl: CommandLine) -> Path:
    return shelterctl.folder / "work"


def settled(shelterctl: CommandLine) -> dict[str, Any]:
    return tomllib.loads((work(shelterctl) / "shelterctl.toml").read_text())


@needs_kustomize
def test_init_asks_once_which_overlay_and_writes_that_ones_names(shelterctl: CommandLine) -> None:
    shutil.copytree(ROOT / "examples" / "kustomized", work(shelterctl), dirs_exist_ok=True)
    ran = shelterctl.on_terminal("init", columns=100, answer="2\n")
    assert ran.code == 0, ran.out
    assert ran.out.count("Which one?") == 1
    assert (settled(shelterctl)["stack"]["manifests"], settled(shelterctl)["stack"]["namespace"]) == (["deploy/overlays/prod"], "bookmarks")
    assert [image["name"] for image in settled(shelterctl)["stack"]["image"]] == ["someuser/bookmarks-web:1.0"]
    told = json.loads(shelterctl.run("inspect", "--output", "json").out)["result"]
    assert (told["questions"], told["manifests"], told["namespaces"]) == ([], ["deploy/overlays/prod"], ["bookmarks"])
    assert [fact["text"] for fact in told["facts"] if fact["topic"] == "manifests"] == [
        "8 objects of deploy/overlays/prod, rendered by kubectl kustomize deploy/overlays/prod"
    ]


@needs_helm
def test_init_keeps_how_a_chart_is_rendered(shelterctl: CommandLine) -> None:
    toml = '[manifests]\nvalues = ["few.yaml"]\nrelease = "mine"\n'
    written(work(shelterctl), SOURCES, FILES, {"few.yaml": "replicas: 3\n", "shelterctl.toml": toml})
    ran = shelterctl.run("init", "--force")
    assert ran.code == 0, ran.err
    assert settled(shelterctl)["manifests"] == {"values": ["few.yaml"], "release": "mine"}
    assert shelterctl.run("inspect", "--output", "json").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[manifests]\nvalues = "few.yaml"\n', "[manifests] values = 'few.yaml'"),
        ('[manifests]\nvalues = [1]\n', "manifests.values is a list of texts"),
        ('[manifests]\nrelase = "mine"\n', "[manifests] has no key relase (did you mean release?)"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_meant_is_said(shelterctl: CommandLine, text: str, said: str) -> None:
    written(work(shelterctl), SOURCES, FILES, {"shelterctl.toml": text})
    ran = shelterctl.run("inspect")
    assert (ran.code, said in ran.err.replace("\n  ", " ")) == (2, True), ran.err


def test_a_remote_base_ends_every_command_at_once(shelterctl: CommandLine) -> None:
    written(work(shelterctl), SOURCES, BASE, {"base/kustomization.yaml": "resources:\n  - https://example.org/base\n"})
    for command in ("inspect", "up", "down"):
        ran = shelterctl.run(command, "--target", "local") if command != "inspect" else shelterctl.run(command)
        assert ran.code == 2, ran.err
        assert "base/kustomization.yaml:2 names https://example.org/base" in " ".join(ran.err.split())
        assert "Next: kubectl kustomize base > rendered.yaml" in " ".join(ran.err.split())
