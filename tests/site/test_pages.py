"""The pages are of this code: every command that they show is one, the reference and the manual page are current."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from shelterctl.adapters.explained import read
from tools.site import manual, reference
from tools.site.pages import DOCS, ROOT, blocks, command_lines, pages
from tools.site.parser import check, commands
from tools.site.results import RESULTS

pytestmark = pytest.mark.unit

PAGES = [*pages(), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
EXAMPLES = sorted(ROOT.glob("examples/*/README.md"))
NAMES = {page: str(page.relative_to(ROOT)) for page in PAGES}
#: Words that stand for a value of the reader's, where the parser wants a number.
PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*|…|\.\.\.")
GROUPS = {name.split()[0] for name in (command.words for command in commands()) if " " in name}


def calls(line: str) -> list[list[str]]:
    """The calls of shelterctl in a line of a shell, without what stands before or behind them."""
    found = []
    for part in re.findall(r"(?:^|[\s(\"])shelterctl ((?:'[^']*'|\"[^\"]*\"|[^|;&)#>\n])*)", line):
        words = shlex.split(part.replace("$(", "").replace("<", ""), comments=True)
        words = [word for word in words if not word.startswith("[")]
        pairs = zip(["", *words], words, strict=False)
        found.append(["1" if before.startswith("--") and PLACEHOLDER.fullmatch(word) else word for before, word in pairs])
    return found


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one_that_the_parser_takes(page: Path) -> None:
    wrong = {}
    for line in command_lines(page):
        for words in calls(line):
            # A group by its name alone, as in a heading, is no call.
            if words and not (len(words) == 1 and words[0] in GROUPS) and (why := check(words)) and why != "MissingParameter":
                wrong[f"shelterctl {shlex.join(words)}"] = why
    assert wrong == {}


def test_the_parser_refuses_what_is_no_command() -> None:
    assert check(["up", "--bogus"]) == "No such option: --bogus"
    assert check(["chaos", "kill"]) == "chaos has no command kill"
    assert check(["upp"]) == "no command upp"
    assert check(["up", "--min", "two"]) != ""
    assert check(["chaos", "kill-db", "--mode", "delete"]) == ""


def test_commands_are_found_wherever_a_page_shows_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Say `shelterctl up --a`.\n\n    shelterctl down --b   # gone\n\n```sh\nX=1 shelterctl url --c\n```\n\n"
        "```console\n$ curl $(shelterctl url --d)\nshelterctl 1.0 says so\n```\n"
    )
    found = [words for line in command_lines(page) for words in calls(line)]
    assert sorted(words[1] for words in found) == ["--a", "--b", "--c", "--d"]


@pytest.mark.parametrize("page", PAGES, ids=NAMES.get)
def test_every_console_block_says_where_it_runs(page: Path) -> None:
    assert [block.text for block in blocks(page) if not block.needs and block.runs not in ("same", "verdicts")] == []


def test_the_tutorial_and_the_guides_run_here() -> None:
    assert sum(len(block.commands) for page in pages() for block in blocks(page) if block.runs) > 30


def test_the_tutorial_shows_writes_of_the_account() -> None:
    """`make docs-record` writes what came out, whatever it was: this once was that the run had no account."""
    shown = [each for block in blocks(DOCS / "tutorials" / "bare-machine.md") for each in block.commands if "--writes" in each.command]
    assert [len(re.findall(r"^\S+  (?:acknowledged|indeterminate|rejected)  ", each.output, re.M)) for each in shown] == [5]


def test_every_page_is_in_the_navigation() -> None:
    assert sorted(DOCS.rglob("*.md")) == sorted(pages())


@pytest.mark.parametrize("entry", read(), ids=lambda entry: entry.name)
def test_what_mends_a_finding_is_a_command(entry: object) -> None:
    text = getattr(entry, "mend", "")
    lines = re.findall(r"`(shelterctl [^`]+)`", text)
    assert {line: why for line in lines for words in calls(line) if (why := check(words))} == {}


def test_the_reference_is_current() -> None:
    """`make docs-reference` writes it."""
    written = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.glob("*.md")}
    assert {name for name, text in reference.pages().items() if written.get(name) != text} == set()
    assert written.keys() == reference.pages().keys()


def test_the_reference_has_every_command_and_its_result() -> None:
    words = {command.words for command in commands()}
    assert words - RESULTS.keys() == {"logs", "runs show"}
    assert RESULTS.keys() <= words


def test_the_manual_page_is_current() -> None:
    """`make man` writes it."""
    text = manual.FILE.read_text(encoding="utf-8")
    assert text == manual.page()
    assert text.isascii()
    for command in commands():
        assert f".SS shelterctl {command.words} ".replace("-", "\\-") in text
