"""The tables of shelterctl.toml that describe a stack. All of them may be left out; a key that is not known is an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelterctl.adapters.stack import request_tables
from shelterctl.adapters.stack.looks import IDS, TABLES, TOKENS
from shelterctl.core.duration import parse_duration_s
from shelterctl.errors import UsageError
from shelterctl.settings import FILE_NAME, nearest

if TYPE_CHECKING:
    # Each command reads this file, and few need the model of a stack.
    from shelterctl.core.stack.generated import GeneratedSecret
    from shelterctl.core.stack.model import Build

USES = ("built", "registry", "pulled")
_TABLES: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "stack": {
        "manifests": list, "namespace": str, "app": str, "database": str, "service": str, "ignore": list, "image": (dict, list),
        "secret": (dict, list), "accounting": str,
    },
    "manifests": {"values": list, "release": str},
    "writes": {"request": str, "json": dict, "form": dict, "headers": dict, "ok": dict, "rejected": list, "id": str, "key": str},
    "reads": {"request": str, "finds": str, "max_bytes": str, "version": str, "live": str, "health": str},
    "database": {"engine": str, "place": str, "credentials": str, "secret": str, "driver_timeout": str},
    "load": {"mix": dict, "max_writes": int, "headers": dict},
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
    """`path` is None where there is no file with any of these tables. `values` and `release` are a chart's."""

    path: Path | None = None
    manifests: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    release: str = ""
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
    secrets: tuple[GeneratedSecret, ...] = ()
    accounting: str = TOKENS

    def builds(self) -> dict[str, Build]:
        """The Dockerfiles that the owner tied to images."""
        from shelterctl.core.stack.model import Build

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
    assert _TABLES.keys() == TABLES
    tables = {name: _table(path, name, content[name]) for name in _TABLES if name in content}
    if not tables:
        return StackConfig()
    request_tables.check(path, tables.get("writes", {}), tables.get("reads", {}), tables.get("load", {}))
    _check_database(path, tables.get("database", {}))
    _check_service(path, tables.get("stack", {}).get("service", ""))
    stack, rendered = tables.get("stack", {}), tables.get("manifests", {})
    return StackConfig(
        path=path,
        manifests=_texts(path, "stack.manifests", stack.get("manifests", ())),
        values=_texts(path, "manifests.values", rendered.get("values", ())),
        release=rendered.get("release", ""),
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
        secrets=_secrets(path, stack.get("secret", ())),
        accounting=_accounting(path, stack.get("accounting", TOKENS)),
    )


def _check_service(path: Path, value: str) -> None:
    if value and not re.fullmatch(r"[a-z0-9.-]+(:[1-9][0-9]{0,4})?", value):
        raise UsageError(f"{path}: [stack] service = {value!r}", why="NAME or NAME:PORT is wanted, the port as a number")


def _check_database(path: Path, found: Mapping[str, Any]) -> None:
    """What is said of the database must be usable before anything is killed. Raises UsageError."""
    if not found:
        return
    from shelterctl.core.stack.model import Engine

    engines = [engine.value for engine in Engine]
    if "engine" in found and found["engine"] not in engines:
        what = f"{path}: [database] engine = {found['engine']!r}{nearest(found['engine'], engines)}"
        raise UsageError(what, why=f"Known: {', '.join(engines)}")
    if "place" in found and not re.fullmatch(r"[^:]+:[^:]+", found["place"]):
        raise UsageError(
            f"{path}: [database] place = {found['place']!r}",
            why="database.collection:path or schema.table:column is wanted; the names before the last dot may be left out",
        )
    if found.get("credentials", "pod") != "pod":
        raise UsageError(
            f"{path}: [database] credentials = {found['credentials']!r}",
            why="pod (the database container's own variables) is all that it can be",
            next_command='secret = "NAME/USER-KEY/PASSWORD-KEY" in its place, for a Secret beside the database',
        )
    if "secret" in found and (not re.fullmatch(r"[a-z0-9.-]+(/[A-Za-z0-9._-]+){2}", found["secret"]) or "credentials" in found):
        raise UsageError(
            f"{path}: [database] secret = {found['secret']!r}",
            why="name/user-key/password-key of a Secret in the database's namespace is wanted, and no credentials beside it",
        )
    if "driver_timeout" in found:
        try:
            parse_duration_s(found["driver_timeout"])
        except ValueError as error:
            raise UsageError(f"{path}: [database] driver_timeout = {found['driver_timeout']!r}", why=str(error)) from error


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


def _accounting(path: Path, value: str) -> str:
    if value not in (TOKENS, IDS):
        what = f"{path}: [stack] accounting = {value!r}{nearest(value, (TOKENS, IDS))}"
        raise UsageError(what, why=f"Known: {TOKENS}; {IDS} for a copy of the tool's own application, which takes and gives back ids")
    return value


def _secrets(path: Path, value: object) -> tuple[GeneratedSecret, ...]:
    """Secrets that `up` makes. Raises UsageError."""
    if not value:
        return ()
    from shelterctl.core.stack.generated import GeneratedSecret, misread

    found = []
    for entry in value if isinstance(value, list | tuple) else [value]:
        keys = entry.get("keys") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not entry.get("name") or set(entry) - {"name", "namespace", "keys"} or not isinstance(keys, dict):
            raise UsageError(
                f"{path}: [[stack.secret]] has name, keys, and namespace if it is not its takers'", why="keys is a table of texts"
            )
        if not keys or not all(isinstance(text, str) for text in keys.values()):
            raise UsageError(f"{path}: [[stack.secret]] {entry['name']}: keys is a table of texts, and not an empty one")
        for key, text in keys.items():
            if wrong := misread(text):
                raise UsageError(
                    f"{path}: [[stack.secret]] {entry['name']}: {key} = {text!r}: {wrong!r} cannot be read",
                    why="{name} stands for a password that is generated: small letters, digits and hyphens",
                )
        found.append(GeneratedSecret(str(entry["name"]), dict(keys), str(entry.get("namespace", ""))))
    return tuple(found)
