"""Lines that are redrawn in place, four times a second, and the terminal as it was afterwards."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from shelterctl.cli.render.live_screen.graph import in_ascii

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.segment import Segment
    from rich.text import Text

#: Four updates a second; where nothing changed, nothing is written.
DRAW_EVERY_S = 0.25


class LiveScreen:
    """Draws what `lines` gives for a width and a height, until `stop`. `tick` is called before each drawing.

    `shown` gives what the lines are made of: where that is the same object in the same second, they are the same. All three are called
    with `lock` held. Without a console it only ticks.
    """

    def __init__(
        self,
        console: Console | None,
        lines: Callable[[int, int], list[Text]],
        shown: Callable[[], object],
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._console = console
        self._lines = lines
        self._shown = shown
        self._tick = tick
        self._made_of: tuple[object, int] = (None, 0)
        self.lock = threading.RLock()
        self._ended = threading.Event()
        self._live: Live | None = None
        self._size = (0, 0)
        self._last: _Frame | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._on_resize: object = None
        self._resized = False
        self._started = False

    def start(self) -> None:
        """The first drawing, at once."""
        if self._console is not None:
            self._size = self._console.size
            self._open()
            # Where another handler waits for it, it is called at the end again. Signals come to the main thread only.
            if threading.current_thread() is threading.main_thread():
                self._on_resize = signal.signal(signal.SIGWINCH, self._resize)
        self._started = True
        self._thread.start()

    def stop(self, *, keep: bool = True) -> None:
        """The last drawing, which stays to be read with `keep`."""
        if not self._started or self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(1.0)
        if self._on_resize is not None:
            signal.signal(signal.SIGWINCH, self._on_resize)  # type: ignore[arg-type]
        with self.lock:
            if self._live is not None:
                self._live.transient = not keep
                # Its end draws it once more by itself.
                self._live.update(self._frame(), refresh=False)
                self._live.stop()
                self._live = None

    @property
    def width(self) -> int:
        return self._size[0]

    @contextmanager
    def away(self) -> Iterator[None]:
        """Takes the screen away, so that a line can be printed above it."""
        with self.lock:
            if self._live is None:
                yield
                return
            self._live.transient = True
            self._live.stop()
            self._live = None
            yield
            if not self._ended.is_set():
                self._open()

    def _open(self) -> None:
        from rich.live import Live

        # Not the alternate screen: the last state stays to be read. Drawn by hand: nothing is written while nothing changes.
        self._last = self._frame()
        self._live = Live(
            self._last, console=self._console, auto_refresh=False, transient=False, redirect_stdout=False, redirect_stderr=False,
            vertical_overflow="crop",
        )  # fmt: skip
        self._live.start(refresh=True)

    def _resize(self, number: int, frame: object) -> None:
        self._resized = True
        if callable(self._on_resize):
            self._on_resize(number, frame)

    def _run(self) -> None:
        with suppress(BrokenPipeError):
            while not self._ended.wait(DRAW_EVERY_S):
                with self.lock:
                    self._tick()
                    self._draw()

    def _draw(self) -> None:
        if self._live is None or self._console is None:
            return
        size, force = self._console.size, False
        if size != self._size or self._resized:
            # The terminal has broken the lines anew: what stands there cannot be drawn over.
            self._size, self._resized, force = size, False, True
            self._console.clear()
        # Building the lines is most of the work, and nothing on them is finer than a second.
        made_of = (self._shown(), int(time.time()))
        if not force and made_of[0] is self._made_of[0] and made_of[1] == self._made_of[1]:
            return
        self._made_of = made_of
        frame = self._frame()
        if force or frame != self._last:
            self._last = frame
            self._live.update(frame, refresh=True)

    def _frame(self) -> _Frame:
        assert self._console is not None
        width, height = self._console.size
        # The last line of the terminal is where the cursor stands.
        lines = fitting(self._lines, self._console.file, width, max(1, height - 1))
        return _Frame(lines)


class _Frame:
    """Lines that fit, as a renderable: nothing is wrapped, measured or padded again, which is most of what a drawing costs."""

    def __init__(self, lines: list[Text]) -> None:
        self._lines = lines
        self._key = [(line.plain, line.style, line.spans) for line in lines]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frame) and self._key == other._key

    __hash__ = None  # type: ignore[assignment]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for number, line in enumerate(self._lines):
            if number:
                yield Segment.line()
            yield from line.render(console)


def fitting(lines: Callable[[int, int], list[Text]], stream: object, width: int, height: int) -> list[Text]:
    """The lines in signs that the stream's encoding has."""
    if has_signs(stream):
        return lines(width, height)
    # An arrow takes a column more there.
    return in_ascii(lines(max(1, width - 2), height), width)


def has_signs(stream: TextIO | object) -> bool:
    """Whether box drawings and blocks can be written to a stream."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        "─╌┄╭▁█→…×".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
