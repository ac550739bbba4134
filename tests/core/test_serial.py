"""Records to JSON values."""

from __future__ import annotations

import json
from enum import Enum, IntEnum
from pathlib import Path

import pytest

from shelterctl.core.faults.ledger import Category, Entry
from shelterctl.core.serial import to_json

pytestmark = pytest.mark.unit


class Code(IntEnum):
    SIX = 6


class Nested(Enum):
    PAIR = ("a", 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (Code.SIX, 6),
        (Category.LOST, "lost"),
        (Nested.PAIR, ["a", 1]),
        (0.1 + 0.2, 0.3),
        (float("nan"), None),
        (float("inf"), None),
        ("ü", "ü"),
        ((1, (2,)), [1, [2]]),
        ({Category.OK: 1, 2: "x"}, {"ok": 1, "2": "x"}),
        (frozenset({"b", "a"}), ["a", "b"]),
        (
            Entry("id", Category.LOST, None, False),
            {"id": "id", "category": "lost", "saw": None, "present": False, "where": "", "how": ""},
        ),
    ],
)
def test_data(value: object, expected: object) -> None:
    assert to_json(value) == expected
    assert type(to_json(value)) is type(expected)
    json.dumps(to_json(value), allow_nan=False)


@pytest.mark.parametrize("value", [Path("x"), b"bytes", bytearray(b"x"), object(), Entry, lambda: None])
def test_what_is_no_data(value: object) -> None:
    with pytest.raises(TypeError, match="is not data"):
        to_json(value)
