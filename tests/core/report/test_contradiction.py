"""A folder that says something else than its own verdict, and runs of several stacks, show no claim without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.runs.evidence import chosen
from shelterctl.core.report.document import Card, Document, Paragraph
from shelterctl.core.verdict import Verdict
from tests.core.report import folders
from tests.core.report.folders import DNS, KILL, LOAD, PROVE, UP, document, every, line, write

pytestmark = pytest.mark.unit

LOST = {**folders.kill()["counts"], "lost": 2}
UNPROVED = {"facts": [], "doubts": [{"text": "the node still had process 7", "next_command": ""}]}
BUSY = [{"name": "generator", "judgement": {"verdict": "UNKNOWN", "reasons": []}}]


def card(found: Document, title: str) -> Card:
    return next(block for section in found.sections for block in section.blocks if isinstance(block, Card) and block.title == title)


def said(found: Document) -> list[str]:
    return [block.text for block in found.sections[0].blocks if isinstance(block, Paragraph) and block.doubt]


@pytest.mark.parametrize(
    ("changes", "exit_code", "sentence"),
    [
        ({}, 6, "its exit code is 6"),
        ({"counts": LOST}, 0, "it counts 2 lost"),
        ({"data": {"verdict": "UNKNOWN", "reasons": []}}, 0, "its verdict on the data is UNKNOWN"),
        ({"proof": UNPROVED}, 0, "the kill is not proved: the node still had process 7"),
        ({"proof": None}, 0, "the kill is not proved"),
        ({"acknowledged": 90}, 0, "its journal has 3 acknowledged writes where its result has 90"),
    ],
)
def test_a_kill_whose_folder_speaks_against_it_is_no_pass(tmp_path: Path, changes: dict[str, Any], exit_code: int, sentence: str) -> None:
    write(tmp_path, KILL, "chaos kill-db", folders.kill(**changes), exit_code=exit_code, writes=folders.WRITES)
    found = card(document(tmp_path), "Keeps its data")
    assert (found.verdict, found.sentence) == (Verdict.UNKNOWN, f"its result says PASS, and {sentence}")


def test_an_account_with_a_lost_write_is_no_pass(tmp_path: Path) -> None:
    account = [{"id": "w1", "category": "lost", "saw": "acknowledged", "present": False}]
    write(tmp_path, KILL, "chaos kill-db", folders.kill(), writes=folders.WRITES, account=account)
    found = card(document(tmp_path), "Keeps its data")
    assert found.verdict is Verdict.UNKNOWN
    assert found.sentence.endswith("its account has 1 writes that fail, such as w1 (lost)")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"traffic": {**folders.load()["traffic"], "failures": 600}}, "10% of its requests failed, where 1% were allowed"),
        ({"traffic": {**folders.load()["traffic"], "requests": 60_000}}, "its events count 6,000 requests where its result has 60,000"),
        ({"checks": [*folders.load()["checks"], *BUSY]}, "its check of generator says UNKNOWN"),
    ],
)
def test_a_load_whose_folder_speaks_against_it_is_no_pass(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    write(tmp_path, LOAD, "loadtest", folders.load(**changes), events=folders.load_events())
    found = card(document(tmp_path), "Scales")
    assert (found.verdict, found.sentence) == (Verdict.UNKNOWN, f"its result says PASS, and {sentence}")


def test_names_whose_rows_say_something_else_are_no_pass(tmp_path: Path) -> None:
    rows = [{**folders.dns()["rows"][0], "verdict": "FAIL"}]
    write(tmp_path, DNS, "dns check", folders.dns(rows=rows))
    assert card(document(tmp_path), "Resolves its names").sentence == "its result says PASS, and its row of app says FAIL"


def test_a_load_under_a_rollout_is_told_as_what_it_is(tmp_path: Path) -> None:
    both = {"load": folders.load(), "deployed": None, "judgement": {"verdict": "PASS", "reasons": []}}
    write(tmp_path, LOAD, "loadtest", both, events=folders.load_events())
    found = card(document(tmp_path), "Scales")
    assert (found.verdict, found.sentence[:27]) == (None, "a load under a rollout: it ")


def there(namespace: str, context: str = "minikube") -> list[dict[str, Any]]:
    return [line(0.0, "target_chosen", context=context, namespace=namespace, profile=None)]


def test_runs_of_two_stacks_are_not_told_as_one(tmp_path: Path) -> None:
    write(tmp_path, UP, "up", folders.up(), events=there("shelter"))
    write(tmp_path, KILL, "chaos kill-db", folders.kill(), events=there("other"), writes=folders.WRITES)
    (doubt,) = said(document(tmp_path))
    assert doubt.startswith("These runs are of 2 stacks, and no one stack has shown all of this: ")
    assert f"{UP} in namespace shelter of minikube; {KILL} in namespace other of minikube" in doubt


def test_a_run_that_does_not_say_where_it_was_is_told_unless_prove_does(tmp_path: Path) -> None:
    every(tmp_path)
    assert said(document(tmp_path)) == [f"{KILL}, {DNS} do not say of which stack: whether it is that of the other runs is not known."]
    claims = [{"claim": claim, "verdict": "PASS", "text": "", "run": run} for claim, run in (("data", KILL), ("names", DNS))]
    proof = {"context": "minikube", "namespace": "shelter", "judgement": folders.kill()["judgement"], "claims": claims, "elapsed_s": 1.0}
    write(tmp_path, PROVE, "prove", proof)
    assert said(document(tmp_path)) == []


def test_a_deployment_after_what_was_shown_is_told(tmp_path: Path) -> None:
    later = "20261130-050000-up"
    write(tmp_path, LOAD, "loadtest", folders.load(), events=folders.load_events())
    write(tmp_path, later, "up", folders.up(), events=there("shelter"))
    assert said(document(tmp_path)) == [f"{later} changed the stack after {LOAD}, which shows what stood there before."]
    assert card(document(tmp_path), "Scales").verdict is Verdict.PASS


def test_pods_of_another_image_than_what_was_deployed_are_told(tmp_path: Path) -> None:
    chain = {**folders.up()["chain"], "reference": "shelter-app:2"}
    write(tmp_path, UP, "up", folders.up(chain=chain), events=there("shelter"))
    write(tmp_path, LOAD, "loadtest", folders.load(), events=folders.load_events())
    assert said(document(tmp_path)) == [f"{LOAD} met pods of 1 image (shelter-app:1), and {UP} deployed shelter-app:2."]


def test_without_names_a_report_is_of_the_stack_of_the_newest_run(tmp_path: Path) -> None:
    write(tmp_path, UP, "up", folders.up(), events=there("shelter"))
    write(tmp_path, "20261130-040005-up", "up", folders.up(), events=there("other"))
    write(tmp_path, LOAD, "loadtest", folders.load(), events=folders.load_events())
    write(tmp_path, KILL, "chaos kill-db", folders.kill(), events=there("other"))
    write(tmp_path, DNS, "dns check", folders.dns(), events=there("shelter"))
    assert [folder.name for folder in chosen(tmp_path, [])] == [UP, LOAD, DNS]
