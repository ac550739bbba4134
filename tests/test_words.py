"""The repository is in order: nothing of one machine in it, no file that grew out of hand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.local

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 320
#: These name the words to look for them.
SPELL_THEM_OUT = frozenset({"tests/test_words.py"})


def tracked() -> list[str]:
    """The files that git holds, and those that it would hold with the next commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
    return sorted(name for name in listed if (ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    found = []
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content and name not in SPELL_THEM_OUT:
            found.append((name, content.decode("utf-8")))
    return found


def holding(pattern: str) -> list[str]:
    """Where a pattern stands, as file:line: text."""
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_only_ci_knows_the_folder_beside_the_checkout() -> None:
    assert [line for line in holding(r"\.\./shared") if not line.startswith(".ci/run:")] == []


def test_no_path_of_one_machine() -> None:
    assert holding(r"(?<![\w.$}])/(work|root|farm)/(?!\*)") == []


def test_no_word_about_how_it_was_made() -> None:
    assert holding(r"(?i)\bthis session\b|\bissues? show\b|\bsub-?agents?\b|/tmp/brief") == []


def test_no_file_is_called_utils() -> None:
    assert [name for name in tracked() if re.fullmatch(r"utils?|helpers?|misc|common", Path(name).stem)] == []


def test_python_files_are_of_a_size_that_is_read() -> None:
    sizes = {name: len(text.splitlines()) for name, text in texts() if name.endswith(".py")}
    assert {name: lines for name, lines in sizes.items() if lines > MAX_LINES and not name.startswith("tests/")} == {}
    assert {name: lines for name, lines in sizes.items() if lines > 1.5 * MAX_LINES} == {}


def test_no_secret_is_in_the_repository() -> None:
    found = holding(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|kind: Secret\b|AKIA[0-9A-Z]{16}")
    assert [line for line in found if not line.startswith("examples/")] == []
    # The examples are written as their owners write; their passwords say that they are examples.
    assert [
        line for line in holding(r"(?i)(password: |:)[\w-]+@|password: \S") if line.startswith("examples/") and "example" not in line
    ] == []
