"""`status watch`: a live screen on a terminal, a line for each change without one."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.cli.render.stack import clock_time
from shelterctl.cli.render.watch_screen import note_words, screen
from shelterctl.cli.terminal import Line, Terminal
from shelterctl.core.duration import format_duration
from shelterctl.core.events import Event, LoadTick
from shelterctl.core.watch.model import SHARE_S, WatchModel, fold
from shelterctl.core.watch.notes import Note
from shelterctl.errors import ExitCode, Interrupted, UsageError
from shelterctl.ops.watch import WatchEnd, WatchRequest, WatchResult, watch

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

    from shelterctl.cli.session import Session

#: The ages on the screen move on this often while nothing else changes, and this often while a load runs.
TICK_S, LOAD_TICK_S = 5.0, 1.0
SVG_COLUMNS = 100
#: A burst of changes is drawn at most this often.
_DRAW_EVERY_S = 0.1


def follow(session: Session, limit_s: float | None, svg: Path | None) -> int:
    """Follows the stack until Ctrl-C or `limit_s`; exit code 0. Raises ApiUnreachable where the cluster is not there at first."""
    from shelterctl.adapters.runs.tail import LoadTail
    from shelterctl.wiring.parts import state_dir

    if limit_s is not None and limit_s <= 0:
        raise UsageError("--for must be longer than 0 s")
    if svg is not None:
        _try_writing(svg)
    wiring, settings = session.wiring, session.settings
    model = WatchModel(settings.namespace, wiring.place.context, wiring.clock.wall_s())
    tail = LoadTail(state_dir(settings), SHARE_S, wiring.place.context, wiring.place.namespace)
    display = WatchDisplay(session.terminal, model, tail.new, wiring.clock.wall_s)
    request = WatchRequest(wiring.place, limit_s)
    try:
        result = session.drive(watch(wiring.target, wiring.clock, request), display)
    except Interrupted:
        # `| head` has read enough: whoever follows decides when that is, as with Ctrl-C.
        return ExitCode.OK
    finally:
        if svg is not None and display.busiest[0].changes:
            write_svg(svg, *display.busiest)
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
        self._model = model
        self._load = load
        self._now_s = now_s
        # The screen is the result here: it belongs on standard output.
        self._table = terminal.output == "table"
        self._drawn = self._table and terminal.stdout.isatty() and "CI" not in os.environ and os.environ.get("TERM") != "dumb"
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._ended = False
        self._console: Console | None = None
        self._live: Live | None = None
        self._size = (0, 0)
        self._looked_s = 0.0
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._on_resize: object = None
        self.busiest = (model, now_s())

    def __enter__(self) -> WatchDisplay:
        if self._drawn:
            self._open_screen()
        self._ticker.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._ended = True
        self._wake.set()
        self._ticker.join(1.0)
        if self._live is not None:
            signal.signal(signal.SIGWINCH, self._on_resize)  # type: ignore[arg-type]
            with self._lock:
                # A watch that failed before it saw anything leaves no screen behind.
                self._live.transient = self._model.pods is None
                self._live.update(self._screen(), refresh=False)
                self._live.stop()

    def show(self, event: Event) -> None:
        self._take(event, self._now_s())

    def _open_screen(self) -> None:
        from rich.live import Live

        self._console = self._terminal.console()
        self._size = self._console.size
        # Not the alternate screen: the last state stays to be read. Drawn by hand: nothing is drawn while nothing changes.
        self._live = Live(
            self._screen(), console=self._console, auto_refresh=False, transient=False, redirect_stdout=False, redirect_stderr=False,
            vertical_overflow="crop",
        )  # fmt: skip
        self._on_resize = signal.signal(signal.SIGWINCH, lambda *_: self._wake.set())
        self._live.start(refresh=True)

    def _take(self, event: Event, at_s: float) -> None:
        with self._lock:
            step = fold(self._model, event, at_s)
            self._model = step.model
            if _busyness(step.model, at_s) >= _busyness(*self.busiest):
                self.busiest = (step.model, at_s)
            if self._table and not self._drawn:
                for note in step.notes:
                    self._terminal.line(change_line(note))
        self._wake.set()

    def _tick(self) -> None:
        """Draws when something changed, at most every DRAW_EVERY_S, and when the ages have moved on."""
        wait_s = 0.0
        with suppress(BrokenPipeError):
            while not self._ended:
                if self._wake.wait(wait_s):
                    time.sleep(_DRAW_EVERY_S)
                self._wake.clear()
                with self._lock:
                    now_s = self._now_s()
                    if now_s - self._looked_s >= LOAD_TICK_S or now_s < self._looked_s:
                        self._looked_s = now_s
                        for at_s, tick in self._load():
                            self._take(tick, at_s)
                        # What was just taken in is drawn below.
                        self._wake.clear()
                    wait_s = LOAD_TICK_S if self._model.load(now_s) is not None else TICK_S
                    self._draw()

    def _draw(self) -> None:
        if self._live is None or self._console is None or self._ended:
            return
        size = self._console.size
        if size != self._size:
            # The terminal has broken the lines anew: what stands there cannot be drawn over.
            self._size = size
            self._console.clear()
        self._live.update(self._screen(), refresh=True)

    def _screen(self) -> Group:
        from rich.console import Group

        assert self._console is not None
        width, height = self._console.size
        # The last line of the terminal is where the cursor stands.
        return Group(*screen(self._model, self._now_s(), width, max(1, height - 1)))


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
        yield Line(f"  the screen at its busiest: {svg}", "dim")


def write_svg(path: Path, model: WatchModel, at_s: float) -> None:
    """Writes the screen of that moment as a picture, 100 columns wide. Raises UsageError where it cannot be written."""
    import io

    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        record=True,
        width=SVG_COLUMNS,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
    )
    for line in screen(model, at_s, SVG_COLUMNS):
        console.print(line, soft_wrap=True)
    # Without the fonts from somebody's server: the reader's own monospace does as well, and nothing is fetched.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="shelterctl status watch"), flags=re.DOTALL)
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _try_writing(path: Path) -> None:
    """A picture that cannot be written is an error before the watch, and not after it."""
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"--svg {path}: it cannot be written", why=error.strerror or str(error))


def _busyness(model: WatchModel, at_s: float) -> tuple[int, bool, int]:
    """Most replicas, then a load, then the highest reading; of equals the later."""
    percent = model.autoscaler.cpu_percent if model.autoscaler is not None else None
    return (model.ready, model.load(at_s) is not None, percent or 0)
