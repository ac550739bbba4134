"""What a scan decides: never that nothing is there where that was not seen."""

from __future__ import annotations

import pytest

from shelterctl.core.deploy.scan import (
    THRESHOLDS,
    ImageScan,
    ScanFindings,
    Severity,
    Vulnerability,
    counted_words,
    image_scan,
    judge_scans,
    report,
)
from shelterctl.core.verdict import Verdict

pytestmark = pytest.mark.unit

BASH = Vulnerability(Severity.CRITICAL, "CVE-1", "bash", "5.0", "5.1")
PERL = Vulnerability(Severity.HIGH, "CVE-2", "perl", "5.40")
TAR = Vulnerability(Severity.NEGLIGIBLE, "CVE-3", "tar", "1.35")
UNRATED = Vulnerability(Severity.UNRATED, "CVE-4", "flask", "3.1")


def scanned(*found: Vulnerability, problem: str = "", doubts: tuple[str, ...] = ()) -> ImageScan:
    return image_scan("app:1", "sha256:a", "grype 0.1", "grype docker:app:1", ScanFindings(found, problem, doubts), ["a line"])


def test_the_worst_come_first_and_what_can_be_mended_before_what_cannot() -> None:
    mended = Vulnerability(Severity.HIGH, "CVE-9", "zlib", "1", "2")
    scan = scanned(TAR, UNRATED, PERL, mended, BASH)
    assert [item.id for item in scan.vulnerabilities] == ["CVE-1", "CVE-9", "CVE-2", "CVE-3", "CVE-4"]
    assert counted_words(scan) == "1 critical, 2 high, 1 negligible, 1 unrated"


def test_one_vulnerability_of_one_package_counts_once_and_as_its_worst() -> None:
    again = Vulnerability(Severity.LOW, BASH.id, BASH.package, BASH.installed)
    scan = scanned(again, BASH, again)
    assert scan.vulnerabilities == (BASH,)
    assert len(scanned(BASH, Vulnerability(Severity.CRITICAL, BASH.id, BASH.package, "4.9")).vulnerabilities) == 2


def test_an_unknown_scan_has_no_counts_at_all() -> None:
    scan = scanned(problem="no database")
    assert scan.counts is None
    assert (counted_words(scan), scan.said) == ("UNKNOWN", ("a line",))
    assert counted_words(scanned()) == "no vulnerability found"


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [
        (Severity.LOW, Verdict.FAIL),
        (Severity.MEDIUM, Verdict.FAIL),
        (Severity.HIGH, Verdict.FAIL),
        (Severity.CRITICAL, Verdict.PASS),
    ],
)
def test_the_threshold_and_what_is_worse(threshold: Severity, verdict: Verdict) -> None:
    assert threshold in THRESHOLDS
    assert judge_scans([scanned(PERL, TAR)], threshold).verdict is verdict


def test_what_is_less_than_low_passes() -> None:
    assert judge_scans([scanned(TAR), scanned()], Severity.LOW).verdict is Verdict.PASS


def test_the_reason_names_the_worst_and_what_mends_it() -> None:
    (reason,) = judge_scans([scanned(PERL, BASH)], Severity.HIGH).reasons
    assert reason.text == "app:1 has 2 vulnerabilities of severity high or worse; the worst: CVE-1 in bash 5.0 (critical, fixed in 5.1)"
    assert reason.next_command == "grype docker:app:1"


@pytest.mark.parametrize(
    ("scan", "says"),
    [
        (scanned(problem="no database"), "app:1 could not be scanned: no database"),
        (scanned(UNRATED), "app:1 has 1 vulnerability that nobody has rated yet: CVE-4 in flask"),
        (scanned(doubts=("its distribution has reached its end",)), "app:1: its distribution has reached its end"),
    ],
)
def test_what_may_hide_something_is_no_pass(scan: ImageScan, says: str) -> None:
    judgement = judge_scans([scanned(), scan], Severity.CRITICAL)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reasons[0].text == says


def test_a_proven_vulnerability_outweighs_an_unknown_scan() -> None:
    judgement = judge_scans([scanned(problem="no database"), scanned(BASH)], Severity.HIGH)
    assert judgement.verdict is Verdict.FAIL
    assert len(judgement.reasons) == 2


def test_without_a_threshold_nothing_is_judged() -> None:
    assert report("grype", [scanned(BASH)], None).judgement is None
