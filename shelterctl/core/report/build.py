"""From the runs to the report: each part in its place, and only where its evidence is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shelterctl.core.report import claims, compare, fault, load, names, observation, stack, told
from shelterctl.core.report.clean import Owner, cleaned, cleaner
from shelterctl.core.report.document import Document, Paragraph, Section, numbered
from shelterctl.core.report.doubts import together
from shelterctl.core.report.runs import Run, Stamp, digest_of, written

TITLE = "Deployed, scaled, killed and resolved: what was shown"
_ORDER = ("up", "loadtest", "hpa-simulate", "kill-db", "dns-check")
_ABOUT = {"up": "the deployment", "loadtest": "a load", "hpa-simulate": "a simulation", "kill-db": "a fault", "dns-check": "its names"}


def build(
    runs: Sequence[Run], *, version: str, form: str, title: str, author: str, compared: Sequence[str], file_name: str, owner: Owner
) -> Document:
    """The document of these runs. `compared` names two of them that are set side by side. The same runs give the same document."""
    runs = together.placed(runs)
    clean = cleaner(Owner(owner.folders, (*owner.words, *_machines(runs))), _kept(runs))
    files = tuple(file for run in runs for file in run.files)
    digest = digest_of(files)
    stamp = Stamp(version, form, title, author, tuple(run.name for run in runs), tuple(compared), files, digest)
    # What the writer of the report wrote is theirs: title and author stay as they are.
    sections = cleaned(tuple(_sections(runs, version, compared, clean)), clean)
    finished = [run.finished_s for run in runs if run.finished_s is not None]
    about = [("author", author)] if author else []
    about += [
        ("runs", f"{len(runs)}, the last one of {told.moment(max(finished, default=None))}"),
        ("made from", f"sha256:{digest[:16]}…"),
    ]
    last = observation.files_section(files, digest, file_name)
    return Document(title or TITLE, tuple(about), numbered([*sections, cleaned(last, clean)]), written(stamp))


def _machines(runs: Sequence[Run]) -> Iterator[str]:
    """The node of the embedded target is the machine itself, by its own name."""
    for run in runs:
        if run.told.target is not None and run.told.target.label == "Target":
            pods = (run.result or {}).get("pods")
            yield from {str(pod.get("node", "")) for pod in pods if isinstance(pod, dict)} if isinstance(pods, list) else ()
            for seen in run.recording.pods.values if run.recording is not None else ():
                yield from {pod.node for pod in seen}
            report = (run.result or {}).get("report")
            if isinstance(report, dict):
                yield str(report.get("node", ""))


def _kept(runs: Sequence[Run]) -> Iterator[str]:
    """The stack's own names, and the words of the report itself that a user may be called by."""
    yield from (
        "pass",
        "fail",
        "unknown",
        "load",
        "report",
        "prove",
        "up",
        "data",
        "names",
        "scale",
        "deploy",
        "kill",
        "dns",
        "pod",
        "pods",
    )
    for run in runs:
        if run.told.target is not None:
            yield run.told.target.namespace
        for item in run.objects:
            metadata = item.get("metadata")
            if isinstance(metadata, dict):
                yield str(metadata.get("name", ""))


def _sections(runs: Sequence[Run], version: str, compared: Sequence[str], clean: Callable[[str], str]) -> Iterator[Section]:
    cards = tuple(claims.cards(runs))
    if cards:
        yield Section("The claims", (*(Paragraph(text, doubt=True) for text in together.doubts(runs)), *cards))
    open_ones = tuple(claims.not_shown(runs, cards))
    if open_ones:
        yield Section("What was not shown", open_ones)
    if len(compared) == 2:
        one, other = (next(run for run in runs if run.name == name) for name in compared)
        yield _guarded("Side by side", lambda: compare.section(one, other))
    for kind in _ORDER:
        for run in (each for each in runs if each.kind == kind):
            yield _guarded(f"{_ABOUT[kind]}: {run.name}", lambda run=run, kind=kind: _of(kind, run, clean))  # type: ignore[misc]
    yield _guarded("Settings, versions, clocks, gaps", lambda: observation.section(runs, version))


def _of(kind: str, run: Run, clean: Callable[[str], str]) -> Section:
    if kind == "up":
        return stack.section(run, clean)
    makers: dict[str, Callable[[Run], Section]] = {"loadtest": load.section, "hpa-simulate": load.simulated, "kill-db": fault.section}
    return makers.get(kind, names.section)(run)


def _guarded(title: str, make: Callable[[], Section]) -> Section:
    """A part, or where its records hold something else than this version writes, that sentence in its place."""
    try:
        return make()
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, AssertionError) as error:
        why = f"This part could not be made: its run's records are not such as this version of shelterctl writes ({type(error).__name__})."
        return Section(title[0].upper() + title[1:], (Paragraph(why, doubt=True),))
