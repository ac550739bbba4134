"""`status watch`: a live screen on a terminal, a line for each change without one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.cli.render.live_screen.in_place import LiveScreen
from shelterctl.cli.render.live_screen.picture import try_writing, write_svg
from shelterctl.cli.render.live_screen.screen import note_words, screen
from shelterctl.cli.render.stack import clock_time
from shelterctl.cli.terminal import Line, Terminal
from shelterctl.core.duration import format_duration
from shelterctl.core.events import Event, LoadTick
from shelterctl.core.watch.model import SHARE_S, WatchModel, fold
from shelterctl.core.watch.notes import Note
from shelterctl.errors import ExitCode, Interrupted, UsageError
from shelterctl.ops.watch import WatchEnd, WatchRequest, WatchResult, watch

if TYPE_CHECKING:
    from rich.text import Text

    from shelterctl.cli.session import Session

#: A load's journal has a line each second.
LOAD_EVERY_S = 1.0


def follow(session: Session, limit_s: float | None, svg: Path | None) -> int:
    """Follows the stack until Ctrl-C or `limit_s`; exit code 0. Raises ApiUnreachable where the cluster is not there at first."""
    from shelterctl.adapters.runs.tail import LoadTail
    from shelterctl.wiring.parts import state_dir

    if limit_s is not None and limit_s <= 0:
        raise UsageError("--for must be longer than 0 s")
    if svg is not None:
        try_writing(svg)
    wiring, settings = session.wiring, session.settings
    model = WatchModel(wiring.place.namespace, wiring.place.context, wiring.clock.wall_s(), own_names=wiring.owners)
    tail = LoadTail(state_dir(settings), SHARE_S, wiring.place.context, wiring.place.namespace)
    display = WatchDisplay(session.terminal, model, tail.new, wiring.clock.wall_s)
    request = WatchRequest(wiring.place, limit_s)
    try:
        result = session.drive(watch(wiring.target, wiring.clock, request), display)
    except Interrupted:
        # `| head` has read enough: whoever follows decides when that is, as with Ctrl-C.
        return ExitCode.OK
    finally:
        if svg is not None and display.model.changes:
            write_svg(svg, display.last, display.width, "shelterctl status watch")
    return session.finish(result, 0, lambda: end_lines(result, wiring.clock.wall_s(), svg))


class WatchDisplay:
    """Fulfils `session.Display`: folds the events into a model, and draws it or tells its changes."""

    def __init__(
        self,
        terminal: Terminal,
        model: WatchModel,
        load: Callable[[], Sequence[tuple[float, LoadTick]]],
        now_s: Callable[[], float],
    ) -> None:
        self._terminal = terminal
        self.model = model
        self._load = load
        self._now_s = now_s
        # The screen is the result here: it belongs on standard output.
        self._table = terminal.output == "table"
        self._drawn = self._table and terminal.stdout.isatty() and "CI" not in os.environ and os.environ.get("TERM") != "dumb"
        self._looked_s = 0.0
        self._screen = LiveScreen(terminal.console() if self._drawn else None, self._lines, lambda: self.model, self._tick)

    def __enter__(self) -> WatchDisplay:
        self._screen.start()
        return self

    def __exit__(self, *details: object) -> None:
        # A watch that failed before it saw anything leaves no screen behind.
        self._screen.stop(keep=self.model.pods is not None)

    @property
    def last(self) -> Callable[[int], list[Text]]:
        """The last screen, for any width, as it is at this moment."""
        model, now_s = self.model, self._now_s()
        return lambda width: screen(model, now_s, width)

    @property
    def width(self) -> int:
        """The terminal's; 0 where nothing was drawn."""
        return self._screen.width

    def show(self, event: Event) -> None:
        with self._screen.lock:
            self._take(event, self._now_s())

    def _take(self, event: Event, at_s: float) -> None:
        step = fold(self.model, event, at_s)
        self.model = step.model
        if self._table and not self._drawn:
            for note in step.notes:
                self._terminal.line(change_line(note))

    def _tick(self) -> None:
        now_s = self._now_s()
        if now_s - self._looked_s >= LOAD_EVERY_S or now_s < self._looked_s:
            self._looked_s = now_s
            for at_s, tick in self._load():
                self._take(tick, at_s)

    def _lines(self, width: int, height: int) -> list[Text]:
        return screen(self.model, self._now_s(), width, height)


def change_line(note: Note) -> str:
    """12:03:58 hpa app desired 3->5, cpu 184% of 70%: one line whatever is in it, and easy to search."""
    return f"{clock_time(note.at_s)} {note_words(note).replace('  ', ' ', 1).replace(' → ', '->')}"


def end_lines(result: WatchResult, now_s: float, svg: Path | None) -> Iterator[Line]:
    """How long it watched, and what the state above leaves out."""
    if result.pods is None:
        yield Line("the cluster told nothing in this time", "doubt")
    changes = f"{result.changes} change" + ("" if result.changes == 1 else "s")
    drops = {0: "", 1: ", the watch dropped once"}.get(result.watch_drops, f", the watch dropped {result.watch_drops} times")
    why = "" if result.end is WatchEnd.TIME else " until it was interrupted"
    text = f"{clock_time(now_s)} watched for {format_duration(result.watched_s)}{why}: {changes}{drops}"
    yield Line(text, "strong")
    if result.still_dropped:
        yield Line(f"  still away: the watch of {', '.join(result.still_dropped)}; what was told last may be old", "doubt")
    if svg is not None:
        yield Line(f"  the last screen: {svg}", "dim")
