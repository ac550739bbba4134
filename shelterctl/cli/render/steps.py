"""Draws the steps of an operation: one line for each that ended, and on a terminal a live line for the one that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelterctl.cli.terminal import Line, Terminal
from shelterctl.core.events import (
    ClusterEventSeen,
    Event,
    Notice,
    Outcome,
    StepFinished,
    StepProgress,
    StepStarted,
    TargetChosen,
    WatchDropped,
    WatchRestored,
)

if TYPE_CHECKING:
    from rich.status import Status

_MARKS = {Outcome.CHANGED: "✓", Outcome.UNCHANGED: "✓", Outcome.SKIPPED: "-", Outcome.FAILED: "✗"}
_STYLES = {Outcome.CHANGED: "good", Outcome.UNCHANGED: "plain", Outcome.SKIPPED: "dim", Outcome.FAILED: "bad"}
#: Without a terminal, a step that is silent for less than this needs no line of its own before it ends.
_SHOWN_PROGRESS = 160


class StepsDisplay:
    """Fulfils `session.Display`."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._status: Status | None = None
        self._last = ""
        self._title = ""

    def __enter__(self) -> StepsDisplay:
        return self

    def __exit__(self, *details: object) -> None:
        self._end_status()

    def show(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._title, self._last = event.title, ""
            self._running(event.title)
        elif isinstance(event, StepProgress):
            self._progress(event)
        elif isinstance(event, StepFinished):
            self._end_status()
            self._terminal.say([Line(self._timed(f"  {_MARKS[event.outcome]} {event.title}", event.elapsed_s), _STYLES[event.outcome])])
        elif isinstance(event, Notice):
            self._above(
                Line(
                    f"  ! {event.text}" if event.level == "warning" else f"  {event.text}", "doubt" if event.level == "warning" else "plain"
                )
            )
        elif isinstance(event, TargetChosen):
            self._above(Line(_target(event), "strong"))
        elif isinstance(event, WatchDropped):
            self._above(Line(f"  ! the watch of {event.resource} dropped and is taken up again: {event.why}", "doubt"))
        elif isinstance(event, WatchRestored):
            self._above(Line(f"  the watch of {event.resource} is back after {event.after_s:.1f} s"))
        elif isinstance(event, ClusterEventSeen) and (event.warning or self._terminal.verbose):
            self._above(Line(f"  {event.subject} {event.reason}: {event.message}", "dim"))

    def _progress(self, event: StepProgress) -> None:
        if self._terminal.live:
            self._running(f"{self._title}: {event.detail}")
        elif event.detail != self._last and self._terminal.verbose:
            self._terminal.say([Line(f"    {event.detail[:_SHOWN_PROGRESS]}", "dim")])
        elif event.detail != self._last and not self._last:
            self._terminal.say([Line(f"  … {self._title}: {event.detail[:_SHOWN_PROGRESS]}", "dim")])
        self._last = event.detail

    def _running(self, text: str) -> None:
        if not self._terminal.live:
            return
        shown = f"{text[: max(10, self._terminal.width - 6)]}"
        if self._status is None:
            from rich.text import Text

            self._status = self._terminal.console(stderr=True).status(Text(shown), refresh_per_second=8)
            self._status.start()
        else:
            from rich.text import Text

            self._status.update(Text(shown))

    def _above(self, line: Line) -> None:
        running = self._status is not None
        self._end_status()
        self._terminal.say([line])
        if running:
            self._running(self._title)

    def _end_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _timed(self, text: str, elapsed_s: float) -> str:
        """The step's time at the right edge of 80 columns, or behind the text where that is too long."""
        time = f"{elapsed_s:.1f} s"
        width = min(80, self._terminal.width)
        return f"{text:<{width - len(time) - 2}}  {time}" if len(text) + len(time) + 2 <= width else f"{text}  {time}"


def _target(event: TargetChosen) -> str:
    profile = f"profile {event.profile}" if event.profile else ""
    version = f"Kubernetes {event.kubernetes_version}" if event.kubernetes_version else ""
    about = ", ".join(part for part in (profile, version, event.runtime) if part)
    return f"{event.label} {event.context}{f' ({about})' if about else ''}, namespace {event.namespace}"
