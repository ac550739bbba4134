"""Which kustomizations and charts of a folder are meant: those that nothing else is built on, and one of the overlays over a base."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters.stack.folder import FOR_ELSEWHERE, Listing, ignored
from shelterctl.adapters.stack.kustomization import Book, Kustomization
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Question

#: Overlays for a machine like this one.
_FOR_HERE = re.compile(r"minikube|kind|k3d|local|dev|test", re.IGNORECASE)
_OVERLAYS = re.compile(r"overlays?|variants?", re.IGNORECASE)


def covers(folder: str, path: str) -> bool:
    """Whether a path lies in a folder, or is it."""
    return folder in (".", path) or path.startswith(folder + "/")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The folders to render. `charts_beside` are charts that nobody named: they are meant where nothing else is there."""

    kustomizations: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    charts_beside: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Packages:
    """`kustomizations` and `charts` are the folders that hold one, without those that are ignored."""

    book: Book
    kustomizations: tuple[str, ...]
    charts: tuple[str, ...]

    @classmethod
    def of(cls, found: Listing, ignore: Sequence[str]) -> Packages:
        def taken(folder: str) -> bool:
            return not ignored(folder, ignore) and not any(part.startswith(".") for part in folder.split("/") if part != ".")

        # What lies in a chart's charts/ is a part of it.
        charts = [each for each in found.charts if not any(_is_part(other, each) for other in found.charts)]
        return cls(
            Book(found.root), tuple(filter(taken, found.kustomizations)), tuple(filter(taken, charts))
        )  # fmt: skip

    def __bool__(self) -> bool:
        return bool(self.kustomizations or self.charts)

    def holder(self, path: str, named: Sequence[str]) -> str | None:
        """The innermost folder with a kustomization or a chart that a file lies in; None for a file of its own.

        A folder or file that was named within one counts by itself.
        """
        held = [
            folder
            for folder in (*self.kustomizations, *self.charts)
            if covers(folder, path) and any(covers(name, folder) and covers(name, path) for name in named)
        ]
        own = any(covers(name, path) and not any(covers(name, folder) for folder in held) for name in named)
        return None if own else max(held, key=lambda folder: (folder != ".", folder.count("/")), default=None)

    def choose(self, named: Sequence[str], *, asked: bool) -> Chosen:
        """What is meant by the named folders; `asked` where their owner named them."""
        exact = [folder for folder in named if folder in self.kustomizations] if asked else []
        charts = [folder for folder in named if folder in self.charts] if asked else []
        below = [each for each in self.kustomizations if any(covers(name, each) for name in named if name not in exact)]
        groups = self._groups([each for each in self._tops(below) if each not in exact])
        questions = []
        for group in groups:
            if any(self._shared(one, other) for one in group for other in exact):
                continue
            chosen = min(group, key=_rank)
            exact.append(chosen)
            if len(group) > 1:
                text = f"{len(group)} overlays are built on the same base"
                questions.append(Question("stack.manifests", text, tuple(sorted(group)), Origin(chosen)))
        beside = [each for each in self.charts if each not in charts and any(covers(name, each) for name in named if name not in charts)]
        return Chosen(tuple(exact), tuple(charts), tuple(beside), tuple(questions))

    def _tops(self, folders: Sequence[str]) -> list[str]:
        """Those that no other is built on. In a cycle each is built on another: then the first, so that kustomize says so."""
        wholes = [folder for folder in folders if not self._at(folder).is_component]
        used = {inner for folder in self.kustomizations for _, inner in self._at(folder).inner()}
        tops = [folder for folder in wholes if self._path(folder) not in used]
        reached = {path for folder in tops for path in self._reach(folder)}
        for folder in wholes:
            if self._path(folder) not in reached and self._path(folder) in self._built_on(folder):
                tops.append(folder)
                reached |= self._reach(folder)
        return tops

    def _groups(self, folders: Sequence[str]) -> Iterator[list[str]]:
        left = list(folders)
        while left:
            group = [left.pop(0)]
            while more := [each for each in left if any(self._shared(each, held) for held in group)]:
                group += more
                left = [each for each in left if each not in more]
            yield group

    def _shared(self, one: str, other: str) -> bool:
        """Whether two are built on the same kustomization. A component is a part that many take."""
        return bool(self._reach(one) & self._reach(other))

    def _reach(self, folder: str) -> set[Path]:
        return {each.it.folder for each in self.book.reach(self.book.root / folder) if not each.it.is_component}

    def _built_on(self, folder: str) -> set[Path]:
        return {each.it.folder for _, inner in self._at(folder).inner() for each in self.book.reach(inner)}

    def _at(self, folder: str) -> Kustomization:
        return self.book.at(self.book.root / folder)

    def _path(self, folder: str) -> Path:
        return (self.book.root / folder).resolve()


def _is_part(chart: str, folder: str) -> bool:
    return covers(f"{chart}/charts" if chart != "." else "charts", folder)


def _rank(folder: str) -> tuple[bool, bool, str]:
    """The overlay for here comes first: by its own name, else by not being one for elsewhere."""
    name = folder.rpartition("/")[2]
    return not _FOR_HERE.search(name), bool(FOR_ELSEWHERE.search(_OVERLAYS.sub("", folder))), folder
