"""Copies of the project that a test may spoil."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from shelterctl.adapters.builder.context import FolderContext
from tests.cluster import kube
from tests.cluster.commands import REPOSITORY


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with app/, manifests/ and locustfiles/ of its own."""

    folder: Path

    @property
    def option(self) -> tuple[str, str]:
        return ("--project-dir", str(self.folder))

    def replace(self, path: str, old: str, new: str) -> None:
        """Replaces text that must be there."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new))

    def prepend(self, path: str, text: str) -> None:
        """Puts text before a Python file, with a line that no earlier run has built: its image could be in the node already."""
        file = self.folder / path
        file.write_text(f"# {secrets.token_hex(8)}\n{text}{file.read_text()}")

    def patch(self, kind: str, name: str, operations: list[dict[str, object]], *, overlay: str = "minikube") -> None:
        """Adds a JSON patch to an overlay."""
        file = self.folder / "manifests" / "overlays" / overlay / "kustomization.yaml"
        content = yaml.safe_load(file.read_text())
        content.setdefault("patches", []).append({"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump(operations)})
        file.write_text(yaml.safe_dump(content))


def copy_project(folder: Path) -> Project:
    """Copies the sources into `folder`."""
    for part in ("app", "manifests", "locustfiles"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return Project(folder)


def forget_image(project: Project) -> None:
    """Removes the image of a project's sources, from this machine and from the node, unless they are the repository's own."""
    own, built = (FolderContext(folder / "app").tag() for folder in (REPOSITORY, project.folder))
    if built != own:
        reference = f"shelter-app:{built}"
        subprocess.run(["docker", "image", "rm", reference], capture_output=True, check=False)
        subprocess.run(["minikube", "-p", kube.CONTEXT, "image", "rm", reference], capture_output=True, check=False, timeout=60)
