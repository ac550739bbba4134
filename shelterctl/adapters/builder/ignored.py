"""Which files of a build context the engine gets: the rules of `.dockerignore`, as docker-py's build applies them.

docker-py has them too (`docker.utils.build`), behind an import of 107 ms that every `status` and every `up` would pay, so they are here a
second time; a test holds the two to the same files. The rules are moby's (pkg/fileutils): the last pattern that matches decides, a pattern
that matches a folder holds for what is in it, `!` takes back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SEPARATOR = re.compile(r"[/\\]" if os.sep == "\\" else "/")


def included(root: Path, patterns: Sequence[str], dockerfile: str) -> Iterator[str]:
    """Paths below `root`, of files and of folders, that no pattern leaves out. The Dockerfile and `.dockerignore` are always among them."""
    rules = [rule for pattern in (*patterns, f"!{dockerfile}") if (rule := _Rule.of(pattern)).parts]
    rules.append(_Rule.of("!.dockerignore"))
    yield from _walk(str(root), (), rules)


@dataclass(frozen=True, slots=True)
class _Rule:
    takes_back: bool
    parts: tuple[str, ...]
    expression: re.Pattern[str]

    @staticmethod
    def of(pattern: str) -> _Rule:
        takes_back = pattern.startswith("!")
        parts: list[str] = []
        for part in _SEPARATOR.split((pattern[1:] if takes_back else pattern).strip()):
            if part == "..":
                del parts[-1:]
            elif part not in ("", "."):
                parts.append(part)
        return _Rule(takes_back, tuple(parts), re.compile(_expression("/".join(parts).lower())))

    @property
    def text(self) -> str:
        return "/".join(self.parts)

    def holds(self, path: tuple[str, ...]) -> bool:
        """Whether it matches the path, or the folder above it that has as many names as the pattern."""
        if self.expression.match("/".join(path).lower()):
            return True
        count = len(self.parts)
        return count < len(path) and self.expression.match("/".join(path[:count]).lower()) is not None


def _walk(root: str, above: tuple[str, ...], rules: Sequence[_Rule]) -> Iterator[str]:
    for entry in os.scandir(os.sep.join((root, *above))):  # noqa: PTH118 - thousands of them
        path = (*above, entry.name)
        out = False
        for rule in rules:
            if rule.holds(path):
                out = not rule.takes_back
        if not out:
            yield os.sep.join(path)  # noqa: PTH118 - the same
        if not entry.is_dir(follow_symlinks=False):
            continue
        # A folder that is left out is looked into where something in it may be taken back.
        if not out or any(rule.takes_back and rule.text.startswith("/".join(path)) for rule in rules):
            yield from _walk(root, path, rules)


def _expression(pattern: str) -> str:
    """The pattern as a regular expression: `*` and `?` do not match a separator, `**` does; `[!a]` is a set."""
    found, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**", at):
            at += 3 if pattern.startswith("**/", at) else 2
            found += "(.*/)?" if at < len(pattern) else ".*"
            continue
        letter, at = pattern[at], at + 1
        end = pattern.find("]", at + (2 if pattern.startswith("!", at) else 1)) if letter == "[" else -1
        if letter == "*":
            found += "[^/]*"
        elif letter == "?":
            found += "[^/]"
        elif end >= 0:
            chosen, at = pattern[at:end].replace("\\", "\\\\").replace("[", "\\["), end + 1
            found += f"[{_set(chosen)}]"
        else:
            found += re.escape(letter)
    return f"^{found}$"


def _set(chosen: str) -> str:
    return f"^{chosen[1:]}" if chosen.startswith("!") else f"\\{chosen}" if chosen.startswith("^") else chosen
