"""Manifests with their lines, and what is no manifest with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.stack import located_yaml
from shelterctl.core.stack.documents import Document, Unreadable

pytestmark = pytest.mark.unit


def read(tmp_path: Path, content: str | bytes) -> list[Document | Unreadable]:
    path = tmp_path / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(located_yaml.read(path, "x.yaml"))


def test_each_field_knows_its_line(tmp_path: Path) -> None:
    text = """# a comment
apiVersion: v1
kind: Service
metadata:
  name: one
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: two}
    data:
      day: 2026-11-25
      port: 0x1F
      anchor: &a text
      same: *a
"""
    first, second = read(tmp_path, text)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.key, str(first.at("metadata", "name")), str(first.at("spec", "ports", 0))) == ("Service/one", "x.yaml:5", "x.yaml:2")
    assert (second.key, str(second.at("data", "day"))) == ("ConfigMap/two", "x.yaml:14")
    # Kubernetes knows no dates.
    assert second.body["data"] == {"day": "2026-11-25", "port": 31, "anchor": "text", "same": "text"}


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        ("apiVersion: v1\n\tkind: Service\n", "is no YAML at line 2", "a tab"),
        ("apiVersion: v1\nkind: Service\nkind: Pod\n", "has a key twice", "line 2"),
        ("apiVersion: v1\nmetadata: {name: x}\n", "an object without kind", "kubectl refuses it"),
        ("apiVersion: v1\nkind: Service\n".encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
        # As an editor saves it that writes no mark.
        ("apiVersion: v1\nkind: Service\n".encode("utf-16-le"), "is UTF-16LE", "iconv -f UTF-16LE -t UTF-8"),
        ("apiVersion: v1\nkind: Service\n".encode("utf-16-be"), "is UTF-16BE", "iconv -f UTF-16BE -t UTF-8"),
        ("apiVersion: v1\nkind: Service\n".encode("utf-32"), "is UTF-32", "iconv -f UTF-32 -t UTF-8"),
        (b"apiVersion: v1\nkind: \xff\xfe\xfa\n", "not UTF-8", "kubectl reads UTF-8 only"),
        ("apiVersion: v1\nkind: [Service\n", "is no YAML", ""),
    ],
)
def test_what_is_no_manifest_is_named_with_its_reason(tmp_path: Path, content: str | bytes, what: str, why: str) -> None:
    found = [item for item in read(tmp_path, content) if isinstance(item, Unreadable)]
    assert len(found) == 1
    assert what in found[0].what
    assert why in found[0].why


def test_what_is_something_else_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "name: CI\non: push\njobs: {}\n") == []
    assert read(tmp_path, "") == []
    assert read(tmp_path, "- 1\n- 2\n") == []


def test_a_billion_laughs_is_no_manifest(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    found = read(tmp_path, "\n".join(["apiVersion: v1", "kind: ConfigMap", *lines]))
    assert [type(item) for item in found] == [Unreadable]
