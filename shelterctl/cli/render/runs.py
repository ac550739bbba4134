"""Earlier runs: the list, one run's result, its events, its account of writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shelterctl.adapters.runs.store import RunSummary
from shelterctl.cli.render.stack import clock_time
from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.core.serial import JsonValue


def list_lines(runs: Iterable[RunSummary]) -> Iterator[Line]:
    """A line for each run."""
    found = list(runs)
    if not found:
        yield Line("No runs yet.   Next: shelterctl up")
        return
    width = max(len(run.run) for run in found)
    # A column for those who use it.
    tags = max(len(run.tag) for run in found)
    tags = max(tags, len("tag")) + 2 if tags else 0
    yield Line(f"{'run':<{width}}  exit  {'tag' if tags else '':<{tags}}verdict", "dim")
    for run in found:
        code = "-" if run.exit_code is None else str(run.exit_code)
        missing = f"damaged: {run.damage}" if run.damage else "no result: under way, or killed"
        verdict = run.verdict or (missing if run.exit_code is None else "")
        yield Line(f"{run.run:<{width}}  {code:>4}  {run.tag:<{tags}}{verdict}".rstrip(), verdict_style(run.verdict))


def show_lines(
    folder: Path, document: Mapping[str, JsonValue] | None, text: Iterable[str], *, damage: str, journals: Iterable[str], tag: str = ""
) -> Iterator[Line]:
    """The result as it was printed then, and where the rest is. `journals` are the files that the run wrote line by line."""
    yield Line(f"Run {folder.name}{f' ({tag})' if tag else ''}", "strong")
    if damage:
        yield Line(f"damaged: {damage}. What it says is not shown.", "bad")
    elif document is None:
        yield Line(f"no result: it is under way, or it was killed. What it wrote until then: {', '.join(journals) or 'nothing'}", "doubt")
        if "writes.jsonl" in journals:
            yield Line("  Each write that was tried, with what its client was told: " + str(folder / "writes.jsonl"))
    else:
        result = document.get("result")
        judgement = result.get("judgement") if isinstance(result, dict) else None
        verdict = str(judgement.get("verdict")) if isinstance(judgement, dict) else ""
        for number, line in enumerate(text):
            yield Line(line, verdict_style(verdict) if number == 0 else "plain")
        yield Line(f"exit {document.get('exit_code')}")
    yield Line(f"Folder {folder}   Events: shelterctl runs show {folder.name} --events", "dim")


def event_lines(rows: Iterable[Mapping[str, JsonValue]]) -> Iterator[Line]:
    """The events, each with its time."""
    for row in rows:
        wall = row.get("wall_s")
        at = clock_time(wall) if isinstance(wall, int | float) else "--:--:--"
        rest = {key: value for key, value in row.items() if key not in ("schema", "wall_s", "monotonic_s", "kind")}
        text = json.dumps(rest, ensure_ascii=False)
        yield Line(f"{at}  {row.get('kind')}  {text if len(text) <= 200 else text[:197] + '…'}")


def write_lines(rows: Iterable[Mapping[str, JsonValue]]) -> Iterator[Line]:
    """The account of a fault, a write a line."""
    found = list(rows)
    if not found:
        yield Line("This run has no account of writes.   Next: shelterctl runs show last --writes", "doubt")
        return
    for row in found:
        fails = bool(row.get("fails"))
        yield Line(
            f"{row.get('id')}  {row.get('saw') or 'not sent'}  {'there' if row.get('present') else 'absent'}  {row.get('category')}",
            "bad" if fails else "plain",
        )
