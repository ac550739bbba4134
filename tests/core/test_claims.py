"""What a proof as a whole says."""

from __future__ import annotations

import pytest

from shelterctl.core.claims import Claim, Evidence, judge_claims
from shelterctl.core.verdict import Verdict

pytestmark = pytest.mark.unit


def found(*verdicts: Verdict | None) -> list[Evidence]:
    return [Evidence(claim, verdict, f"{claim.value} text") for claim, verdict in zip(Claim, verdicts, strict=False)]


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ((Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.PASS, Verdict.PASS, None), Verdict.PASS),
        ((Verdict.PASS, Verdict.UNKNOWN, Verdict.PASS, None), Verdict.UNKNOWN),
        ((Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL, None), Verdict.FAIL),
        ((None, None, None, None), Verdict.UNKNOWN),
        ((), Verdict.UNKNOWN),
    ],
)
def test_a_failure_outweighs_a_doubt_and_nothing_proves_nothing(verdicts: tuple[Verdict | None, ...], whole: Verdict) -> None:
    assert judge_claims(found(*verdicts)).verdict is whole


def test_the_first_reason_is_the_one_that_decided() -> None:
    assert judge_claims(found(Verdict.UNKNOWN, Verdict.FAIL)).reasons[0].text == "scales: scale text"
