"""Every word that a result uses is explained, and nothing is explained that no result uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from shelterctl.adapters.explained import read
from shelterctl.core.checkup.check import CheckState
from shelterctl.core.explained import Explanation, Topic, entries, find, nearest
from shelterctl.core.faults.ledger import Category, ClientSaw
from shelterctl.core.stack.model import Weight
from shelterctl.core.verdict import Verdict
from shelterctl.errors import ExitCode
from tests.cli.running import ROOT

pytestmark = pytest.mark.unit

KNOWN = read()


def named(topic: Topic) -> set[str]:
    return {entry.name for entry in KNOWN if entry.topic is topic}


def calls(*names: str) -> Iterator[ast.Call]:
    """The calls of these names, by the syntax trees of the sources: some of them run when they are imported."""
    for path in ROOT.glob("shelterctl/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield node


def checks() -> dict[str, set[str]]:
    """Every check of `doctor`: its id, and the titles by which it is shown. A load's checks have the name alone in common."""
    found: dict[str, set[str]] = {}
    for call in calls("Check"):
        if len(call.args) >= 3 and ast.unparse(call.args[1]).startswith("Area."):
            found.setdefault(ast.literal_eval(call.args[0]), set()).add(ast.literal_eval(call.args[2]))
    return found


def codes() -> set[str]:
    """The codes of the findings of `inspect`."""
    return {text for call in calls("StackFinding", "LeftOut") for text in texts(call.args[0])}


def texts(code: ast.expr) -> Iterator[str]:
    """The texts that an argument may be; what is read from another record is that record's."""
    if isinstance(code, ast.IfExp):
        yield from (*texts(code.body), *texts(code.orelse))
    elif isinstance(code, ast.Constant):
        yield str(code.value)
    else:
        assert ast.unparse(code) == "left.code", f"a code that is no text: {ast.unparse(code)}"


def test_every_check_of_doctor_has_its_entry_and_its_titles() -> None:
    found = checks()
    assert len(found) > 50
    assert named(Topic.DOCTOR) == found.keys()
    assert {entry.name: set(entry.titles) for entry in KNOWN if entry.topic is Topic.DOCTOR} == found


def test_every_finding_of_inspect_has_its_entry() -> None:
    found = codes()
    assert len(found) > 50
    assert named(Topic.INSPECT) == found


def test_every_exit_code_verdict_and_fate_of_a_write_has_its_entry() -> None:
    assert named(Topic.EXIT_CODES) == {str(int(code)) for code in ExitCode}
    # "unknown" of doctor is the verdict's word.
    states = {state.value for state in CheckState} - {"unknown"}
    assert named(Topic.VERDICTS) == {verdict.value for verdict in Verdict} | states | {weight.name for weight in Weight} | {"-"}
    assert named(Topic.WRITES) == ({item.value for item in Category} - {"ok"}) | {saw.value for saw in ClientSaw}


def test_what_fails_in_the_ledger_is_told_as_a_failure() -> None:
    fails = {entry.name for entry in KNOWN if entry.topic is Topic.WRITES and entry.means.startswith("FAIL.")}
    assert fails == {item.value for item in Category if item.fails}


@pytest.mark.parametrize("entry", [entry for entry in KNOWN if entry.topic is Topic.DOCTOR], ids=lambda entry: entry.name)
def test_every_finding_of_doctor_says_what_mends_it(entry: Explanation) -> None:
    assert entry.mend


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.name)
def test_an_entry_is_whole_sentences(entry: Explanation) -> None:
    for text in (entry.means, entry.cause):
        assert "  " not in text
        assert not text or text.endswith("."), text


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("7", ["7"]),
        ("unknown", ["UNKNOWN"]),
        ("HPA's metric", ["hpa-metric", "stack-hpa-metric"]),
        ("hpa without request", ["hpa-without-request"]),
        ("lost_after_read", ["lost after read"]),
        ("-", ["-"]),
        ("nothing of the kind", []),
    ],
)
def test_a_word_is_found_as_people_write_it(word: str, names: list[str]) -> None:
    assert [entry.name for entry in find(KNOWN, word)] == names


def test_what_is_near_is_named() -> None:
    assert nearest(KNOWN, "hpa-twise")[0] == "hpa-twice"
    assert nearest(KNOWN, "xyzzy") == ()
    assert "database-in-empty-dir" in nearest(KNOWN, "empty-dir")


def test_a_key_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="hpa: mends"):
        entries(Topic.DOCTOR, {"hpa": {"means": "x", "mends": "y"}})
