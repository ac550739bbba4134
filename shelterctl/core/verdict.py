"""What a check can say: PASS, FAIL or UNKNOWN, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """UNKNOWN is an answer: the check ran, and what it saw decides nothing."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is, and what to run next (empty where nothing is to be done)."""

    text: str
    next_command: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reasons; the first reason is the one that decided."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


def judge(failures: Iterable[Reason], unknowns: Iterable[Reason]) -> Judgement:
    """Combines reasons into a judgement.

    A proven failure outweighs a doubt, and a doubt outweighs every success: PASS needs both lists empty.
    """
    failed, doubts = tuple(failures), tuple(unknowns)
    if failed:
        return Judgement(Verdict.FAIL, failed + doubts)
    if doubts:
        return Judgement(Verdict.UNKNOWN, doubts)
    return Judgement(Verdict.PASS)
