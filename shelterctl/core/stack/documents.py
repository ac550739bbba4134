"""A manifest's objects with the file and line of each field: every fact that is derived from them keeps its origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact stands: a file relative to the stack's folder, and a line from 1; 0 means the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a manifest. `lines` has the line of each field by its path.

    An object that was rendered has `elsewhere` the fields that another file than its own set: a patch, a transformer, a generator's source.
    """

    body: Mapping[str, Any] = field(repr=False)
    file: str
    lines: Mapping[Path, int] = field(repr=False, default_factory=dict)
    elsewhere: Mapping[Path, Origin] = field(repr=False, default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind") or "")

    @property
    def api_version(self) -> str:
        return str(self.body.get("apiVersion") or "")

    @property
    def name(self) -> str:
        return str(section(self.body, "metadata").get("name") or "")

    @property
    def namespace(self) -> str:
        """Empty where the object states none."""
        return str(section(self.body, "metadata").get("namespace") or "")

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    def at(self, *path: str | int) -> Origin:
        """The origin of a field, or of what encloses it where it is not written."""
        for length in range(len(path), -1, -1):
            other = self.elsewhere.get(path[:length])
            if other is not None:
                return other
            line = self.lines.get(path[:length])
            if line is not None:
                return Origin(self.file, line)
        return Origin(self.file)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or a document of it, that is no manifest: `why` in the parser's words or ours."""

    origin: Origin
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """A folder whose objects a program made: `command` as one would type it in the stack's folder, `origin` the file that it follows.

    `release` and `values` (files) are a chart's; empty for a kustomization.
    """

    folder: str
    command: str
    objects: int
    origin: Origin
    release: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in a rendered folder that is not taken. `code` is its finding's; `matters` where the stack may miss it."""

    code: str
    origin: Origin
    what: str
    why: str
    matters: bool = False


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that was read from a stack's folders. `folders` are those that were taken, `renderings` those that a program rendered.

    `generated` are Secrets that no file holds, and that `up` makes; they count as being there, and are not among the `documents`.
    """

    documents: tuple[Document, ...]
    unreadable: tuple[Unreadable, ...] = ()
    folders: tuple[str, ...] = ()
    renderings: tuple[Rendering, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    generated: tuple[Document, ...] = ()

    def of(self, *kinds: str) -> Iterator[Document]:
        return (document for document in self.documents if document.kind in kinds)

    def find(self, kind: str, name: str, namespace: str = "") -> Document | None:
        """The object of that name; of that namespace where both state one."""
        named = (d for d in (*self.of(kind), *self.generated) if d.kind == kind and d.name == name)
        return next((d for d in named if not namespace or not d.namespace or d.namespace == namespace), None)


def section(body: object, *path: str) -> Mapping[str, Any]:
    """A mapping within a mapping; empty where it is not there or something else."""
    found: object = body
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def items(body: object, *path: str) -> Sequence[Mapping[str, Any]]:
    """The mappings of a list within a mapping; empty where it is not there or something else."""
    found = section(body, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list | tuple) else ()


def template_path(kind: str) -> Path:
    """Where a kind keeps the pod's specification."""
    if kind == "Pod":
        return ("spec",)
    if kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template", "spec")
    return ("spec", "template", "spec")


def pod_of(body: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification in an object that is to be edited; an empty one where it has none."""
    found: Any = body
    for part in template_path(str(body["kind"])):
        found = found.get(part) or {}
    assert isinstance(found, dict)
    return found


def containers_of(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its containers, those before the others first."""
    return [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]


def names(texts: Iterable[str]) -> str:
    """A list for people."""
    return ", ".join(dict.fromkeys(texts))
