"""A stack from its folder: the listing, the manifests, the sources, the Dockerfiles, and what the owner settled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shelterctl.adapters.stack import config, folder, sources
from shelterctl.core.stack.derive import Chosen, derive
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import UsageError


def read(root: Path, *, manifests: tuple[str, ...] = ()) -> Stack:
    """The stack of a folder; `manifests` are its folders as the command line names them. Raises UsageError where there is none."""
    settled = config.read(root)
    listed = folder.listing(root)
    named = manifests or settled.manifests
    found, doubts = folder.manifests(listed, named, settled.ignore)
    if not found.documents and not found.unreadable:
        where = ", ".join(named) or "here or below"
        raise UsageError(
            f"{root.name}: no Kubernetes manifest was found {where}",
            why=f"{len(listed.yaml)} YAML files were looked at; a manifest has apiVersion and kind",
            next_command="shelterctl inspect --manifests FOLDER",
        )
    chosen = Chosen(
        settled.namespace,
        settled.app,
        settled.database,
        settled.service,
        settled.writes.get("request", ""),
        settled.reads.get("request", ""),
    )
    stack = derive(root.name, found, sources.read(listed), folder.builds(listed), chosen, settled.builds())
    return replace(stack, questions=(*doubts, *stack.questions))


def holds_one(root: Path) -> bool:
    """Whether shelterctl.toml there describes a stack."""
    try:
        return config.read(root).path is not None
    except UsageError:
        return True
