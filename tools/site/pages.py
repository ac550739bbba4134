"""The console blocks of the pages: what each needs, its commands, and the output that the page shows for each.

A block that runs on any machine stands below `<!-- run: same -->` (its output must come out the same but for numbers) or
`<!-- run: verdicts -->` (its exit codes and verdicts must); one that wants another machine below `<!-- needs: minikube -->` or the like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"(?:<!-- (?P<mark>run|needs): (?P<what>[^>]+?) -->\n+)?^```console\n(?P<body>.*?)^```$", re.M | re.S)
#: Lines of any other code block, and code within a sentence, that call shelterctl.
_LINE = re.compile(r"^(?: {4}|\t)?(?:\$ )?(?:[A-Z_]+=\S+ )*(shelterctl .*)$", re.M)
_INLINE = re.compile(r"`(shelterctl [^`\n]+(?:\n[^`\n]+)?)`")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command as a page shows it, and its output."""

    command: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A console block. `runs` is `same` or `verdicts`, empty for one that `needs` something else; both are empty where nobody said."""

    page: Path
    start: int
    end: int
    runs: str
    needs: str
    commands: tuple[Shown, ...]

    @property
    def text(self) -> str:
        return "".join(f"$ {shown.command}\n{shown.output}" for shown in self.commands)


def pages() -> list[Path]:
    """Every page of the site, in the order of its navigation."""

    def listed(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [name for part in parts for name in listed(part)]

    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    return [DOCS / name for name in listed(navigation)]


def blocks(page: Path) -> list[Block]:
    """The console blocks of a page."""
    return [
        Block(
            page,
            found.start("body"),
            found.end("body"),
            found["what"] if found["mark"] == "run" else "",
            found["what"] if found["mark"] == "needs" else "",
            _split(found["body"]),
        )
        for found in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def _split(body: str) -> tuple[Shown, ...]:
    """By the lines that begin with `$ `; a command that ends with a backslash goes on below."""
    shown: list[Shown] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            shown.append(Shown(line[2:]))
        elif shown and shown[-1].command.endswith("\\") and not shown[-1].output:
            shown[-1] = Shown(f"{shown[-1].command}\n{line}")
        elif shown:
            shown[-1] = replace(shown[-1], output=f"{shown[-1].output}{line}\n")
    return tuple(shown)


def written(page: Path, new: list[tuple[Block, str]]) -> str:
    """The page with the bodies of its blocks replaced."""
    text = page.read_text(encoding="utf-8")
    for block, body in sorted(new, key=lambda pair: -pair[0].start):
        text = text[: block.start] + body + text[block.end :]
    return text


def command_lines(page: Path) -> list[str]:
    """Every call of shelterctl that a page shows, wherever it stands."""
    text = page.read_text(encoding="utf-8")
    found = [line for block in blocks(page) for shown in block.commands for line in shown.command.replace("\\\n", " ").splitlines()]
    fences = [body for name, body in re.findall(r"^```(.*?)\n(.*?)^```$", text, re.M | re.S) if name != "console"]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    for body in (*fences, "\n".join(re.findall(r"^ {4}.*$", prose, re.M))):
        found += _LINE.findall(body)
    found += [" ".join(code.split()) for code in _INLINE.findall(prose)]
    return [line for line in found if re.search(r"(^|[\s(])shelterctl ", line)]
