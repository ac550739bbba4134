"""The published schemas are those of the code, and what is published within a version only grows."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from shelterctl.core.serial import SCHEMA
from tools.site import schemas
from tools.site.compatible import broken

pytestmark = pytest.mark.unit

#: As the last release published them: copied there when it was made, and not changed since.
KEPT = sorted((Path(__file__).parents[1] / "kept" / "schemas").glob("*.json"))
RESULT = f"{SCHEMA.replace('/', '-')}-result.schema.json"


def test_the_published_schemas_are_current() -> None:
    """`make docs-reference` writes them."""
    current = {path.name: path.read_text(encoding="utf-8") for path in schemas.FOLDER.iterdir() if SCHEMA.replace("/", "-") in path.name}
    assert {name: schemas.text(schema) for name, schema in schemas.schemas().items()} == current


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_what_was_published_still_holds(kept: Path) -> None:
    """Otherwise `SCHEMA` in core/serial.py needs another number, and the old one goes on being read."""
    # Published once, a schema stays there, also when there is a newer one.
    assert (schemas.FOLDER / kept.name).is_file()
    if kept.name in schemas.schemas():
        assert broken(json.loads(kept.read_text(encoding="utf-8")), schemas.schemas()[kept.name]) == []


def test_each_schema_of_this_version_is_kept() -> None:
    assert {path.name for path in KEPT} >= schemas.schemas().keys()


@pytest.mark.parametrize("name", schemas.schemas())
def test_each_is_a_schema_by_itself(name: str) -> None:
    jsonschema_rs.meta.validate(schemas.schemas()[name])


Change = Callable[[dict[str, Any]], object]


def judgement(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"]["core.verdict.Judgement"]
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: judgement(s)["properties"].pop("reasons"), "judgement.reasons: gone"),
        (lambda s: judgement(s)["properties"].update(reasons={"type": "string"}), "judgement.reasons: array is now string"),
        (lambda s: judgement(s)["required"].remove("verdict"), "judgement.verdict: was always there and may be missing"),
        (lambda s: judgement(s)["required"].append("added"), "judgement.added: is required"),
        (lambda s: judgement(s)["properties"]["verdict"]["enum"].remove("UNKNOWN"), "no longer one of its words: UNKNOWN"),
        (lambda s: s["$defs"].pop("result.up"), "result.up: gone"),
        (lambda s: s["$defs"]["result.loadtest"]["anyOf"].pop(), "result.loadtest: 2 of anyOf are now 1"),
        (lambda s: s["properties"].update(run={"type": ["string", "null"]}), "document.run: string is now null or string"),
        (lambda s: s["properties"]["schema"].update(const="shelterctl/9"), "document.schema: const was"),
        (lambda s: s["$defs"]["result.explain"].update(items={"type": "string"}), "result.explain[]: object is now string"),
    ],
)
def test_a_change_that_breaks_readers_is_found(change: Change, told: str) -> None:
    old = schemas.schemas()[RESULT]
    new = copy.deepcopy(old)
    change(new)
    assert any(told in line for line in broken(old, new)), broken(old, new)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: judgement(s)["properties"].update(added={"type": "string"}),
        lambda s: judgement(s)["properties"]["verdict"]["enum"].append("MAYBE"),
        lambda s: s["$defs"].update({"result.more": {"type": "object"}}),
        # A record may move to another module.
        lambda s: s["$defs"]["core.verdict.Judgement"].update(description="other words"),
    ],
)
def test_an_addition_breaks_nothing(change: Change) -> None:
    old = schemas.schemas()[RESULT]
    new = copy.deepcopy(old)
    change(new)
    assert broken(old, new) == []
    assert new != old


def test_a_record_that_moved_is_the_same() -> None:
    old = schemas.schemas()[RESULT]
    text = json.dumps(old).replace("core.verdict.Judgement", "core.elsewhere.Judgement")
    assert broken(old, json.loads(text)) == []


def test_what_would_break_readers_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)
    schemas.write()
    published = json.loads((tmp_path / RESULT).read_text())
    judgement(published)["properties"]["more"] = {"type": "string"}
    before = json.dumps(published)
    (tmp_path / RESULT).write_text(before)
    with pytest.raises(SystemExit, match=r"may only grow.*\n.*judgement\.more: gone"):
        schemas.write()
    assert (tmp_path / RESULT).read_text() == before
