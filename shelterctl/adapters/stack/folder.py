"""Looks through a stack's folder: what may be a manifest, a kustomization, a chart, a source; and its Dockerfiles."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters.stack.looks import PASSED_OVER
from shelterctl.core.stack.model import Build

_MOST_FILES = 20_000
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s*(CMD|ENTRYPOINT|USER)\s+(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum)\s+(?:-\S+\s+)*(?:install|add)\s+([^&;|\n]+)")
_PGDATA = re.compile(r"^\s*ENV\b.*\bPGDATA[= ][\"']?(/[^\s\"']+)", re.IGNORECASE | re.MULTILINE)
_SET = re.compile(r"^[ \t]*ENV[ \t]+(.+)$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"([A-Za-z_]\w*)=")
_COPY = re.compile(r"^\s*(?:COPY|ADD)\s+((?:--\S+\s+)*)(.+)$", re.IGNORECASE | re.MULTILINE)
#: In the order in which kustomize takes them (api/konfig, RecognizedKustomizationFileNames).
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART = "Chart.yaml"
_PACKAGES = frozenset({*KUSTOMIZATIONS, CHART})
#: Folders for another place than the one that is looked at first.
FOR_ELSEWHERE = re.compile(r"eks|aws|gke|gcp|azure|aks|cloud|prod|terraform|helm|charts?|variants?|overlays?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a stack's folder, relative to it, by what they may be; of `kustomizations` and `charts` the folders."""

    root: Path
    yaml: tuple[str, ...]
    dockerfiles: tuple[str, ...]
    python: tuple[str, ...]
    requirements: tuple[str, ...]
    truncated: bool
    kustomizations: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()


def listing(root: Path) -> Listing:
    """Looks through the folder once; what is not the user's own work is passed over, and links are not followed."""
    found: dict[str, list[str]] = {"yaml": [], "docker": [], "python": [], "requirements": []}
    packages: dict[str, list[str]] = {"kustomization": [], "chart": []}
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and not name.endswith(".egg-info"))
        inside = os.path.relpath(folder, root)
        if not _PACKAGES.isdisjoint(files):
            packages["chart" if _PACKAGES.intersection(files) == {CHART} else "kustomization"].append(inside)
        for name in sorted(files):
            count += 1
            kind = _kind(name)
            if kind:
                found[kind].append(name if inside == "." else f"{inside}/{name}")
        if count > _MOST_FILES:
            break
    return Listing(
        root, tuple(found["yaml"]), tuple(found["docker"]), tuple(found["python"]), tuple(found["requirements"]), count > _MOST_FILES,
        tuple(packages["kustomization"]), tuple(packages["chart"]),
    )  # fmt: skip


def _kind(name: str) -> str:
    lower = name.lower()
    if lower.endswith((".yaml", ".yml")):
        return "yaml"
    if lower == "dockerfile" or lower.startswith("dockerfile.") or lower.endswith(".dockerfile"):
        return "docker"
    if lower.endswith(".py"):
        return "python"
    return "requirements" if lower.startswith("requirements") and lower.endswith(".txt") else ""


def ignored(path: str, ignore: Sequence[str]) -> bool:
    return any(path == entry or path.endswith("/" + entry) or path.startswith(entry.rstrip("/") + "/") for entry in ignore)


def is_other(path: str) -> bool:
    """Files that are YAML and no manifests by their place: workflows, Compose, templates of charts, overlays of Kustomize."""
    name = path.rpartition("/")[2].lower()
    parts = path.split("/")
    return (
        name.startswith(("docker-compose", "compose.", "kustomization", "mkdocs", ".pre-commit", "openapi", "swagger", "values"))
        or name == "chart.yaml"
        or ".github" in parts
        or "templates" in parts
        or any(part.startswith(".") for part in parts)
    )


def looks_like_one(path: Path) -> bool:
    try:
        text = path.read_bytes()[:20_000].replace(b"\x00", b"")
    except OSError:
        return True
    return b"apiVersion" in text and b"kind" in text


def builds(found: Listing) -> tuple[Build, ...]:
    """Every Dockerfile with the context that its COPY lines speak of: its own folder, else the root."""
    return tuple(each for path in found.dockerfiles if (each := build(found.root, path)) is not None)


def build(root: Path, path: str, context: str = "") -> Build | None:
    """A Dockerfile as it is; None where it has no stage. `context` is the one that its owner named."""
    try:
        text = (root / path).read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    except OSError:
        return None
    stages = _FROM.findall(text)
    if not stages:
        return None
    last = stages[-1][0]
    base = next((image for image, name in stages if name and name == last), last)
    folder = str(Path(path).parent)
    copied = [word for flags, words in _COPY.findall(text) if "--from" not in flags for word in words.split()[:-1]]
    here = all((root / folder / word).exists() or "*" in word for word in copied)
    there = all((root / word).exists() or "*" in word for word in copied)
    commands = {name.upper(): value for name, value in _INSTRUCTION.findall(text)}
    words = tuple(words_of(commands.get("ENTRYPOINT", "")) + words_of(commands.get("CMD", "")))
    where = context or (folder if here or not there else ".")
    copies = tuple(dict.fromkeys(word.removeprefix("./").rstrip("/") or "." for word in copied))
    final = text[[found.start() for found in _FROM.finditer(text)][-1] :]
    packages = tuple(word for words in _INSTALL.findall(final) for word in words.split() if not word.startswith("-"))
    # `ENV NAME=value OTHER=value`, and in its old form `ENV NAME value`.
    sets = tuple(name for line in _SET.findall(final) for name in (_NAME.findall(line) or line.split()[:1]))
    return Build(path, where, base, words, commands.get("USER", ""), copies, packages, next(iter(_PGDATA.findall(final)), ""), sets)


def words_of(value: str) -> list[str]:
    """A command line of a Dockerfile: in its JSON form, or as a shell takes it apart."""
    import json
    import shlex

    if value.startswith("["):
        try:
            return [str(word) for word in json.loads(value)]
        except ValueError:
            return []
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
