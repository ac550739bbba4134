"""Which file and line a kustomization's rendered objects come from: resources, patches, generators, and the lines of its transformers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelterctl.adapters.stack import located_yaml, places
from shelterctl.adapters.stack.kustomization import GENERATORS, Book, Kustomization, Reached, file_of
from shelterctl.adapters.stack.places import Held, Operation
from shelterctl.core.stack.documents import Document, Origin, items, section
from shelterctl.core.stack.documents import Path as FieldPath

#: What kustomize puts behind a generated object's name (hasher.go: ten letters and digits).
_HASH = r"(-[a-z0-9]{10})?"


@dataclass(frozen=True, slots=True)
class _Resource:
    """An object of a file, and the name that it has once prefixes and suffixes are around it."""

    document: Document
    rendered_name: str


@dataclass(frozen=True, slots=True)
class _Patch:
    """What a patch says, and of which objects: patterns of kind and name, empty for all."""

    kind: str
    name: str
    document: Document

    def is_of(self, kind: str, names: Sequence[str]) -> bool:
        return _alike(self.kind, (kind,)) and _alike(self.name, names)

    def operations(self) -> Iterator[Operation]:
        for index, entry in enumerate(items(self.document.body, "")):
            parts = str(entry.get("path") or "").lstrip("/").split("/")
            path = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
            if entry.get("op") in ("add", "replace"):
                yield Operation(path, Held(self.document, ("", index, "value"), entry.get("value")))


def _alike(pattern: str, texts: Sequence[str]) -> bool:
    if not pattern or pattern in texts:
        return True
    try:
        return any(re.fullmatch(pattern, text) for text in texts)
    except re.error:
        return False


@dataclass(frozen=True, slots=True)
class Sources:
    """What a rendered kustomization was made of. `reached` has the outermost first, `patches` the innermost."""

    reached: Sequence[Reached]
    resources: Sequence[_Resource]
    patches: Sequence[_Patch]
    shown: Mapping[Path, str]

    @classmethod
    def of(cls, book: Book, reached: Sequence[Reached]) -> Sources:
        resources: list[_Resource] = []
        read: dict[Path, list[Document]] = {}
        shown: dict[Path, str] = {}
        for each in reached:
            for entry, path in each.it.files():
                shown[path] = book.shown(path)
                if entry.inner:
                    if path not in read:
                        read[path] = [found for found in located_yaml.read(path, shown[path]) if isinstance(found, Document)]
                    resources += [_Resource(found, f"{each.prefix}{found.name}{each.suffix}") for found in read[path]]
        patches = [patch for it in reversed([each.it for each in reached]) for patch in _patches(book, it)]
        return cls(reached, resources, patches, shown)

    def patches_of(self, kind: str, name: str) -> Iterator[Origin]:
        """Where the patches stand that name an object."""
        for patch in self.patches:
            if (patch.kind, patch.name) == (kind, name):
                yield patch.document.at("metadata", "name")

    def placed(self, rendered: Document) -> Document:
        """A rendered object with the places of its fields."""
        resource = self._resource(rendered)
        names = [rendered.name, *([resource.name] if resource is not None else ())]
        patches = [patch for patch in self.patches if patch.is_of(rendered.kind, names)]
        written = [*([resource] if resource is not None else ()), *(patch.document for patch in patches if "" not in patch.document.body)]
        operations = [operation for patch in patches for operation in patch.operations()]
        generated = list(self._generators(rendered)) if resource is None else []
        fallback = generated[0][1] if generated else Origin(self.reached[0].it.document.file)

        def said(path: FieldPath, value: object) -> Origin | None:
            if path[:1] in (("data",), ("stringData",), ("binaryData",)) and len(path) == 2:
                return next((where for it, _, at in generated if (where := self._source(it, at, str(path[1]))) is not None), None)
            return self._transformed(path, value, names)

        # Without a file of its own a generated object's patches say only what they changed.
        return places.placed(rendered.body, written if resource is not None else (), operations, said, fallback)

    def _resource(self, rendered: Document) -> Document | None:
        """The object as it is written: under the name that the prefixes give, its own, or one that is within; None where two may be it."""
        name = rendered.name
        alike = [each for each in self.resources if each.document.kind == rendered.kind and each.document.name]
        for fits in (
            [each for each in alike if each.rendered_name == name],
            [each for each in alike if each.document.name == name],
            [each for each in alike if name.startswith(each.document.name) or name.endswith(each.document.name)],
        ):
            found = {id(each.document): each.document for each in fits}
            if len(found) > 1:
                found = {key: each for key, each in found.items() if each.namespace == rendered.namespace} or found
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
        return None

    def _generators(self, rendered: Document) -> Iterator[tuple[Kustomization, Origin, FieldPath]]:
        """The generators that a ConfigMap or Secret comes from: one may be merged into another's."""
        for each in self.reached:
            for field, kind in GENERATORS.items():
                for index, entry in enumerate(items(each.it.body, field) if kind == rendered.kind else ()):
                    name = re.escape(f"{each.prefix}{entry.get('name')}{each.suffix}")
                    if re.fullmatch(name + _HASH, rendered.name):
                        yield each.it, each.it.document.at(field, index, "name"), (field, index)

    def _source(self, it: Kustomization, at: FieldPath, key: str) -> Origin | None:
        """Where a generator has a key's value from."""
        entry: Any = it.body[str(at[0])]
        entry = entry[at[1]]
        for index, text in enumerate(entry.get("literals") or ()):
            if str(text).partition("=")[0] == key:
                return it.document.at(*at, "literals", index)
        for index, text in enumerate(entry.get("files") or ()):
            own, path = file_of(str(text))
            if own == key:
                name = self.shown.get((it.folder / path).resolve())
                return Origin(name, 1) if name is not None else it.document.at(*at, "files", index)
        for text in (*(entry.get("envs") or ()), *([entry["env"]] if entry.get("env") else ())):
            file = (it.folder / str(text)).resolve()
            if file in self.shown and (line := _line_of(file, key)):
                return Origin(self.shown[file], line)
        return None

    def _transformed(self, path: FieldPath, value: object, names: Sequence[str]) -> Origin | None:
        """The line of the transformer that set a value, the outermost first."""
        for each in self.reached:
            body, at = each.it.body, each.it.document.at
            if path[-1:] == ("image",):
                for index, entry in enumerate(items(body, "images")):
                    if _makes(entry, str(value)):
                        return at("images", index, next((key for key in ("newTag", "digest") if key in entry), "newName"))
            elif path == ("spec", "replicas"):
                for index, entry in enumerate(items(body, "replicas")):
                    if entry.get("name") in names and entry.get("count") == value:
                        return at("replicas", index, "count")
            elif path == ("metadata", "namespace") and body.get("namespace") == value:
                return at("namespace")
        return None


