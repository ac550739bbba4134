"""The images that were built, looked into before anything is sent to a node, a registry or the API server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Sequence

from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.scan import ImageScan, ScanReport, Severity, report
from shelterctl.core.events import Event, Notice, Outcome
from shelterctl.core.serial import to_json
from shelterctl.core.words import counted
from shelterctl.errors import Refused
from shelterctl.ops.steps import Done
from shelterctl.ports.build import Scanner
from shelterctl.ports.capabilities import Lacking, required
from shelterctl.ports.runs import RunFolder

#: In the run's folder: a line for each image, with all that was found in it.
JOURNAL = "scan.jsonl"
NO_SCANNER = Lacking("nothing scans images here")


def scanner_for(scanner: Scanner | Lacking, asked: bool) -> Scanner | None:
    """The scanner where one was asked for. Raises CapabilityMissing where the target has no images, ProgramMissing without a scanner."""
    if not asked:
        return None
    found = required(scanner)
    found.check()
    return found


def scan(
    scanner: Scanner, built: Sequence[LocalImage], threshold: Severity | None, folder: RunFolder | None
) -> Generator[str, None, Done[ScanReport]]:
    """Scans each image, and keeps what was found at once. Raises Refused where none was built, StateFolderError."""
    if not built:
        raise Refused(
            "no image of this stack is built here: there is nothing that --scan could look into",
            why="its manifests name images that come from elsewhere",
            next_command="shelterctl inspect",
        )
    scans = []
    for image in built:
        yield image.reference
        scans.append(scanner.scan(image))
        if folder is not None:
            folder.append_journal(JOURNAL, json.dumps(to_json(scans[-1])))
    whole = report(scanner.check(), scans, threshold)
    unknown = any(item.counts is None for item in scans)
    return Done(_title(whole), whole, Outcome.FAILED if unknown else Outcome.UNCHANGED)


def told(whole: ScanReport) -> Generator[Event, None, None]:
    """What is not known of an image is said where it happens, too: what follows may end in another way."""
    for image in whole.images:
        if image.counts is None:
            yield Notice(f"{image.reference} could not be scanned, what is in it is unknown: {image.problem}", "warning")
        for doubt in image.doubts:
            yield Notice(f"{image.reference}: {doubt}", "warning")


def _title(whole: ScanReport) -> str:
    scanned = [image for image in whole.images if image.counts is not None]
    unknown = len(whole.images) - len(scanned)
    if not scanned:
        return f"{whole.scanner} could scan none of {counted(unknown, 'image')}"
    rest = f"; {unknown} could not be scanned" if unknown else ""
    return f"Scanned {counted(len(scanned), 'image')} with {whole.scanner}: {_total(scanned)}{rest}"


def _total(scans: Iterable[ImageScan]) -> str:
    total: Counter[Severity] = Counter()
    for image in scans:
        total.update(image.counts or {})
    return ", ".join(f"{total[severity]} {severity.value}" for severity in Severity if total[severity]) or "no vulnerability found"
