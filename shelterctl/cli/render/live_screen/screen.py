"""The screen of `status watch` as lines of text, for any width from 40 columns and any height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shelterctl.cli.render.live_screen.graph import graph, graph_lines
from shelterctl.cli.render.stack import clock_time, phase
from shelterctl.cli.terminal import STYLES
from shelterctl.core.state import Autoscaler, Pod, app_first
from shelterctl.core.watch.model import WatchModel
from shelterctl.core.watch.notes import Note, cpu_words, metric_problem
from shelterctl.core.watch.words import last_words, next_words, now_words, whole

if TYPE_CHECKING:
    from rich.text import Text

_NOTES = 10
#: What the graph and the notes need to be of use, and the pods at the most: where the words leave fewer lines, the least of them go.
_BODY, _ROWS = 6, 8


def screen(model: WatchModel, now_s: float, width: int, height: int | None = None, *, about: str = "", title: str = "") -> list[Text]:
    """The lines, each at most `width` cells, at most `height` of them. Times are epoch seconds.

    `about` stands at the right of the first line, instead of how long it watches; `title` at its left, instead of the stack.
    """
    head = [_header(model, now_s, width, about, title), *_state(model, now_s, width)]
    load = _load(model, now_s, width)
    pods = _pods(model, now_s, width)
    room = None if height is None else height - len(head) - len(load) - min(len(pods), _ROWS) - _BODY
    head += [*_decisions(model, now_s, width, room), *load]
    notes = _notes(model.notes, width)
    wanted = graph_lines(model)
    if height is None:
        return [*head, *graph(model, now_s, width, wanted), *pods, *(line for note in notes for line in note)]
    sizes = _sizes(height - len(head), wanted, len(pods), sum(map(len, notes)))
    lines = [*head, *graph(model, now_s, width, sizes[0]), *_cut(pods, sizes[1])]
    left = sizes[2]
    for note in notes:
        if len(note) > left:
            break
        lines += note
        left -= len(note)
    return lines[: max(1, height)]


def _sizes(rest: int, graph: int, pods: int, notes: int) -> tuple[int, int, int]:
    """Lines for the graph (0, or from 4 on), the pods and the notes: first what each must have, then what each would like."""
    rest = max(0, rest)
    few_pods = min(pods, 4, rest)
    few_notes = min(notes, 2, rest - few_pods)
    left = rest - few_pods - few_notes
    small = 4 if min(graph, left) >= 4 else 0
    left -= small
    more_pods = min(pods - few_pods, left)
    left -= more_pods
    tall = min(graph - small, left) if small else 0
    return small + tall, few_pods + more_pods, few_notes + left - tall


def _header(model: WatchModel, now_s: float, width: int, about: str, title: str) -> Text:
    from rich.text import Text

    name = title or f"{model.namespace} @ {model.context}"
    right = clock_time(now_s)
    longer = f"{about or f'watching for {whole(now_s - model.began_s)}'}   {right}"
    if len(name) + len(longer) + 3 <= width:
        right = longer
    text = Text(_fit(name, max(1, width - len(right) - 2)), style=STYLES["strong"])
    text.pad_right(max(0, width - len(right) - text.cell_len))
    return text.append(right, style="dim")


def _state(model: WatchModel, now_s: float, width: int) -> Iterator[Text]:
    """What holds now: whether the cluster is heard, what is deployed, the autoscaler."""
    if model.dropped and model.dropped_s is not None:
        away = whole(now_s - model.dropped_s)
        yield from _words([f"not heard from the cluster since {clock_time(model.dropped_s)}, {away}: what follows is old"], width, "bad")
    if model.empty:
        yield from _words(["Nothing is deployed here: shelterctl up. This screen goes on watching."], width, "doubt")
    elif model.autoscaler is not None:
        seen = model.autoscaler
        words = [f"HPA {seen.name}", cpu_words(seen), _replicas(seen)]
        if model.beyond is not None:
            words.append(f"wants {model.beyond}")
        if model.usage:
            words.append(f"samples {max(0.0, now_s - max(item.sampled_at_s for item in model.usage)):.0f} s old")
        problem = metric_problem(seen)
        yield from _words([*words, problem], width, "doubt" if problem or model.beyond is not None else "strong")
    elif model.autoscaler_known:
        yield from _words(["no autoscaler: nothing scales the application"], width, "doubt")
    elif model.pods is None and not model.loads:
        yield from _words(["looking at the cluster …"], width, "dim")


def _decisions(model: WatchModel, now_s: float, width: int, room: int | None) -> list[Text]:
    """What holds the autoscaler now, what it decided last, what can come next and when; as much of it as `room` has lines for."""
    seen = model.autoscaler
    if seen is None:
        return []
    coming, steady = next_words(seen, model.heard, model.wanted, now_s)
    now, last = now_words(seen, model.wanted), last_words(seen, model.heard, now_s)
    if model.dropped:
        # What it has read and decided since is not heard: nothing can be said of what comes.
        now, coming, steady = "", "", ""

    def said(label: str, *words: str) -> list[Text]:
        found = [word for word in words if word]
        return _words([f"{label:<4} {found[0]}", *found[1:]], width) if found else []

    ways: tuple[list[Text], ...] = (
        [*said("now", now, steady), *said("last", last), *said("next", coming)],
        [*said("now", now), *said("last", last), *said("next", coming)],
        [*said("last", last), *said("next", coming)],
        [*_first(said("last", last), width), *_first(said("next", coming), width)],
        _first(said("next", coming), width),
        [],
    )
    return next(way for way in ways if room is None or len(way) <= room or not way)


def _first(lines: list[Text], width: int) -> list[Text]:
    """The first line, with a sign that there were more."""
    from rich.text import Text

    return [Text(_fit(f"{lines[0].plain} …", width))] if len(lines) > 1 else lines


def _load(model: WatchModel, now_s: float, width: int) -> list[Text]:
    load = model.load(now_s)
    if load is None:
        return []
    p95 = "" if load.p95_ms is None else f"p95 {load.p95_ms:.0f} ms"
    return _words(["load", f"{load.users} users", f"{load.requests} requests/s", p95, f"{load.failures} failed"], width)


def _replicas(seen: Autoscaler) -> str:
    change = f"{seen.current} → {seen.desired}" if seen.current != seen.desired else f"{seen.current}"
    if seen.desired >= seen.maximum:
        return f"replicas {change} (max)"
    return f"replicas {change} (min)" if seen.desired <= seen.minimum else f"replicas {change} of {seen.minimum} to {seen.maximum}"


def _pods(model: WatchModel, now_s: float, width: int) -> list[Text]:
    from rich.text import Text

    if not model.pods:
        return [] if model.pods is None or model.empty else [Text("no pods", style=STYLES["doubt"])]
    usage = {item.pod: item for item in model.usage}
    shares = model.shares(now_s)
    name_width = max(len(pod.name) for pod in model.pods)
    columns: list[tuple[str, int, list[str]]] = []
    pods = sorted(model.pods, key=app_first)

    def column(title: str, at_least: int, cells: Sequence[str]) -> None:
        columns.append((title, max(at_least, len(title), *map(len, cells)), list(cells)))

    column("phase", 8, [phase(pod) for pod in pods])
    column("ready", 5, ["yes" if pod.ready else "no" for pod in pods])
    if usage:
        column("cpu", 5, [f"{usage[pod.name].cpu_millicores}m" if pod.name in usage else "-" for pod in pods])
        column("memory", 7, [f"{usage[pod.name].memory_bytes / 2**20:.0f} MiB" if pod.name in usage else "-" for pod in pods])
    column("restarts", 8, [str(pod.restarts) for pod in pods])
    if shares:
        title = "share of requests" if width >= 96 else "share"
        column(title, 5, [f"{shares[pod.name]:.0%}" if pod.name in shares else "" for pod in pods])
    # The least important columns go first where there is no room; the name gives way before the state does.
    for title in ("share", "memory", "restarts", "cpu"):
        if min(name_width, 14) + sum(size + 2 for _, size, _ in columns) > width:
            columns = [entry for entry in columns if entry[0] != title]
    name_width = max(3, min(name_width, width - sum(size + 2 for _, size, _ in columns)))
    titles = "".join(_cell(title, title, size) for title, size, _ in columns)
    lines = [Text(f"{'pod':<{name_width}}{titles}".rstrip(), style="dim")]
    for row, pod in enumerate(pods):
        cells = "".join(_cell(title, values[row], size) for title, size, values in columns)
        lines.append(Text(f"{_middle(pod.name, name_width):<{name_width}}{cells}".rstrip(), style=_pod_style(pod)))
    return lines


def _cell(title: str, text: str, size: int) -> str:
    return f"  {text:<{size}}" if title in ("phase", "ready") else f"  {text:>{size}}"


def _pod_style(pod: Pod) -> str:
    return STYLES["dim"] if pod.deleting else STYLES["plain"] if pod.ready else STYLES["doubt"]


def _cut(lines: list[Text], count: int) -> list[Text]:
    from rich.text import Text

    if len(lines) <= count or count < 2:
        return lines[:count]
    return [*lines[: count - 1], Text(f"… {len(lines) - count + 1} more pods", style="dim")]


def _notes(notes: Sequence[Note], width: int) -> list[list[Text]]:
    """The newest first, each on at most two lines."""
    from rich.text import Text

    found = []
    for note in reversed(notes[-_NOTES:]):
        times = f" (×{note.count})" if note.count > 1 and note.key != "metrics" and not note.key.startswith("reading") else ""
        first, *rest = _wrap(f"{clock_time(note.at_s)}  {note_words(note)}{times}", width, indent=10 if width >= 60 else 2)
        rest = [_fit(rest[0] + (" …" if len(rest) > 1 else ""), width)] if rest else []
        found.append([Text(line, style=STYLES[note.style]) for line in (first, *rest)])
    return found


def note_words(note: Note) -> str:
    """A note's words on one line; what a terminal would take for a command is left out."""
    return "".join(letter if letter.isprintable() else " " for letter in f"{note.subject}  {note.text}")


def _words(words: Sequence[str], width: int, style: str = "plain") -> list[Text]:
    """Words three spaces apart, on as many lines as they need: a word is broken only where a line is too short for it."""
    from rich.text import Text

    lines: list[str] = []
    for word in filter(None, words):
        if lines and len(lines[-1]) + 3 + len(word) <= width:
            lines[-1] += f"   {word}"
        else:
            wrapped = _wrap(word if not lines else f"  {word}", width, indent=2)
            lines += wrapped[:3]
    return [Text(line, style=STYLES[style]) for line in lines]


def _wrap(text: str, width: int, *, indent: int) -> list[str]:
    """Lines of at most `width`, broken at spaces where there are any; those after the first are indented."""
    lines = []
    while len(text) > width:
        at = text.rfind(" ", indent + 1, width + 1)
        at = at if at > indent else width
        lines.append(text[:at].rstrip())
        text = " " * indent + text[at:].lstrip()
    return [*lines, text.rstrip()]


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _middle(text: str, width: int) -> str:
    """A name without its middle: its end tells it apart."""
    if len(text) <= width:
        return text
    tail = min(5, max(0, width - 2))
    return text[: max(0, width - tail - 1)] + "…" + text[len(text) - tail :]
