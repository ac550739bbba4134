"""What a stack is claimed to do, claim by claim, and what was found of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.verdict import Judgement, Reason, Verdict, judge


class Claim(Enum):
    """In the order in which they are proved; the value is what people write after --only and --skip."""

    DEPLOYS = "deploy"
    SCALES = "scale"
    KEEPS_DATA = "data"
    RESOLVES_NAMES = "names"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Claim.DEPLOYS: "deploys",
    Claim.SCALES: "scales",
    Claim.KEEPS_DATA: "keeps its data",
    Claim.RESOLVES_NAMES: "resolves its names",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found of one claim. `verdict` is None where the claim was not looked at, or has no meaning on this target.

    `text` is what decided, `next_command` what to run next, `run` the run that holds the evidence; empty where there is none. `interrupted`
    is whether somebody broke its proof off.
    """

    claim: Claim
    verdict: Verdict | None
    text: str
    next_command: str = ""
    run: str = ""
    elapsed_s: float = 0.0
    interrupted: bool = False


def judge_claims(found: Iterable[Evidence]) -> Judgement:
    """All claims in one: a failure outweighs a doubt. Where nothing was looked at, nothing is known."""
    evidence = tuple(found)
    failures = [_reason(each) for each in evidence if each.verdict is Verdict.FAIL]
    doubts = [_reason(each) for each in evidence if each.verdict is Verdict.UNKNOWN]
    if all(each.verdict is None for each in evidence):
        doubts.append(Reason("no claim was looked at", "shelterctl prove"))
    return judge(failures, doubts)


def _reason(evidence: Evidence) -> Reason:
    return Reason(f"{evidence.claim.words}: {evidence.text}", evidence.next_command)
