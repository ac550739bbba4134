"""Kustomize as a program: `kubectl kustomize`, the kustomize program, or the kubectl that minikube brings."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters import process
from shelterctl.errors import ProgramMissing

if TYPE_CHECKING:
    from concurrent.futures import Future

#: `minikube kubectl` fetches its program the first time.
TIMEOUT_S = 120.0
#: What was begun longer ago is not taken.
FRESH_S = 2.0
_begun: dict[Path, tuple[float, Future[str]]] = {}


def command() -> list[str]:
    """The words before the folder. Raises ProgramMissing."""
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("minikube"):
        return ["minikube", "kubectl", "--", "kustomize"]
    raise ProgramMissing("neither kubectl nor kustomize nor minikube is on the PATH", next_command="shelterctl doctor")


def begin(folder: Path) -> None:
    """Renders it in the background, for the next `build`: kubectl takes a tenth of a second, in which a command can be imported."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    _begun[folder] = time.monotonic(), pool.submit(_built, folder)
    pool.shutdown(wait=False)


def build(folder: Path) -> str:
    """What a kustomization's folder renders to, as YAML. Raises ProgramMissing, CommandFailed, WaitTimeout."""
    began_s, begun = _begun.pop(folder, (0.0, None))
    # Whoever was asked something meanwhile may have changed it.
    return begun.result() if begun is not None and time.monotonic() - began_s < FRESH_S else _built(folder)


def _built(folder: Path) -> str:
    return process.run([*command(), str(folder)], timeout_s=TIMEOUT_S).text
