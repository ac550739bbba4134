"""Whether several runs are of one stack: a report sets them side by side, and none of them knows of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shelterctl.core.report.records import Deployed, Proved
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json
from shelterctl.core.state import Role
from shelterctl.core.words import counted, listed

#: The runs that show a claim.
_SHOWING = ("up", "loadtest", "kill-db", "dns-check")
_NAMED = 5


def placed(runs: Sequence[Run]) -> Sequence[Run]:
    """A part of `prove` that does not tell where it was was where its `prove` was: parts of earlier releases do not."""
    where: dict[str, tuple[str, str]] = {}
    for proof in (run for run in runs if run.kind == "prove" and run.result is not None):
        try:
            found = from_json(Proved, proof.result)
        except ValueError:
            continue
        where |= {evidence.run: (found.context, found.namespace) for evidence in found.claims if evidence.run}
    told = {(t.context, t.namespace): t for t in (run.told.target for run in runs) if t is not None}

    def at_its_place(run: Run) -> Run:
        target = told.get(where.get(run.name, ("", "")))
        return run if run.told.target is not None or target is None else replace(run, told=replace(run.told, target=target))

    return [at_its_place(run) for run in runs]


def doubts(runs: Sequence[Run]) -> Iterator[str]:
    """Sentences about runs that show nothing together."""
    showing = [run for run in runs if run.kind in _SHOWING]
    by_place: dict[tuple[str, str], list[Run]] = {}
    for run in showing:
        if run.told.target is not None:
            by_place.setdefault((run.told.target.context, run.told.target.namespace), []).append(run)
    if len(by_place) > 1:
        each = [f"{listed([r.name for r in own], _NAMED)} in namespace {place[1]} of {place[0]}" for place, own in by_place.items()]
        yield f"These runs are of {len(by_place)} stacks, and no one stack has shown all of this: {'; '.join(each)}."
    nowhere = [run.name for run in showing if run.told.target is None and not run.missing]
    if nowhere and len(showing) > 1:
        verb = "does" if len(nowhere) == 1 else "do"
        yield f"{listed(nowhere, _NAMED)} {verb} not say of which stack: whether it is that of the other runs is not known."
    for own in by_place.values():
        yield from _of_another_time(own)


def _of_another_time(runs: Sequence[Run]) -> Iterator[str]:
    """A deployment after what was shown, or pods that are not those of the deployment."""
    ups = sorted((run for run in runs if run.kind == "up"), key=lambda run: run.name)
    changing = [run for run in ups if not run.missing and (run.result or {}).get("changed") and not (run.result or {}).get("dry_run")]
    if changing:
        newest = changing[-1]
        before = [run.name for run in runs if run.kind != "up" and run.name < newest.name]
        if before:
            verb = "shows" if len(before) == 1 else "show"
            yield f"{newest.name} changed the stack after {listed(before, _NAMED)}, which {verb} what stood there before."
    for load in (run for run in runs if run.kind == "loadtest" and run.recording is not None):
        before_it = [run for run in changing if run.name < load.name]
        seen = _images(load)
        try:
            reference = from_json(Deployed, before_it[-1].result).chain.reference if before_it else ""
        except ValueError:
            continue
        if reference and seen and reference not in seen:
            images = counted(len(seen), "image")
            yield f"{load.name} met pods of {images} ({listed(sorted(seen), 2)}), and {before_it[-1].name} deployed {reference}."


def _images(load: Run) -> set[str]:
    looks = load.recording.pods.values if load.recording is not None else ()
    return {c.image for look in (*looks[:1], *looks[-1:]) for pod in look if pod.role is Role.APP for c in pod.containers if c.image}
