"""The tool's own overlays, rendered, and where an object of them is written."""

from __future__ import annotations

from pathlib import Path

import yaml

from shelterctl.adapters import kustomize
from shelterctl.adapters.kube.api import Json
from shelterctl.errors import CommandFailed, UsageError
from shelterctl.settings import nearest


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
        text = kustomize.build(folder)
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
