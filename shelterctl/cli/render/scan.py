"""What a scan of the images found, at most ten lines an image."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.terminal import Line
from shelterctl.core.deploy.scan import ImageScan, ScanReport, Severity, counted_words

MOST_LINES = 10
_STYLES = {Severity.CRITICAL: "bad", Severity.HIGH: "bad", Severity.MEDIUM: "doubt", Severity.UNRATED: "doubt"}


def lines(report: ScanReport) -> Iterator[Line]:
    """Each image with its counts, its worst vulnerabilities, and how many more there are."""
    for image in report.images:
        yield from _image(image)


def _image(image: ImageScan) -> Iterator[Line]:
    if image.counts is None:
        yield Line(f"  scan   {image.reference}: UNKNOWN, {image.problem}", "doubt")
        yield Line(f"         Next: {image.command}")
        return
    worst = next((item.severity for item in image.vulnerabilities), None)
    yield Line(f"  scan   {image.reference}: {counted_words(image)} ({image.scanner})", _STYLES.get(worst, "plain") if worst else "plain")
    room = MOST_LINES - 1 - len(image.doubts)
    for doubt in image.doubts:
        yield Line(f"         {doubt}", "doubt")
    shown = image.vulnerabilities if len(image.vulnerabilities) <= room else image.vulnerabilities[: room - 1]
    names = max((len(item.severity.value) for item in shown), default=0)
    for item in shown:
        mend = f"fixed in {item.fixed}" if item.fixed else "no fix known"
        text = f"         {item.severity.value:<{names}}  {item.package} {item.installed}  {item.id}  {mend}"
        yield Line(text, _STYLES.get(item.severity, "plain"))
    if len(shown) < len(image.vulnerabilities):
        yield Line(f"         and {len(image.vulnerabilities) - len(shown):,} more: {image.command}")
