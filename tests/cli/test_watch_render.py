"""`status watch` as people see it: whole screens at 80 and at 40 columns, a line for each change, the picture, the terminal's state."""

import io
import re
from pathlib import Path

import pytest

from shelterctl.cli.render.live_screen.graph import in_ascii
from shelterctl.cli.render.live_screen.in_place import fitting
from shelterctl.cli.render.live_screen.picture import write_svg
from shelterctl.cli.render.live_screen.screen import screen
from shelterctl.cli.render.watch import WatchDisplay, change_line
from shelterctl.cli.terminal import Terminal
from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, Event, LoadTick, PodsSeen, UsageSeen, WatchDropped
from shelterctl.core.state import Role
from shelterctl.core.watch.model import WatchModel
from shelterctl.core.watch.notes import Note
from tests.core.watch.examples import NOON, STACK, pod, scaler, told, usage, waiting

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("utc")]

EMPTY = WatchModel("shelter", "minikube", NOON)
NEW = tuple(pod(f"app-7cb9844f88-{end}", created_s=NOON + 121) for end in ("9v7ml", "x2x9q", "zz41c"))
OLD = (pod("app-7cb9844f88-4xk2p"), pod("app-7cb9844f88-78x2z"), pod("mongodb-0", Role.DATABASE))
MEASURED = {"app_7cb9844f88_4xk2p": 371, "app_7cb9844f88_78x2z": 366, "mongodb_0": 212}
UNDER_LOAD: list[tuple[float, Event]] = [
    (0.0, AutoscalerSeen(scaler())),
    (0.1, PodsSeen(OLD)),
    (1.0, UsageSeen(usage(NOON - 22, app_7cb9844f88_4xk2p=4, app_7cb9844f88_78x2z=3, mongodb_0=2))),
    (90.0, UsageSeen(usage(NOON + 80, **MEASURED))),
    (120.0, AutoscalerSeen(scaler(4, 184, current=2))),
    (121.0, PodsSeen((*OLD, waiting(NEW[0], "ContainerCreating"), waiting(NEW[1], "ContainerCreating")))),
    (135.0, AutoscalerSeen(scaler(5, 184, current=4))),
    (140.0, PodsSeen((*OLD, NEW[0], waiting(NEW[1], "CrashLoopBackOff"), waiting(NEW[2], "ContainerCreating")))),
]
TICK = LoadTick(1.0, 200, 612, 0, 42.0, 210.0, 480.0, 31.0, 3.0, {"app-7cb9844f88-4xk2p": 300, "app-7cb9844f88-78x2z": 312})


def drawn(model: WatchModel, after_s: float, width: int, height: int | None = None) -> list[str]:
    return [line.plain for line in screen(model, NOON + after_s, width, height)]


def test_the_screen_under_a_load_at_80_columns() -> None:
    model, _ = told([*UNDER_LOAD, (141.0, TICK)])
    assert drawn(model, 142, 80) == [
        "shelter @ minikube                            watching for 2 min 22 s   12:02:22",
        "HPA app   cpu 184% of 70%   replicas 4 → 5 (max)   wants 6   samples 62 s old",
        "now  holds 5: cpu asks for 6, its maximum is 5   estimated at this load: stays",
        "last 4 → 5 at 12:02:15, 7 s ago: cpu 184% of 70% asked for 6; its maximum is 5",
        "next can come in 5 min 38 s (estimated): fewer; it is at its maximum",
        "load   200 users   612 requests/s   p95 210 ms   0 failed",
        "   5 ┤                                                         ╭── 5 desired",
        "   4 ┤                                                    ╭────╯",
        "   3 ┤                                                    │      ╭ 3 ready",
        "   2 ┤            ────────────────────────────────────────╯╌╌╌╌╌╌╯",
        "     └──────────────── -2 min ──────────── -1 min ────────────────",
        "184% ┤                                                    ████████",
        " 70% ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄████████",
        "                  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁████████ cpu 184%",
        "pod                   phase     ready    cpu   memory  restarts  share",
        "app-7cb9844f88-4xk2p  Running   yes     371m   64 MiB         0    49%",
        "app-7cb9844f88-78x2z  Running   yes     366m   64 MiB         0    51%",
        "app-7cb9844f88-9v7ml  Running   yes        -        -         0",
        "app-7cb9844f88-x2x9q  Crashing  no         -        -         0",
        "app-7cb9844f88-zz41c  Creating  no         -        -         0",
        "mongodb-0             Running   yes     212m   64 MiB         0",
        "12:02:21  load  200 users",
        "12:02:20  pod app-7cb9844f88-zz41c  created",
        "12:02:20  pod app-7cb9844f88-x2x9q  CrashLoopBackOff",
        "12:02:20  pod app-7cb9844f88-9v7ml  ready after 8 s",
        "12:02:15  hpa app  desired 4 → 5, its maximum; it wants 6, cpu 184% of 70%",
        "12:02:01  pod app-7cb9844f88-x2x9q  created",
        "12:02:01  pod app-7cb9844f88-9v7ml  created",
        "12:02:00  hpa app  desired 2 → 4, cpu 184% of 70%",
        "12:01:30  metrics  new samples, 102 s after the last, app 737m in 2 pods, db",
        "          212m",
        "12:00:00  pods  app 2 of 2 ready, db 1 of 1 ready",
    ]


