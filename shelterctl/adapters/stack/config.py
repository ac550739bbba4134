"""The tables of shelterctl.toml that describe a stack. All of them may be left out; a key that is not known is an error."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shelterctl.adapters.stack import request_tables
from shelterctl.core.stack.model import Build
from shelterctl.errors import UsageError
from shelterctl.settings import FILE_NAME, nearest

USES = ("built", "registry", "pulled")
_TABLES: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "stack": {
        "manifests": list, "namespace": str, "app": str, "database": str, "service": str, "ignore": list, "image": (dict, list),
    },
    "writes": {"request": str, "json": dict, "form": dict, "headers": dict, "ok": dict, "rejected": list, "id": str},
    "reads": {"request": str, "finds": str, "max_bytes": str},
    "database": {"engine": str, "place": str, "credentials": str, "driver_timeout": str},
    "load": {"mix": dict, "max_writes": int},
}  # fmt: skip
_IMAGE = {"name": str, "context": str, "dockerfile": str, "use": str}


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """What the owner says of an image: where it is built, and whether it is loaded (`built`), pushed (`registry`) or left alone."""

    name: str
    context: str = ""
    dockerfile: str = ""
    use: str = "built"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """`path` is None where there is no file with any of these tables."""

    path: Path | None = None
    manifests: tuple[str, ...] = ()
    namespace: str = ""
    app: str = ""
    database: str = ""
    service: str = ""
    ignore: tuple[str, ...] = ()
    images: tuple[ImageChoice, ...] = ()
    writes: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)
    database_facts: Mapping[str, Any] = field(default_factory=dict)
    load: Mapping[str, Any] = field(default_factory=dict)

    def builds(self) -> dict[str, Build]:
        """The Dockerfiles that the owner tied to images."""
        return {
            image.name: Build(image.dockerfile or f"{image.context or '.'}/Dockerfile".removeprefix("./"), image.context or ".", "")
            for image in self.images
            if image.use != "pulled" and (image.context or image.dockerfile)
        }


def read(folder: Path) -> StackConfig:
    """The tables of the folder's own file. Raises UsageError."""
    path = folder / FILE_NAME
    if not path.is_file():
        return StackConfig()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error)) from error
    tables = {name: _table(path, name, content[name]) for name in _TABLES if name in content}
    if not tables:
        return StackConfig()
    request_tables.check(path, tables.get("writes", {}), tables.get("reads", {}))
    stack = tables.get("stack", {})
    return StackConfig(
        path=path,
        manifests=_texts(path, "stack.manifests", stack.get("manifests", ())),
        namespace=stack.get("namespace", ""),
        app=stack.get("app", ""),
        database=stack.get("database", ""),
        service=stack.get("service", ""),
        ignore=_texts(path, "stack.ignore", stack.get("ignore", ())),
        images=_images(path, stack.get("image", ())),
        writes=tables.get("writes", {}),
        reads=tables.get("reads", {}),
        database_facts=tables.get("database", {}),
        load=tables.get("load", {}),
    )


def _table(path: Path, name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: [{name}] is a table", next_command="shelterctl init --show")
    known = _TABLES[name]
    for key, found in value.items():
        if key not in known:
            raise UsageError(f"{path}: [{name}] has no key {key}{nearest(key, known)}", why="Known: " + ", ".join(known))
        kind = known[key]
        if not isinstance(found, kind) or isinstance(found, bool):
            wanted = kind.__name__ if isinstance(kind, type) else " or ".join(each.__name__ for each in kind)
            raise UsageError(f"{path}: [{name}] {key} = {found!r}", why=f"{_NAMES.get(wanted, wanted)} is wanted")
    return value


_NAMES = {"str": "a text", "list": "a list", "dict": "a table", "int": "a whole number", "dict or list": "a table"}


def _texts(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{path}: {name} is a list of texts")
    return tuple(value)


def _images(path: Path, value: object) -> tuple[ImageChoice, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    found = []
    for entry in entries:
        if not isinstance(entry, dict) or "name" not in entry or set(entry) - set(_IMAGE):
            raise UsageError(f"{path}: [stack.image] has name, and context, dockerfile or use", why=f"given: {entry!r}"[:200])
        choice = ImageChoice(**{key: str(item) for key, item in entry.items()})
        if choice.use not in USES:
            raise UsageError(f"{path}: [stack.image] use = {choice.use!r}", why=f"Known: {', '.join(USES)}")
        found.append(choice)
    return tuple(found)
