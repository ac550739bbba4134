"""What a quick command does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.local


def test_a_result_of_plain_lines_needs_no_rich() -> None:
    program = (
        "import sys; from shelterctl.cli.terminal import Line, Terminal; Terminal().result([Line('PASS', 'good')]); "
        "assert not [name for name in sys.modules if name.startswith('rich')]"
    )
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "PASS\n"
