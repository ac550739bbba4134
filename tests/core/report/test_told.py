"""Figures in words."""

from __future__ import annotations

import pytest

from shelterctl.core.report import told

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (-0.001, "0.00 s"), (-0.06, "-0.06 s"), (0.0, "0.00 s"), (1234.5, "1,234.50 s")])
def test_seconds(value: float | None, text: str) -> None:
    assert told.seconds(value, 2) == text