def _makes(entry: Mapping[str, Any], image: str) -> bool:
    """Whether an entry of `images` made that image: its name, and its tag or digest where it gives one."""
    name = str(entry.get("newName") or entry.get("name") or "")
    if entry.get("digest"):
        return image == f"{name}@{entry['digest']}"
    if entry.get("newTag"):
        return image == f"{name}:{entry['newTag']}"
    return "newName" in entry and (image == name or image.startswith((f"{name}:", f"{name}@")))


def _patches(book: Book, it: Kustomization) -> Iterator[_Patch]:
    for field in ("patches", "patchesJson6902"):
        for index, entry in enumerate(items(it.body, field)):
            target = section(entry, "target")
            for document in _said_by(book, it, entry.get("path"), entry.get("patch"), it.document.at(field, index, "patch")):
                # A target goes before what the patch itself names.
                kind, name = (str((target or {}).get(key) or "") for key in ("kind", "name"))
                yield _Patch(kind or (document.kind if not target else ""), name or (document.name if not target else ""), document)
    for index, entry in enumerate(it.body.get("patchesStrategicMerge") or ()):
        inline = "\n" in str(entry)
        at = it.document.at("patchesStrategicMerge", index)
        for document in _said_by(book, it, None if inline else entry, entry if inline else None, at):
            yield _Patch(document.kind, document.name, document)


def _said_by(book: Book, it: Kustomization, path: object, text: object, at: Origin) -> Iterator[Document]:
    """The documents of a patch: of its file, or of its text within the kustomization at `at`."""
    if isinstance(path, str):
        file = (it.folder / path).resolve()
        found = located_yaml.read(file, book.shown(file), any_kind=True) if file.is_file() else iter(())
        yield from (each for each in found if isinstance(each, Document))
    elif isinstance(text, str):
        # A block begins on the line after its key.
        above = at.line if "\n" in text else at.line - 1
        for each in located_yaml.of_text(text, at.file, any_kind=True):
            if isinstance(each, Document):
                yield Document(each.body, each.file, {place: line + above for place, line in each.lines.items()})


def _line_of(path: Path, key: str) -> int:
    """The line of a file of variables that sets one; 0 where none does."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return next((number for number, line in enumerate(lines, 1) if line.partition("=")[0].strip() == key), 0)
