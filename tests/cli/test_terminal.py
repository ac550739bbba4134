"""Results on standard output, everything else on standard error, and data never read as markup."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shelterctl.cli.render import codes, errors
from shelterctl.cli.terminal import STYLES, Line, Terminal, verdict_style
from shelterctl.core.verdict import Verdict
from shelterctl.errors import ApiRejected, ExitCode

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(output: str = "table", *, quiet: bool = False, screen: bool = False) -> Terminal:
    make = Screen if screen else io.StringIO
    return Terminal(output, quiet, False, make(), make())


def shown(found: Terminal) -> tuple[str, str]:
    assert isinstance(found.stdout, io.StringIO)
    assert isinstance(found.stderr, io.StringIO)
    return found.stdout.getvalue(), found.stderr.getvalue()


def test_results_and_words_go_different_ways() -> None:
    here = terminal()
    here.result([Line("PASS", "good")])
    here.say([Line("building")])
    here.complain([Line("broken", "bad")])
    assert shown(here) == ("PASS\n", "building\nbroken\n")


def test_quiet_leaves_progress_out_and_nothing_else() -> None:
    here = terminal(quiet=True)
    here.result([Line("PASS", "good")])
    here.say([Line("building")])
    here.complain([Line("broken", "bad")])
    assert shown(here) == ("PASS\n", "broken\n")


@pytest.mark.parametrize("text", ["pod [red]app[/red]", "[/]", ":smile: [link=x]", "a\\[b", "100%", "{}"])
def test_data_are_no_markup(text: str) -> None:
    here = terminal()
    here.result([Line(text)])
    assert shown(here)[0] == f"{text}\n"


def test_colour_on_a_terminal_only_and_not_where_it_is_unwanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = terminal(screen=True)
    coloured.result([Line("PASS", "good")])
    assert shown(coloured)[0] == "\x1b[32mPASS\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal(screen=True)
    plain.result([Line("PASS", "good")])
    assert "\x1b[32m" not in shown(plain)[0]


def test_a_long_line_keeps_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    here = terminal(screen=True)
    here.result([Line("  Why:  the database's claim is being deleted and would go with the pod")])
    assert shown(here)[0].splitlines() == ["  Why:  the database's claim is being", "  deleted and would go with the pod"]


def test_documents() -> None:
    lines, whole = terminal("jsonl"), terminal("json")
    for here in (lines, whole):
        here.json({"text": "ü", "n": 1})
        here.json({"n": 2})
    assert shown(lines)[0] == '{"text": "ü", "n": 1}\n{"n": 2}\n'
    assert json.loads(shown(whole)[0].partition("}\n")[0] + "}") == {"text": "ü", "n": 1}


@pytest.mark.parametrize(
    ("screen", "quiet", "environment", "live"),
    [(True, False, {}, True), (False, False, {}, False), (True, True, {}, False), (True, False, {"CI": "1"}, False),
     (True, False, {"TERM": "dumb"}, False)],
)  # fmt: skip
def test_when_a_display_is_live(
    screen: bool, quiet: bool, environment: dict[str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal(quiet=quiet, screen=screen).live is live


def test_an_error_as_lines_and_as_a_document() -> None:
    error = ApiRejected("refused", status=409, why="conflict", next_command="shelterctl up", details=["field a"])
    assert list(errors.lines(error, "run-1")) == [
        Line("✗ refused", "bad"),
        Line("  field a"),
        Line("  Why:  conflict"),
        Line("  Next: shelterctl up"),
        Line("  Run run-1", "dim"),
    ]
    assert errors.as_json(error) == {
        "type": "ApiRejected",
        "what": "refused",
        "why": "conflict",
        "next_command": "shelterctl up",
        "details": ["field a"],
    }


def test_verdicts_have_their_exit_codes_and_styles() -> None:
    assert [codes.exit_code(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)] == [
        ExitCode.OK,
        ExitCode.CHECK_FAILED,
        ExitCode.UNDECIDED,
    ]
    assert [verdict_style(word) for word in ("PASS", "FAIL", "UNKNOWN", "")] == ["good", "bad", "doubt", "plain"]


#: Texts of one line that fit, and some that do not.
LINES = st.builds(
    Line,
    st.text(st.characters(codec="utf-8"), max_size=70)
    | st.just("  ✓ " + "wort " * 30)
    | st.text(st.sampled_from("ab  é×—日"), min_size=90, max_size=400),
    st.sampled_from(sorted(STYLES)),
)


@pytest.mark.parametrize("screen", [False, True])
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-256color"}])
def test_lines_that_are_written_at_once_look_as_rich_writes_them(
    screen: bool, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    @given(st.lists(LINES, min_size=1, max_size=3))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def same(lines: list[Line]) -> None:
        at_once, by_rich = terminal(screen=screen), terminal(screen=screen)
        at_once.result(lines)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shelterctl.cli.terminal._colours", lambda _: None)
            by_rich.result(lines)
        assert shown(at_once) == shown(by_rich)

    same()
