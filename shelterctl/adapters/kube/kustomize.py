"""Renders an overlay with kustomize: `kubectl kustomize`, the kustomize program, or the kubectl that minikube brings."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from shelterctl.adapters import process
from shelterctl.adapters.kube.api import Json
from shelterctl.errors import CommandFailed, ProgramMissing, UsageError
from shelterctl.settings import nearest

#: `minikube kubectl` fetches its program the first time.
TIMEOUT_S = 120.0


def overlays(manifests: Path) -> tuple[str, ...]:
    """The names of the overlays in a folder of manifests."""
    folder = manifests / "overlays"
    return tuple(sorted(path.name for path in folder.glob("*") if (path / "kustomization.yaml").is_file()))


def render(manifests: Path, overlay: str) -> list[Json]:
    """The overlay's objects in kustomize's order.

    Raises UsageError for an unknown overlay or manifests that do not build, ProgramMissing where no kustomize is at hand.
    """
    folder = manifests / "overlays" / overlay
    if not (folder / "kustomization.yaml").is_file():
        known = overlays(manifests)
        raise UsageError(f"there is no overlay “{overlay}” in {manifests}{nearest(overlay, known)}", why=f"Known: {', '.join(known)}.")
    try:
        text = process.run([*_command(), str(folder)], timeout_s=TIMEOUT_S).text
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [document for document in yaml.load_all(text, loader) if document]
    except CommandFailed as error:
        raise UsageError(f"the overlay {overlay} does not build", why=error.why, details=error.details) from error
    except yaml.YAMLError as error:
        raise UsageError(f"the overlay {overlay} gives no valid YAML", why=str(error)) from error


def origin(manifests: Path, kind: str, name: str) -> str:
    """Where an object is written, as `manifests/base/app.yaml, document 2`; empty where no file has it under that name."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # The base first: an overlay's patch has the same kind and name.
    for path in sorted(manifests.rglob("*.y*ml"), key=lambda path: ("overlays" in path.parts, str(path))):
        try:
            documents = list(yaml.load_all(path.read_text(encoding="utf-8"), loader))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        for number, document in enumerate(documents, 1):
            if isinstance(document, dict) and document.get("kind") == kind and (document.get("metadata") or {}).get("name") == name:
                where = path.relative_to(manifests.parent)
                return f"{where}, document {number}" if len(documents) > 1 else str(where)
    return ""


def _command() -> list[str]:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("minikube"):
        return ["minikube", "kubectl", "--", "kustomize"]
    raise ProgramMissing("neither kubectl nor kustomize nor minikube is on the PATH", next_command="shelterctl doctor")
