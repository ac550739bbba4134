"""What is redrawn in place: nothing while nothing changes, lines above it where they belong; the screen of a load."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.text import Text

from shelterctl.cli.render.live_screen.in_place import DRAW_EVERY_S, LiveScreen
from shelterctl.cli.render.loadtest import LoadDisplay
from shelterctl.cli.render.prove import ProveDisplay
from shelterctl.cli.terminal import Line, Terminal
from shelterctl.core.events import AutoscalerSeen, LoadTick, Notice, Outcome, PartStarted, PodsSeen, StepFinished, StepStarted
from shelterctl.core.state import Place
from tests.core.load.examples import PLAN
from tests.core.watch.examples import STACK, scaler

pytestmark = pytest.mark.unit

PLACE = Place("minikube", "shelter")
TICK = LoadTick(7.0, 200, 612, 0, 42.0, 210.0, 480.0, 31.0, 3.0, {"app-1": 300, "app-2": 100})


class ATerminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def screen_of_80_by_24(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)


def wait_until(true: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 10
    while not true() and time.monotonic() < until_s:
        time.sleep(0.02)


class Shown:
    """A screen whose only line is its `model`, and how often that was asked for."""

    def __init__(self) -> None:
        self.out = ATerminal()
        self.model = "one"
        self.ticks = 0
        self.screen = LiveScreen(Terminal(stdout=self.out).console(), self.lines, lambda: self.model, self.tick)

    def lines(self, width: int, height: int) -> list[Text]:
        assert (width, height) == (80, 23)
        return [Text(self.model)]

    def tick(self) -> None:
        self.ticks += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        self.screen.start()
        try:
            yield
        finally:
            self.screen.stop()


def test_what_does_not_change_is_written_once() -> None:
    shown = Shown()
    with shown.running():
        wait_until(lambda: shown.ticks >= 3)
        # The second may have turned meanwhile: the line is the same.
        assert shown.out.getvalue().count("one") == 1
        shown.model = "two"
        wait_until(lambda: "two" in shown.out.getvalue())
        assert shown.out.getvalue().count("two") == 1
    assert pytest.approx(1 / 4) == DRAW_EVERY_S


def test_a_line_above_is_written_with_the_screen_away_and_the_cursor_is_there_at_the_end() -> None:
    shown = Shown()
    with shown.running(), shown.screen.away():
        shown.out.write("above\n")
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.out.getvalue()).split()
    assert seen[-3:] == ["above", "one", "one"]
    before = shown.out.getvalue().partition("above")[0]
    assert before.endswith("\x1b[2K")
    assert shown.out.getvalue().rindex("\x1b[?25h") > shown.out.getvalue().rindex("\x1b[?25l")


def load(err: io.StringIO, *, quiet: bool = False, svg: Path | None = None) -> str:
    terminal = Terminal(quiet=quiet, stdout=io.StringIO(), stderr=err)
    with LoadDisplay(terminal, PLAN, PLACE, svg) as display:
        display.show(PodsSeen(STACK))
        display.show(AutoscalerSeen(scaler()))
        display.show(StepStarted("load", "200 users on http://service"))
        display.show(TICK)
        display.show(Notice("somebody works on the stack", "warning"))
        display.show(AutoscalerSeen(scaler(4, 184, current=2)))
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.getvalue())


def test_a_load_on_a_terminal_is_the_screen_of_the_watch_with_the_shares_of_the_requests() -> None:
    text = load(ATerminal())
    last = text[text.rindex("shelter @ minikube") :]
    assert re.match(r"shelter @ minikube +load 7 s of \d+ s   \d\d:\d\d:\d\d", last)
    assert "HPA app   cpu 184% of 70%   replicas 2 → 4" in last
    assert "2 → 4 at " in last
    assert "load   200 users   612 requests/s   p95 210 ms   0 failed" in last
    assert re.search(r"app-1 +Running +yes +0 +75%", last)
    # Told above, once, and not on the screen besides.
    assert text.count("somebody works on the stack") == 1


def test_a_load_into_a_file_is_lines_without_control_sequences() -> None:
    err = io.StringIO()
    lines = load(err).splitlines()
    assert "\x1b" not in err.getvalue()
    assert lines[0] == "  200 users on http://service"
    assert lines[1] == "      7 s  200 users  612 req/s  p50 42  p95 210  p99 480 ms  0 failed  ready 2 of 2  cpu 4%/70%"
    assert lines[2] == "  ! somebody works on the stack"
    assert re.fullmatch(r"  \d\d:\d\d:\d\d  hpa app desired 2->4 cpu 184%/70%", lines[3])


@pytest.mark.parametrize("err", [ATerminal(), io.StringIO()])
def test_the_last_screen_of_a_load_is_kept_wherever_it_ran(err: io.StringIO, tmp_path: Path) -> None:
    load(err, quiet=True, svg=tmp_path / "load.svg")
    words = re.sub(r"<[^>]+>", "", (tmp_path / "load.svg").read_text(encoding="utf-8")).replace("&#160;", " ")
    assert "replicas 2 → 4 of 2 to 5" in words
    assert "shelterctl loadtest" in words


def test_in_a_proof_the_screen_ends_with_the_load_and_the_result_stands_under_it() -> None:
    err = ATerminal()
    terminal = Terminal(stdout=io.StringIO(), stderr=err)
    with ProveDisplay(terminal, PLAN, PLACE) as display:
        display.show(PartStarted("scale", "It scales", 1, 1))
        for event in (PodsSeen(STACK), AutoscalerSeen(scaler()), TICK, StepFinished("load", "done", Outcome.CHANGED, 7.0)):
            display.show(event)
        terminal.say([Line("PASS")])
    after = err.getvalue().rpartition("shelter @ minikube")[2]
    assert after.index("\x1b[?25h") < after.index("PASS")


def test_a_load_after_replicas_came_down_is_shown_as_any_other() -> None:
    err = io.StringIO()
    with ProveDisplay(Terminal(stdout=io.StringIO(), stderr=err), PLAN, PLACE) as display:
        display.show(PartStarted("scale", "It scales", 1, 1))
        display.show(StepStarted("descent", "Until 2 replicas are ready again"))
        display.show(PodsSeen(STACK))
        display.show(StepFinished("descent", "2 replicas again", Outcome.CHANGED, 70.0))
        for event in (StepStarted("load", "200 users on http://service"), AutoscalerSeen(scaler()), TICK):
            display.show(event)
    told = err.getvalue()
    assert told.index("Until 2 replicas") < told.index("200 users on http://service") < told.index("612 req/s")


def test_a_load_that_watches_no_stack_is_named_by_its_url() -> None:
    err = ATerminal()
    with LoadDisplay(Terminal(stdout=io.StringIO(), stderr=err), PLAN) as display:
        display.show(TICK)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.getvalue())
    assert PLAN.host in last
    assert "looking at the cluster" not in last
