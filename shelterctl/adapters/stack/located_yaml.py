"""YAML documents with the line of each field. A file that kubectl would not read is named with the reason, not skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from shelterctl.core.stack.documents import Document, Origin, Unreadable
from shelterctl.core.stack.documents import Path as FieldPath

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
#: An anchor that refers to itself again and again (a billion laughs) is no manifest.
_MOST_NODES = 200_000


class _Doubled(Exception):
    def __init__(self, key: str, first: int, second: int) -> None:
        super().__init__(f"{key} stands there twice, at line {first} and here")
        self.line = second


def read(path: Path, shown: str, *, any_kind: bool = False) -> Iterator[Document | Unreadable]:
    """The objects of a file, the items of a List one by one. `shown` is the file's name in every origin.

    With `any_kind` every document of the file as it is, a kustomization or a patch; one that is no mapping stands under the empty key.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        yield Unreadable(Origin(shown), f"{shown} cannot be read", str(error.strerror))
        return
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "")
    if not encoding and 3 * raw.count(b"\0") > len(raw):
        # Without its mark it is UTF-8 by its bytes, with a zero beside each letter.
        encoding = "UTF-16LE" if raw[1::2].count(b"\0") > raw[::2].count(b"\0") else "UTF-16BE"
    if encoding:
        yield Unreadable(Origin(shown), f"{shown} is {encoding}", f"kubectl reads UTF-8 only: iconv -f {encoding} -t UTF-8")
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        said = f"{shown} is not UTF-8 (byte {error.start + 1})"
        yield Unreadable(Origin(shown, raw[: error.start].count(b"\n") + 1), said, "kubectl reads UTF-8 only: save it as UTF-8")
        return
    yield from of_text(text.removeprefix("\ufeff"), shown, any_kind=any_kind)


def of_text(text: str, shown: str, *, any_kind: bool = False) -> Iterator[Document | Unreadable]:
    """The same of a text that a program printed, or of one within another file."""
    loader = _LOADER(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            yield from _objects(node, shown, any_kind)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        problem = str(error.problem or error)
        at_fault = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
        if "\\t" in problem or at_fault.lstrip(" ").startswith("\t"):
            problem = "a tab stands where YAML takes spaces only"
        yield Unreadable(Origin(shown, line), f"{shown} is no YAML at line {line}", problem)
    except yaml.YAMLError as error:
        yield Unreadable(Origin(shown), f"{shown} is no YAML", str(error))
    except RecursionError:
        yield Unreadable(Origin(shown), f"{shown} is no manifest", "it is nested too deeply")
    finally:
        loader.dispose()


def _objects(node: Any, shown: str, any_kind: bool) -> Iterator[Document | Unreadable]:
    lines: dict[FieldPath, int] = {}
    try:
        body = _value(node, (), lines, [0])
    except _Doubled as doubled:
        yield Unreadable(Origin(shown, doubled.line), f"{shown} has a key twice", f"{doubled}: which one counts depends on who reads it")
        return
    if body is None:
        return
    if any_kind:
        whole = body if isinstance(body, dict) else {"": body}
        yield Document(whole, shown, lines if whole is body else {("", *path): line for path, line in lines.items()})
        return
    if not isinstance(body, dict) or "kind" not in body or "apiVersion" not in body:
        if isinstance(body, dict) and ("kind" in body or "metadata" in body):
            missing = "apiVersion" if "kind" in body else "kind"
            yield Unreadable(Origin(shown, lines.get((), 0)), f"{shown} holds an object without {missing}", "kubectl refuses it")
        return
    if body["kind"] == "List":
        for index, item in enumerate(body.get("items") or ()):
            if isinstance(item, dict):
                own = {path[2:]: line for path, line in lines.items() if path[:2] == ("items", index)}
                yield Document(item, shown, own)
        return
    yield Document(body, shown, lines)


def _value(node: Any, path: FieldPath, lines: dict[FieldPath, int], count: list[int]) -> Any:
    count[0] += 1
    if count[0] > _MOST_NODES:
        raise yaml.YAMLError("it has more fields than a manifest has")
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node)
            if key == "<<":
                merged = _value(value_node, path, {}, count)
                for part in merged if isinstance(merged, list) else [merged]:
                    found = {**(part if isinstance(part, dict) else {}), **found}
                continue
            line = key_node.start_mark.line + 1
            if (*path, key) in lines and key in found:
                raise _Doubled(key, lines[(*path, key)], line)
            lines[(*path, key)] = line
            found[key] = _value(value_node, (*path, key), lines, count)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines, count) for index, item in enumerate(node.value)]
    value = _SCALARS.construct_object(node)
    # Kubernetes knows no dates: what looks like one is a text to it.
    return value if value is None or isinstance(value, str | int | float | bool) else node.value


class _Scalars(yaml.SafeLoader):
    """Turns single nodes into values, as the loader does."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        self.constructed_objects = {}
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, ValueError):
            return node.value


_SCALARS = _Scalars("")
