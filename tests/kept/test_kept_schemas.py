"""What runs and commands really wrote is what the published schemas say, with no field that they leave out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from shelterctl.core.serial import SCHEMA
from tests.cli.running import CommandLine
from tests.kept.test_kept_runs import HERE, KILL, LOAD, unpack
from tools.site.journals import JOURNALS
from tools.site.results import RESULTS
from tools.site.schemas import FOLDER

pytestmark = pytest.mark.local

VERSION = SCHEMA.replace("/", "-")
RUNS = sorted(path for path in HERE.glob("shelterctl-*/*") if path.is_dir())


def published(version: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{version}-{name}.schema.json").read_text(encoding="utf-8"))
    return found


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, with no other fields in records than those that it names."""
    closed = {name: {**found, "additionalProperties": False} if "properties" in found else found for name, found in schema["$defs"].items()}
    return {**schema, "$defs": closed}


def check(schema: dict[str, Any], definition: str, value: object) -> None:
    """Raises for a value that is not what the definition says, or has more."""
    jsonschema_rs.validator_for({"$ref": f"#/$defs/{definition}", "$defs": strict(schema)["$defs"]}).validate(value)


def check_result(schema: dict[str, Any], document: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(strict(schema)).validate(document)
    assert document.keys() <= schema["properties"].keys()
    # An unknown command would be held to nothing.
    assert document["command"] in RESULTS


def lines(run: Path, name: str) -> list[dict[str, Any]]:
    packed = run / f"{name}.gz"
    return [json.loads(line) for line in gzip.decompress(packed.read_bytes()).splitlines()] if packed.is_file() else []


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_is_what_the_schema_of_its_version_says(run: Path) -> None:
    version = run.parent.name
    check_result(published(version, "result"), json.loads((run / "result.json").read_text(encoding="utf-8")))
    event, journal = published(version, "event"), published(version, "journal")
    for line in lines(run, "events.jsonl"):
        check(event, f"event.{line['kind']}", line)
    for name in JOURNALS:
        for line in lines(run, name):
            check(journal, f"line.{name}", line)


def test_each_journal_and_most_events_are_among_them() -> None:
    assert {name for name in JOURNALS if any(lines(run, name) for run in RUNS)} == JOURNALS.keys()
    told = {line["kind"] for run in RUNS for line in lines(run, "events.jsonl")}
    assert {"target_chosen", "pods", "autoscaler", "usage", "load_tick", "milestone", "step_finished", "writes"} <= told


def test_no_file_of_a_run_is_without_a_schema() -> None:
    named = {"result.json", "result.txt", "events.jsonl.gz", *(f"{name}.gz" for name in JOURNALS)}
    assert {file.name for run in RUNS for file in run.iterdir()} <= named


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("runs", "list"),
    ("hpa", "replay", LOAD),
    ("hpa", "simulate", LOAD, "--target", "30,50"),
    ("hpa", "recommend", LOAD),
    ("report", KILL),
    ("explain", "UNKNOWN"),
    ("version",),
    ("inspect",),
    ("init", "--show"),
    ("new", "mine"),
    ("doctor", "--target", "local"),
    ("status", "--target", "local"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_a_command_prints_is_what_the_schema_says(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = CommandLine(tmp_path)
    unpack(VERSION, tmp_path / "work" / ".shelterctl")
    ran = line.run(*words, "--output", "json")
    check_result(published(VERSION, "result"), json.loads(ran.out))


def test_a_field_that_no_schema_has_is_found() -> None:
    schema = published(VERSION, "result")
    document = json.loads((HERE / VERSION / KILL / "result.json").read_text(encoding="utf-8"))
    document["result"]["judgement"]["more"] = 1
    with pytest.raises(jsonschema_rs.ValidationError):
        check_result(schema, document)
    jsonschema_rs.validator_for(schema).validate(document)
