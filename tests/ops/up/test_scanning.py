"""The scan within `up`: after the build, before anything is sent; told here and not run (`tests/adapters/builder` runs the scanners)."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace

import pytest

from shelterctl.cli.render import up as render
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.scan import ImageScan, ScanFindings, Severity, Vulnerability, image_scan
from shelterctl.core.deploy.stack import StackOptions
from shelterctl.core.events import Event, Notice, Outcome, StepFinished
from shelterctl.core.state import Place
from shelterctl.core.verdict import Verdict
from shelterctl.errors import CapabilityMissing, ProgramMissing, Refused
from shelterctl.ops.up.answer import VersionAnswers
from shelterctl.ops.up.up import UpPorts, UpRequest, UpResult, up
from shelterctl.ports.build import Scanner
from shelterctl.ports.capabilities import Lacking
from shelterctl.ports.http import HttpAnswer
from tests.fakes import FolderInMemory, HttpInMemory, SteppedClock
from tests.wiring.house import REFERENCE, TAG, House, HousePreparation, Workbench

pytestmark = pytest.mark.unit

BASH = Vulnerability(Severity.CRITICAL, "CVE-1", "bash", "5.0", "5.1")
LOW = tuple(Vulnerability(Severity.LOW, f"CVE-2-{number:02}", "tar", "1.35") for number in range(30))


class Reading:
    """Finds what it is told to find. `asked` are the images that it was given."""

    def __init__(self, *found: Vulnerability, problem: str = "", missing: bool = False) -> None:
        self.findings = ScanFindings(found, problem)
        self.missing = missing
        self.asked: list[LocalImage] = []

    def check(self) -> str:
        if self.missing:
            raise ProgramMissing("nothing that scans images is on the PATH")
        return "reader 1.0"

    def scan(self, image: LocalImage) -> ImageScan:
        self.asked.append(image)
        return image_scan(image.reference, image.image_id, "reader 1.0", f"reader {image.reference}", self.findings)


class Scene:
    """One `up` in the house."""

    def __init__(self, scanner: Scanner | Lacking, fail_on: Severity | None = None, *, builds: bool = True) -> None:
        self.house, self.bench, self.folder = House("shelter"), Workbench(), FolderInMemory()
        if not builds:
            self.bench.references = lambda: ()  # type: ignore[method-assign]
        answers = HttpInMemory({"house:8000": lambda *_: HttpAnswer(200, {}, json.dumps({"image_tag": TAG}).encode(), 0.0)})
        clock = SteppedClock()
        lacking = Lacking("a house has none")
        ports = UpPorts(
            self.bench,
            HousePreparation(),
            lacking,
            lacking,
            self.house,
            VersionAnswers(answers, clock, "/version"),
            clock,
            None,
            scanner,
            self.folder,
        )
        self.request = UpRequest(Place("house", "shelter", label="Target"), StackOptions("", ""), 60.0, scan=True, fail_on=fail_on)
        self.ports = ports
        self.events: list[Event] = []

    def run(self) -> UpResult:
        work: Generator[Event, None, UpResult] = up(self.ports, self.request)
        while True:
            try:
                self.events.append(next(work))
            except StopIteration as stop:
                result: UpResult = stop.value
                return result

    def steps(self) -> dict[str, StepFinished]:
        return {event.step: event for event in self.events if isinstance(event, StepFinished)}

    def warnings(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice) and event.level == "warning"]


def shown(result: UpResult) -> list[str]:
    return [line.text for line in render.lines(result)]


def test_what_is_found_is_told_and_keeps_nothing_from_being_deployed() -> None:
    scene = Scene(scanner := Reading(BASH, *LOW))
    result = scene.run()
    assert [image.reference for image in scanner.asked] == [REFERENCE]
    assert scene.steps()["scan"].title == "Scanned 1 image with reader 1.0: 1 critical, 30 low"
    assert [event.step for event in scene.events if isinstance(event, StepFinished)][:3] == ["prerequisites", "build", "scan"]
    assert scene.house.running == REFERENCE
    assert (result.refused, result.endpoint is not None) == (False, True)
    lines = shown(result)
    first = lines.index(f"  scan   {REFERENCE}: 1 critical, 30 low (reader 1.0)")
    of_image = [line for line in lines[first + 1 :] if line.startswith("         ")]
    assert of_image[0] == "         critical  bash 5.0  CVE-1  fixed in 5.1"
    assert of_image[1] == "         low       tar 1.35  CVE-2-00  no fix known"
    assert (len(of_image), of_image[-1]) == (9, f"         and 23 more: reader {REFERENCE}")


def test_all_that_was_found_is_kept_whatever_comes_after_it() -> None:
    scene = Scene(Reading(BASH, *LOW))
    result = scene.run()
    (line,) = scene.folder.journals["scan.jsonl"]
    kept = json.loads(line)
    assert (len(kept["vulnerabilities"]), kept["counts"]["low"]) == (31, 30)
    assert result.scan is not None
    assert len(result.scan.images[0].vulnerabilities) == 31


@pytest.mark.parametrize(("threshold", "verdict"), [(Severity.CRITICAL, Verdict.FAIL), (Severity.LOW, Verdict.FAIL)])
def test_something_as_severe_ends_it_before_anything_is_applied(threshold: Severity, verdict: Verdict) -> None:
    scene = Scene(Reading(BASH), threshold)
    result = scene.run()
    assert scene.house.running == ""
    assert "apply" not in scene.steps()
    assert result.refused
    assert result.scan is not None
    assert result.scan.judgement is not None
    assert result.scan.judgement.verdict is verdict
    assert (result.changed, result.endpoint, result.chain.built_id) == (False, None, f"sha256:{TAG}")
    lines = shown(result)
    assert lines[0] == "FAIL  the scan of the images: nothing was loaded or applied"
    assert "         critical  bash 5.0  CVE-1  fixed in 5.1" in lines


def test_something_less_severe_does_not() -> None:
    scene = Scene(Reading(*LOW), Severity.MEDIUM)
    assert not scene.run().refused
    assert scene.house.running == REFERENCE


def test_an_unknown_scan_is_said_and_up_goes_on() -> None:
    scene = Scene(Reading(problem="no database"))
    result = scene.run()
    assert scene.house.running == REFERENCE
    assert scene.steps()["scan"].outcome is Outcome.FAILED
    assert scene.steps()["scan"].title == "reader 1.0 could scan none of 1 image"
    assert scene.warnings() == [f"{REFERENCE} could not be scanned, what is in it is unknown: no database"]
    assert f"  scan   {REFERENCE}: UNKNOWN, no database" in shown(result)
    assert not any("no vulnerability found" in line for line in shown(result))


def test_an_unknown_scan_passes_no_threshold() -> None:
    scene = Scene(Reading(problem="no database"), Severity.CRITICAL)
    result = scene.run()
    assert scene.house.running == ""
    assert result.scan is not None
    assert result.scan.judgement is not None
    assert result.scan.judgement.verdict is Verdict.UNKNOWN
    assert shown(result)[:3] == [
        "UNKNOWN  the scan of the images: nothing was loaded or applied",
        f"  {REFERENCE} could not be scanned: no database",
        f"    Next: reader {REFERENCE}",
    ]
    assert len(shown(result)) == 5


def test_a_missing_scanner_is_told_before_anything_is_built() -> None:
    scene = Scene(Reading(missing=True))
    with pytest.raises(ProgramMissing):
        scene.run()
    assert (scene.events, scene.bench.built) == ([], {})


def test_a_target_without_images_says_so() -> None:
    scene = Scene(Lacking("processes have no image", "they are started from their sources"))
    with pytest.raises(CapabilityMissing, match="processes have no image"):
        scene.run()
    assert scene.bench.built == {}


def test_a_stack_that_builds_nothing_is_not_scanned_and_not_passed() -> None:
    scene = Scene(Reading(), Severity.LOW, builds=False)
    with pytest.raises(Refused, match="no image of this stack is built here"):
        scene.run()
    assert scene.house.running == ""


def test_without_being_asked_nothing_is_scanned() -> None:
    scene = Scene(scanner := Reading(BASH))
    scene.request = replace(scene.request, scan=False)
    assert scene.run().scan is None
    assert scanner.asked == []
