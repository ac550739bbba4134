"""What a scanner found in the images that were built, and whether that keeps them from being deployed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.verdict import Judgement, Reason, judge
from shelterctl.core.words import listed


class Severity(Enum):
    """The worst first. NEGLIGIBLE is grype's own; UNRATED is what nobody has rated: it may be as bad as any other."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNRATED = "unrated"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return [*Severity].index(self)


#: What `--fail-on-severity` may be.
THRESHOLDS = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability in one package of an image. `fixed` is empty where no version is known to mend it."""

    severity: Severity
    id: str
    package: str
    installed: str
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class ScanFindings:
    """What a scanner's document says. With a `problem` it shows nothing; `doubts` are sentences about what it may have missed."""

    vulnerabilities: tuple[Vulnerability, ...] = ()
    problem: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageScan:
    """One image's scan.

    `counts` are by severity, and None where the scan is unknown: `problem` then says why, and `said` has the scanner's last lines.
    `vulnerabilities` has the worst first, each once. `command` shows all of it again.
    """

    reference: str
    image_id: str
    scanner: str
    command: str
    counts: Mapping[Severity, int] | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    doubts: tuple[str, ...] = ()
    problem: str = ""
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The scans of all images that were built. Without a `threshold` nothing is judged."""

    scanner: str
    images: tuple[ImageScan, ...]
    threshold: Severity | None = None
    judgement: Judgement | None = None


def image_scan(reference: str, image_id: str, scanner: str, command: str, found: ScanFindings, said: Sequence[str] = ()) -> ImageScan:
    """A scanner's findings in order: the same vulnerability of the same package, found in several places, counts once."""
    if found.problem:
        return ImageScan(reference, image_id, scanner, command, problem=found.problem, said=tuple(said))
    worst: dict[tuple[str, str, str], Vulnerability] = {}
    for item in found.vulnerabilities:
        key = (item.id, item.package, item.installed)
        if key not in worst or item.severity.rank < worst[key].severity.rank:
            worst[key] = item
    ordered = sorted(worst.values(), key=lambda item: (item.severity.rank, not item.fixed, item.package, item.id))
    seen = Counter(item.severity for item in ordered)
    counts = {severity: seen[severity] for severity in Severity}
    return ImageScan(reference, image_id, scanner, command, counts, tuple(ordered), found.doubts)


def report(scanner: str, images: Sequence[ImageScan], threshold: Severity | None) -> ScanReport:
    """The scans, judged where there is a threshold."""
    return ScanReport(scanner, tuple(images), threshold, None if threshold is None else judge_scans(images, threshold))


def judge_scans(images: Iterable[ImageScan], threshold: Severity) -> Judgement:
    """FAIL with something as severe as the threshold, UNKNOWN where that may be there unseen, PASS where no image has any."""
    failures: list[Reason] = []
    doubts: list[Reason] = []
    for image in images:
        if image.counts is None:
            doubts.append(Reason(f"{image.reference} could not be scanned: {image.problem}", image.command))
            continue
        bad = [item for item in image.vulnerabilities if item.severity.rank <= threshold.rank]
        if bad:
            what = f"{image.reference} has {_number(len(bad))} of severity {threshold.value}{'' if threshold.rank == 0 else ' or worse'}"
            failures.append(Reason(f"{what}; the worst: {told(bad[0])}", image.command))
        unrated = [item for item in image.vulnerabilities if item.severity is Severity.UNRATED]
        if unrated:
            names = listed([f"{item.id} in {item.package}" for item in unrated], 3)
            doubts.append(Reason(f"{image.reference} has {_number(len(unrated))} that nobody has rated yet: {names}", image.command))
        doubts += [Reason(f"{image.reference}: {doubt}", image.command) for doubt in image.doubts]
    return judge(failures, doubts)


def told(item: Vulnerability) -> str:
    """One vulnerability in words."""
    mend = f"fixed in {item.fixed}" if item.fixed else "no fix known"
    return f"{item.id} in {item.package} {item.installed} ({item.severity.value}, {mend})"


def counted_words(image: ImageScan) -> str:
    """`1 critical, 3 low`, `no vulnerability found`, or that it is unknown."""
    if image.counts is None:
        return "UNKNOWN"
    return ", ".join(f"{number} {severity.value}" for severity, number in image.counts.items() if number) or "no vulnerability found"


def _number(count: int) -> str:
    return "1 vulnerability" if count == 1 else f"{count:,} vulnerabilities"
