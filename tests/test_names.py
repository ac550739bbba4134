"""No code of the core, the operations and the commands knows the shipped application: what it is called stands in its shelterctl.toml."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

PACKAGE = Path(__file__).resolve().parents[1] / "shelterctl"
#: Its routes, its header, its modules, its pods. What a message gives as an example begins with the setting that it is for.
NAMES = re.compile(r"(?<!\w)/data(?!/db|\w)|/version(?!\w)|/health(?!\w)|mongodb-\d|shelter_app|shelter-app|Idempotency-Key")
EXAMPLE = re.compile(r"\[(writes|reads|load)\] |shelterctl (loadtest|chaos|up) |.*https?://|.*p95\{")


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the code but the docstrings, with the file that it is in."""
    for part in ("core", "ops", "cli"):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            told = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
            }
            yield from (
                (str(path.relative_to(PACKAGE)), node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
            )


def test_no_code_knows_the_shipped_applications_names() -> None:
    # Images of databases have a folder of that name.
    found = [(file, text) for file, text in texts() if NAMES.search(text) and not EXAMPLE.match(text) and file != "core/stack/engines.py"]
    assert found == []


@pytest.mark.parametrize("text", ["/data", "{url}/version", "/health/live", "Idempotency-Key", "mongodb-0"])
def test_a_name_of_it_would_be_found(text: str) -> None:
    assert NAMES.search(text)
    assert not EXAMPLE.match(text)