def test_the_screen_under_a_load_at_40_columns() -> None:
    model, _ = told(UNDER_LOAD)
    assert drawn(model, 142, 40) == [
        "shelter @ minikube              12:02:22",
        "HPA app   cpu 184% of 70%",
        "  replicas 4 → 5 (max)   wants 6",
        "  samples 62 s old",
        "now  holds 5: cpu asks for 6, its",
        "  maximum is 5",
        "  estimated at this load: stays",
        "last 4 → 5 at 12:02:15, 7 s ago: cpu",
        "  184% of 70% asked for 6; its maximum",
        "  is 5",
        "next can come in 5 min 38 s (estimated):",
        "  fewer; it is at its maximum",
        "   5 ┤                   ╭ 5 desired",
        "   4 ┤                 ╭─╯",
        "   3 ┤                 │",
        "   2 ┤    ─────────────╯╌╌ 3 ready",
        "     └───────── -1 min ───",
        "184% ┤                 ███",
        " 70% ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄███",
        "          ▁▁▁▁▁▁▁▁▁▁▁▁▁███ cpu 184%",
        "pod               phase     ready    cpu",
        "app-7cb984…4xk2p  Running   yes     371m",
        "app-7cb984…78x2z  Running   yes     366m",
        "app-7cb984…9v7ml  Running   yes        -",
        "app-7cb984…x2x9q  Crashing  no         -",
        "app-7cb984…zz41c  Creating  no         -",
        "mongodb-0         Running   yes     212m",
        "12:02:20  pod app-7cb9844f88-zz41c",
        "  created",
        "12:02:20  pod app-7cb9844f88-x2x9q",
        "  CrashLoopBackOff",
        "12:02:20  pod app-7cb9844f88-9v7ml",
        "  ready after 8 s",
        "12:02:15  hpa app  desired 4 → 5, its",
        "  maximum; it wants 6, cpu 184% of 70%",
        "12:02:01  pod app-7cb9844f88-x2x9q",
        "  created",
        "12:02:01  pod app-7cb9844f88-9v7ml",
        "  created",
        "12:02:00  hpa app  desired 2 → 4, cpu",
        "  184% of 70%",
        "12:01:30  metrics  new samples, 102 s",
        "  after the last, app 737m in 2 pods, d…",
        "12:00:00  pods  app 2 of 2 ready, db 1",
        "  of 1 ready",
        "12:00:00  hpa app  desired 2, cpu 4% of",
        "  70%, from 2 to 5 replicas",
    ]


def test_fifteen_lines_have_something_of_everything() -> None:
    model, _ = told(UNDER_LOAD)
    assert drawn(model, 142, 40, 15) == [
        "shelter @ minikube              12:02:22",
        "HPA app   cpu 184% of 70%",
        "  replicas 4 → 5 (max)   wants 6",
        "  samples 62 s old",
        "   5 ┤                 ╭── 5 desired",
        "   2 ┤    ─────────────╯╌╌ 3 ready",
        "     └───────── -1 min ───",
        "cpu       ▁▁▁▁▁▁▁▁▁▁▁▁▁███ cpu 184%",
        "pod               phase     ready    cpu",
        "app-7cb984…4xk2p  Running   yes     371m",
        "app-7cb984…78x2z  Running   yes     366m",
        "app-7cb984…9v7ml  Running   yes        -",
        "… 3 more pods",
        "12:02:20  pod app-7cb9844f88-zz41c",
        "  created",
    ]


