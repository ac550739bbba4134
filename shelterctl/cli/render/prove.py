"""The proof: each part as it goes on, and the table of the claims at the end; the same as JUnit's XML and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from shelterctl.cli.render.loadtest import LoadDisplay
from shelterctl.cli.render.steps import StepsDisplay
from shelterctl.cli.terminal import Line, Terminal, verdict_style
from shelterctl.core.claims import Evidence
from shelterctl.core.duration import format_duration
from shelterctl.core.events import Event, PartStarted, StepFinished
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.state import Place
from shelterctl.core.verdict import Verdict
from shelterctl.ops.descent import STEP as DESCENT
from shelterctl.ops.load_learned import CALIBRATION
from shelterctl.ops.prove import Proof

_NEXT = {Verdict.PASS: "shelterctl status", Verdict.FAIL: "shelterctl doctor", Verdict.UNKNOWN: "shelterctl doctor"}


class ProveDisplay:
    """Fulfils `session.Display`: each part is drawn as its own command draws it."""

    def __init__(self, terminal: Terminal, plan: LoadPlan, place: Place | None = None, *, own_names: bool = False) -> None:
        self._terminal = terminal
        self._plan = plan
        self._place = place
        self._own_names = own_names
        self._now: StepsDisplay | LoadDisplay = StepsDisplay(terminal)

    def __enter__(self) -> ProveDisplay:
        return self

    def __exit__(self, *details: object) -> None:
        self._now.__exit__(*details)

    def _for_load(self) -> LoadDisplay:
        return LoadDisplay(self._terminal, self._plan, self._place, own_names=self._own_names)

    def show(self, event: Event) -> None:
        if not isinstance(event, PartStarted):
            self._now.show(event)
            if isinstance(event, StepFinished) and isinstance(self._now, LoadDisplay):
                # The load's result is printed next, and not into its screen. What came down before it makes room for the load.
                self._now.__exit__()
                self._now = self._for_load() if event.step in (DESCENT, CALIBRATION) else StepsDisplay(self._terminal)
            return
        self._now.__exit__()
        self._now = self._for_load() if event.part == "scale" else StepsDisplay(self._terminal)
        self._terminal.say([Line(""), Line(f"{event.number} of {event.count}  {event.title}", "strong")])


def lines(proof: Proof, *, width: int) -> Iterator[Line]:
    """One line a claim, continued under itself where it is long; under it its run, and what is to be done where it is open."""
    verdict = proof.judgement.verdict
    yield Line("")
    yield Line(f"{verdict.value}  {_headline(proof)} in {format_duration(proof.elapsed_s)}", verdict_style(verdict.value))
    column = max(len(each.claim.words) for each in proof.claims)
    indent = " " * (column + 13)
    for each in proof.claims:
        style = "dim" if each.verdict is None else verdict_style(each.verdict.value)
        first = f"  {_word(each):<7}  {each.claim.words:<{column}}  "
        for text in textwrap.wrap(each.text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False):
            yield Line(text, style)
        if each.run:
            yield Line(f"{indent}run {each.run}", "dim")
        if each.verdict is not Verdict.PASS and each.next_command:
            yield Line(f"{indent}Next: {each.next_command}", "dim")
    yield Line(f"Next: {_NEXT[verdict]}", "strong")


def _headline(proof: Proof) -> str:
    looked = [each for each in proof.claims if each.verdict is not None]
    shown = sum(each.verdict is Verdict.PASS for each in looked)
    return f"{shown} of {len(looked)} claims proved{' (interrupted)' if proof.interrupted else ''}"


def _word(evidence: Evidence) -> str:
    return "-" if evidence.verdict is None else evidence.verdict.value


def junit(proof: Proof) -> str:
    """JUnit's XML: a test case a claim. One that could not be decided is an error, one that was not looked at is skipped."""
    from xml.etree import ElementTree as tree

    verdicts = [each.verdict for each in proof.claims]
    suite = tree.Element(
        "testsuite",
        name=f"shelterctl prove: {proof.namespace} @ {proof.context}",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.FAIL)),
        errors=str(verdicts.count(Verdict.UNKNOWN)),
        skipped=str(verdicts.count(None)),
        time=f"{proof.elapsed_s:.3f}",
    )
    kinds = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error", None: "skipped"}
    for each in proof.claims:
        case = tree.SubElement(suite, "testcase", classname="shelterctl.prove", name=each.claim.words, time=f"{each.elapsed_s:.3f}")
        if each.verdict is not Verdict.PASS:
            tree.SubElement(case, kinds[each.verdict], message=each.text).text = each.next_command
        if each.run:
            tree.SubElement(case, "system-out").text = f"run {each.run}"
    tree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tree.tostring(suite, encoding="unicode") + "\n"


def summary(proof: Proof) -> str:
    """Markdown: the table of the claims."""
    marks = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.UNKNOWN: "❔", None: "➖"}
    rows = [
        f"| {marks[each.verdict]} {_word(each)} | {each.claim.words} | {_cell(each.text)} | {f'`{each.run}`' if each.run else ''} |"
        for each in proof.claims
    ]
    head = f"### {proof.judgement.verdict.value}: {_headline(proof)} in {format_duration(proof.elapsed_s)}"
    return "\n".join([head, "", "| | claim | what was found | run |", "|---|---|---|---|", *rows, ""]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
