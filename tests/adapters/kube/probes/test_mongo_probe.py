"""The program that reads MongoDB: what both of its shells can parse."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

pytestmark = pytest.mark.unit

#: What ECMAScript 5 does not have: the mongo shell of MongoDB 3 and 4 knows parts of it only, `const` in a loop's head not at all.
_LATER = re.compile(r"\b(?:let|const|class|async|await|yield|of)\b|=>|`|\.\.\.|\bfunction\s*\*|\?\.|\?\?|\brequire\(")


def test_it_is_written_in_ecmascript_5() -> None:
    program = files("shelterctl.adapters.kube.probes").joinpath("mongo_probe.js").read_text(encoding="utf-8")
    code = re.sub(r'"[^"\n]*"', '""', re.sub(r"^\s*//.*$", "", program, flags=re.MULTILINE))
    assert not _LATER.search(code)


@pytest.mark.parametrize("code", ["const a = 1;", "for (let x of y) {}", "list.map((x) => x)", "f(...list)", 'require("fs")'])
def test_what_is_later_is_told(code: str) -> None:
    assert _LATER.search(code)
