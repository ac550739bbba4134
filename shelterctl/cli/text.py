"""What every printed text goes through: no control sequence reaches a terminal, and a command that is shown hits what this run hit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import combining, east_asian_width

from shelterctl.core.serial import JsonValue

#: Colours, as applications write them into their logs: they say nothing without a terminal's help, and are left out.
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
#: C0 but for tab and newline, DEL, C1, and what changes the direction or the lines of a text (Unicode TR 9 and TR 14).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_COMMANDS = (
    "prove|inspect|init|up|status watch|status|loadtest|hpa explain|hpa replay|hpa simulate|hpa recommend|chaos kill-db|dns check|doctor"
    "|url|logs|runs list|runs show|report|down"
)
#: They read run folders alone.
_READ_RUNS = ("runs list", "runs show", "report", "hpa replay", "hpa simulate")
#: Not where a running process is named.
_SHELTERCTL = re.compile(rf"\bshelterctl ({_COMMANDS})\b(?! \(process)([^`();]*)")
_KUBECTL = re.compile(r"\bkubectl (?=(?:-n|get|describe|logs|delete|apply|wait|edit|scale|patch|rollout|exec|port-forward|top|annotate)\b)")
_MINIKUBE = re.compile(r"\bminikube (start|stop|addons|image|ssh|logs|service|docker-env|delete|kubectl)\b([^`();]*)")
_WORD = re.compile(r"\s*\S+\s*")
#: Commands that ask before they go on.
_ASKING = re.compile(r"--accept-ephemeral|--delete-data")


def harmless(text: str) -> str:
    """The text with nothing in it that a terminal would obey: what is left of a control character is its code."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda found: _code(found.group()), _COLOUR.sub("", text))


def harmless_json(text: str) -> str:
    """The same for JSON, which may hold C1 and direction marks raw: as escapes, so that it means what it meant."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 0x100 else f"\\u{ord(letter):04x}"


def wrapped(text: str, width: int) -> list[str] | None:
    """The lines that a text without line breaks takes in `width` columns, as rich breaks them: between words, within one that is longer.

    None where a letter does not take one column: rich knows those.
    """
    if not text.isascii() and any(east_asian_width(letter) in "FW" or combining(letter) for letter in text):
        return None
    breaks, used = [], 0
    for found in _WORD.finditer(text):
        start, word = found.start(), found.group()
        bare = len(word.rstrip())
        if bare <= width - used:
            used += len(word)
        elif bare > width:
            breaks += [place for place in range(start, found.end(), width) if place]
            used = (len(word) - 1) % width + 1
        elif used and start:
            breaks.append(start)
            used = len(word)
    return [text[since:until] for since, until in pairwise([0, *breaks, len(text)])]


def may_name_a_command(text: str) -> bool:
    """Whether there can be anything in a text to complete."""
    return "shelterctl " in text or "kubectl " in text or "minikube " in text


def each_text(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    """A document with every text in it changed, but for the names of its fields."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {key: each_text(item, change) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Aim:
    """What a command line must carry to hit what this run hits.

    `options` are shelterctl's own, such as `-p plain`; what reads run folders alone needs `stored` alone. `programs` has the options of
    others' (`kubectl`, `minikube`). `asked` is whether nobody can be asked, so that a command that would ask says yes itself; `doubt`
    whether every command that changes something would.
    """

    options: Sequence[str] = ()
    stored: Sequence[str] = ()
    programs: Mapping[str, str] | None = None
    asked: bool = False
    doubt: bool = False

    def text(self, text: str) -> str:
        """A printed text, with every command in it completed."""
        programs = self.programs or {}
        text = _SHELTERCTL.sub(self._shelterctl, text)
        if kubectl := programs.get("kubectl"):
            text = _KUBECTL.sub(f"kubectl {kubectl} ", text)
        if minikube := programs.get("minikube"):
            text = _MINIKUBE.sub(lambda found: self._minikube(found, minikube), text)
        return text

    def json(self, value: JsonValue) -> JsonValue:
        """The same for every text in a document."""
        return each_text(value, self.text)

    def _shelterctl(self, found: re.Match[str]) -> str:
        command, rest = found.group(1), found.group(2)
        wanted = [*self.stored] if command in _READ_RUNS else [*self.options, *self.stored]
        changes = command in ("prove", "up", "down", "loadtest", "chaos kill-db") or (command == "hpa recommend" and " --apply" in rest)
        if self.asked and (_ASKING.search(rest) or (self.doubt and changes)) and " --yes" not in rest:
            wanted.append("--yes")
        missing = [option for option in wanted if f" {option.split(' ')[0]}" not in rest]
        return f"shelterctl {' '.join([command, *missing])}{rest}"

    def _minikube(self, found: re.Match[str], options: str) -> str:
        command, rest = found.group(1), found.group(2)
        return found.group() if " -p " in rest else f"minikube {options} {command}{rest}"
