"""What a verdict is to a shell."""

from __future__ import annotations

from shelterctl.core.verdict import Verdict
from shelterctl.errors import ExitCode


def exit_code(verdict: Verdict) -> ExitCode:
    """PASS 0, FAIL 6, UNKNOWN 7."""
    return {Verdict.PASS: ExitCode.OK, Verdict.FAIL: ExitCode.CHECK_FAILED, Verdict.UNKNOWN: ExitCode.UNDECIDED}[verdict]
