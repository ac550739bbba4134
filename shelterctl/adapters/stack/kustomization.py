"""Kustomizations as they are written: what each one names, what it leads to, and what in it cannot be built."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shelterctl.adapters.stack import located_yaml
from shelterctl.adapters.stack.folder import KUSTOMIZATIONS
from shelterctl.core.stack.documents import Document, Origin, Unreadable, items

_FOLDERS = ("resources", "bases", "components")
_FILES = ("crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge")
_PATCHES = ("patches", "patchesJson6902", "replacements")
GENERATORS = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
#: What kustomize would fetch where no file of that name is there: a host before the path, or git's own spellings.
_REMOTE = re.compile(r"^(git@|git::|gh:|github\.com[/:]|[\w-]+(\.[\w-]+)+(:\d+)?/.+(//|\.git\b|\?ref=))|[?&](ref|version)=")
#: A kustomization that leads to more is no person's work.
_MOST_REACHED = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder that a kustomization names: `inner` one that may be a folder with a kustomization of its own."""

    text: str
    origin: Origin
    inner: bool = False

    @property
    def remote(self) -> bool:
        return "://" in self.text or bool(_REMOTE.search(self.text))


@dataclass(frozen=True, slots=True)
class Kustomization:
    """`folder` is absolute; `document` is the file's content, empty where it cannot be read, and then `broken` says why."""

    folder: Path
    document: Document
    broken: Unreadable | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        return self.document.body

    @property
    def is_component(self) -> bool:
        return self.document.kind == "Component"

    def entries(self) -> Iterator[Entry]:
        """Everything that it names, in no order. Inline YAML is no name."""
        body, at = self.body, self.document.at
        for name in (*_FOLDERS, *_FILES):
            for index, text in enumerate(_list(body.get(name))):
                if isinstance(text, str) and "\n" not in text:
                    yield Entry(text, at(name, index), name in _FOLDERS)
        for name in _PATCHES:
            for index, entry in enumerate(_list(body.get(name))):
                if isinstance(entry, Mapping) and isinstance(entry.get("path"), str):
                    yield Entry(entry["path"], at(name, index, "path"))
        for name in GENERATORS:
            for index, entry in enumerate(items(body, name)):
                for key in ("files", "envs"):
                    for number, text in enumerate(_list(entry.get(key))):
                        yield Entry(file_of(str(text))[1], at(name, index, key, number))
                if isinstance(entry.get("env"), str):
                    yield Entry(entry["env"], at(name, index, "env"))

    def inner(self) -> Iterator[tuple[Entry, Path]]:
        """The kustomizations that it is built on, by their folders."""
        for entry in self.entries():
            if entry.inner and not entry.remote and file_in(self.folder / entry.text) is not None:
                yield entry, (self.folder / entry.text).resolve()

    def files(self) -> Iterator[tuple[Entry, Path]]:
        for entry in self.entries():
            path = self.folder / entry.text
            if not entry.remote and path.is_file():
                yield entry, path.resolve()


@dataclass(frozen=True, slots=True)
class Reached:
    """A kustomization on the way from the one that is built, with what is put around the names of its objects by all of them."""

    it: Kustomization
    prefix: str
    suffix: str


@dataclass(slots=True)
class Book:
    """The kustomizations of a stack's folder, each read once."""

    root: Path
    _read: dict[Path, Kustomization] = field(default_factory=dict)

    def at(self, folder: Path) -> Kustomization:
        """The kustomization of a folder that has one."""
        folder = folder.resolve()
        if folder not in self._read:
            self._read[folder] = self._of(folder)
        return self._read[folder]

    def _of(self, folder: Path) -> Kustomization:
        file = file_in(folder)
        assert file is not None
        shown = self.shown(file)
        for found in located_yaml.read(file, shown, any_kind=True):
            if isinstance(found, Document):
                return Kustomization(folder, found)
            return Kustomization(folder, Document({}, shown), found)
        return Kustomization(folder, Document({}, shown), Unreadable(Origin(shown), f"{shown} is empty", "kustomize takes no empty file"))

    def shown(self, path: Path) -> str:
        """A file's name in every origin: from the stack's folder, also where it lies outside."""
        return Path(os.path.relpath(path.resolve(), self.root.resolve())).as_posix()

    def reach(self, folder: Path) -> list[Reached]:
        """What a kustomization is built of, itself first. One that two others name is there twice: its names differ."""
        found: list[Reached] = []
        self._follow(self.at(folder), "", "", (), found)
        return found

    def taken_by(self, folder: Path) -> set[Path]:
        """The files that a kustomization names itself."""
        return {path for _, path in self.at(folder).files()}

    def _follow(self, it: Kustomization, prefix: str, suffix: str, chain: tuple[Path, ...], found: list[Reached]) -> None:
        if it.folder in chain or len(found) >= _MOST_REACHED:
            return
        prefix, suffix = prefix + str(it.body.get("namePrefix") or ""), str(it.body.get("nameSuffix") or "") + suffix
        found.append(Reached(it, prefix, suffix))
        for _, folder in it.inner():
            self._follow(self.at(folder), prefix, suffix, (*chain, it.folder), found)


def problems(reached: list[Reached]) -> Iterator[Unreadable]:
    """Why it cannot be built, as far as the files show it: each with its line, for what kustomize says in words of its own."""
    for it in {each.it.folder: each.it for each in reached}.values():
        if it.broken is not None:
            yield it.broken
        if "helmCharts" in it.body:
            why = "`kubectl kustomize` renders no chart without --enable-helm, and shelterctl lets it fetch none"
            yield Unreadable(it.document.at("helmCharts"), f"{it.document.at('helmCharts')} inflates a chart", why)
        for entry in it.entries():
            path = it.folder / entry.text
            if not entry.remote and not path.exists():
                yield Unreadable(entry.origin, f"{entry.origin} names {entry.text}, which is not there", "")
            elif entry.inner and path.is_dir() and file_in(path) is None:
                yield Unreadable(entry.origin, f"{entry.origin} names {entry.text}, a folder without a kustomization.yaml", "")
    for it in {each.it.folder: each.it for each in reached}.values():
        for entry, folder in it.inner():
            if any(_leads(each.it, it.folder, reached) for each in reached if each.it.folder == folder):
                yield Unreadable(entry.origin, f"{entry.origin} names {entry.text}, which leads back here: a cycle", "")


def _leads(it: Kustomization, to: Path, reached: list[Reached]) -> bool:
    known = {each.it.folder: each.it for each in reached}
    seen: set[Path] = set()
    ahead = [it.folder]
    while ahead:
        place = ahead.pop()
        if place == to:
            return True
        if place not in seen and place in known:
            seen.add(place)
            ahead += [folder for _, folder in known[place].inner()]
    return False


def file_in(folder: Path) -> Path | None:
    """A folder's kustomization file."""
    return next((folder / name for name in KUSTOMIZATIONS if (folder / name).is_file()), None)


def file_of(text: str) -> tuple[str, str]:
    """Key and path of a generator's `files` entry, `KEY=PATH` or `PATH`."""
    key, sign, path = text.partition("=")
    return (key, path) if sign else (text.rpartition("/")[2], text)


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
