"""Kustomize as a program: `kubectl kustomize`, the kustomize program, or the kubectl that minikube brings."""

from __future__ import annotations

import shutil
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.errors import ProgramMissing

#: `minikube kubectl` fetches its program the first time.
TIMEOUT_S = 120.0


def command() -> list[str]:
    """The words before the folder. Raises ProgramMissing."""
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("minikube"):
        return ["minikube", "kubectl", "--", "kustomize"]
    raise ProgramMissing("neither kubectl nor kustomize nor minikube is on the PATH", next_command="shelterctl doctor")


def build(folder: Path) -> str:
    """What a kustomization's folder renders to, as YAML. Raises ProgramMissing, CommandFailed, WaitTimeout."""
    return process.run([*command(), str(folder)], timeout_s=TIMEOUT_S).text