@pytest.mark.parametrize("height", range(1, 40))
@pytest.mark.parametrize("width", [20, 40, 57, 80, 100, 200])
def test_no_screen_is_larger_than_the_terminal(width: int, height: int) -> None:
    model, _ = told([*UNDER_LOAD, (141.0, TICK), (141.0, WatchDropped("pods", "Connection refused"))])
    lines = drawn(model, 142, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_where_nothing_is_deployed_the_screen_says_so_and_what_to_do() -> None:
    model, _ = told([(0.0, PodsSeen(())), (0.1, AutoscalerGone(""))])
    assert drawn(model, 5, 80) == [
        "shelter @ minikube                                   watching for 5 s   12:00:05",
        "Nothing is deployed here: shelterctl up. This screen goes on watching.",
        "12:00:00  stack  nothing is deployed in namespace shelter: shelterctl up",
    ]


def test_while_the_cluster_is_not_heard_the_screen_says_that_it_is_old() -> None:
    model, _ = told([(0.0, AutoscalerSeen(scaler())), (0.1, PodsSeen(STACK)), (10.0, WatchDropped("pods", "Connection refused"))])
    assert drawn(model, 45, 80) == [
        "shelter @ minikube                                  watching for 45 s   12:00:45",
        "not heard from the cluster since 12:00:10, 35 s: what follows is old",
        "HPA app   cpu 4% of 70%   replicas 2 (min)",
        "last none: it has not scaled yet",
        "   5 ┤",
        "   4 ┤",
        "   3 ┤",
        "   2 ┤               ───────────────────────────────────────────── 2 of 2 ready",
        "     └─────────────────────────── -30 s ──────────────────────────",
        " 70% ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "",
        "                     ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ cpu 4%",
        "pod        phase     ready  restarts",
        "app-1      Running   yes           0",
        "app-2      Running   yes           0",
        "mongodb-0  Running   yes           0",
        "12:00:10  watch  of pods dropped, trying again: Connection refused",
        "12:00:00  pods  app 2 of 2 ready, db 1 of 1 ready",
        "12:00:00  hpa app  desired 2, cpu 4% of 70%, from 2 to 5 replicas",
    ]


def test_before_anything_is_known_nothing_is_claimed() -> None:
    assert drawn(EMPTY, 0, 80) == [
        "shelter @ minikube                                   watching for 0 s   12:00:00",
        "looking at the cluster …",
    ]


def picture(path: Path, model: WatchModel, at_s: float) -> str:
    """The words of the picture of a screen."""
    write_svg(path, lambda width: screen(model, at_s, width), 0, "shelterctl status watch")
    return re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")).replace("&#160;", " ")


def test_names_and_messages_with_brackets_are_not_read_as_markup(tmp_path: Path) -> None:
    model, _ = told([(0.0, PodsSeen((pod("app-[x]"), pod("[red]app"))))])
    assert "app-[x]   Running   yes           0" in drawn(model, 1, 80)
    words = picture(tmp_path / "watch.svg", model, NOON)
    assert "app-[x]" in words
    assert "[red]app" in words


def test_the_picture_fetches_nothing(tmp_path: Path) -> None:
    model, _ = told([(0.0, PodsSeen(STACK))])
    picture(tmp_path / "watch.svg", model, NOON)
    assert re.findall(r"url\([\"']?http[^)]*|src=[^ ]*", (tmp_path / "watch.svg").read_text(encoding="utf-8")) == []


def test_what_a_terminal_would_take_for_a_command_is_left_out() -> None:
    assert (
        change_line(Note(NOON, "pod app-1", "Failed: \x1b[2J\x07line one\nline two")) == "12:00:00 pod app-1 Failed:  [2J line one line two"
    )


def display(terminal: Terminal) -> WatchDisplay:
    return WatchDisplay(terminal, EMPTY, list, lambda: NOON + 120)


def test_without_a_terminal_each_change_is_one_line() -> None:
    out = io.StringIO()
    with display(Terminal("table", stdout=out)) as shown:
        for _, event in UNDER_LOAD:
            shown.show(event)
    assert out.getvalue().splitlines() == [
        "12:02:00 hpa app desired 2, cpu 4% of 70%, from 2 to 5 replicas",
        "12:02:00 pods app 2 of 2 ready, db 1 of 1 ready",
        "12:02:00 metrics samples, 142 s old, app 7m in 2 pods, db 2m",
        "12:02:00 metrics new samples, 102 s after the last, app 737m in 2 pods, db 212m",
        "12:02:00 hpa app desired 2->4, cpu 184% of 70%",
        "12:02:00 pod app-7cb9844f88-9v7ml created",
        "12:02:00 pod app-7cb9844f88-x2x9q created",
        "12:02:00 hpa app desired 4->5, its maximum; it wants 6, cpu 184% of 70%",
        "12:02:00 pod app-7cb9844f88-9v7ml ready after 8 s",
        "12:02:00 pod app-7cb9844f88-x2x9q CrashLoopBackOff",
        "12:02:00 pod app-7cb9844f88-zz41c created",
    ]


class ATerminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_in_ci_and_on_a_dumb_terminal_nothing_is_redrawn(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    out = ATerminal()
    with display(Terminal("table", stdout=out)) as shown:
        shown.show(PodsSeen(STACK))
    assert out.getvalue() == "12:02:00 pods app 2 of 2 ready, db 1 of 1 ready\n"


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), (None, True)])
def test_no_color_leaves_the_colours_out_and_the_screen_stays_when_it_ends(
    no_color: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("NO_COLOR", no_color), ("CI", None), ("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    out = ATerminal()
    with display(Terminal("table", stdout=out)) as shown:
        for _, event in UNDER_LOAD:
            shown.show(event)
    codes = set(re.findall(r"\x1b\[([0-9;]*)m", out.getvalue()))
    assert ("36" in codes) is coloured
    # The cursor is there again, the alternate screen was never used, and the last drawing was not wiped out.
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")
    assert "\x1b[?1049h" not in out.getvalue()
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue().rpartition("\x1b[2K")[2])
    assert "app-7cb9844f88-4xk2p  Running" in last


def test_with_a_machine_reading_nothing_is_drawn() -> None:
    out = ATerminal()
    with display(Terminal("jsonl", stdout=out)) as shown:
        shown.show(PodsSeen(STACK))
    assert out.getvalue() == ""


def test_the_picture_is_of_the_last_screen(tmp_path: Path) -> None:
    times = iter([NOON + after_s for after_s in (1, 2, 3, 4)])
    shown = WatchDisplay(Terminal("json", stdout=io.StringIO()), EMPTY, list, lambda: next(times))
    for event in (PodsSeen(STACK), AutoscalerSeen(scaler(2, 184)), AutoscalerSeen(scaler(2, 20))):
        shown.show(event)
    write_svg(tmp_path / "watch.svg", shown.last, shown.width, "shelterctl status watch")
    words = re.sub(r"<[^>]+>", "", (tmp_path / "watch.svg").read_text(encoding="utf-8")).replace("&#160;", " ")
    assert "HPA app   cpu 20% of 70%   replicas 2 (min)" in words
    assert "watching for 4 s   12:00:04" in words


class Latin(io.StringIO):
    """A terminal whose encoding has no box drawings."""

    encoding = "latin-1"


def test_where_the_encoding_has_no_box_drawings_the_screen_is_ascii_and_no_wider() -> None:
    model, _ = told([*UNDER_LOAD, (141.0, TICK)])
    lines = [line.plain for line in fitting(lambda width, height: screen(model, NOON + 142, width, height), Latin(), 80, 23)]
    assert all(line.isascii() and len(line) <= 80 for line in lines)
    assert lines[6:14] == [
        "   5 |                                                       +-- 5 desired",
        "   4 |                                                  +----+",
        "   3 |                                                  |",
        "   2 |            --------------------------------------+....... 3 ready",
        "     +--------------- -2 min ------------ -1 min ---------------",
        "184% |                                                  ########",
        " 70% |~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~########",
        "                  ______________________________________######## cpu 184%",
    ]


def test_the_ascii_lines_keep_their_colours() -> None:
    model, _ = told(UNDER_LOAD)
    before = screen(model, NOON + 142, 80)
    after = in_ascii(before, 200)
    assert [{str(span.style) for span in line.spans} - {""} for line in after] == [
        {str(s.style) for s in line.spans} - {""} for line in before
    ]


def test_what_scaled_and_what_can_come_is_told_as_an_estimate() -> None:
    model, _ = told(UNDER_LOAD)
    assert drawn(model, 142, 80)[2:5] == [
        "now  holds 5: cpu asks for 6, its maximum is 5   estimated at this load: stays",
        "last 4 → 5 at 12:02:15, 7 s ago: cpu 184% of 70% asked for 6; its maximum is 5",
        "next can come in 5 min 38 s (estimated): fewer; it is at its maximum",
    ]


def test_where_there_is_little_room_the_graph_and_the_pods_stay_and_the_words_give_way() -> None:
    model, _ = told([*UNDER_LOAD, (141.0, TICK)])
    lines = drawn(model, 142, 60, 19)
    assert [line.split()[0] for line in lines if line.split()[0] in ("now", "last", "next", "5", "cpu", "pod")] == [
        "last", "next", "5", "cpu", "pod",
    ]  # fmt: skip
