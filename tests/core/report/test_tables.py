"""Tables of a report, as far as they must fit on a page."""

from __future__ import annotations

import pytest

from shelterctl.core.report.document import Table
from shelterctl.core.report.html import _table

pytestmark = pytest.mark.unit


def test_a_name_in_a_wide_table_may_break_after_its_dots_and_nothing_else() -> None:
    row = ("PASS", "app.shelter.svc.cluster.local.", "A", "10.0.0.1", "1.5 ms", "x.<b>")
    wide = "".join(_table(Table("names", ("a", "b", "c", "d", "e", "f"), (row,))))
    assert "app.<wbr>shelter.<wbr>svc.<wbr>cluster.<wbr>local.</td>" in wide
    assert "10.0.0.1</td>" in wide
    assert "1.5 ms</td>" in wide
    assert "x.&lt;b&gt;" in wide
    assert "<wbr>" not in "".join(_table(Table("names", ("a", "b"), (row[:2],))))
