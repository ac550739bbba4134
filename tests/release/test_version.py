"""A tag that is not the version's is refused, and so is one whose changelog is not written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.release import version

pytestmark = pytest.mark.local

LOG = "# Changelog\n\n## 1.3.0 - unreleased\n\n## 1.2.3 - 2026-12-01\n\n### Added\n"


@pytest.mark.parametrize(
    ("tag", "of", "told"),
    [
        ("v1.2.3", "1.2.3", []),
        ("1.2.3", "1.2.3", ["the tag is 1.2.3, and __version__"]),
        ("v1.2.4", "1.2.3", ["the tag is v1.2.4, and __version__ in shelterctl/__init__.py is 1.2.3"]),
        ("v1.3.0", "1.3.0", ["the section of 1.3.0 in CHANGELOG.md is not dated: unreleased"]),
        ("v1.2", "1.2", ["CHANGELOG.md has no section “## 1.2 - DATE”"]),
        ("v1x2.3", "1x2.3", ["CHANGELOG.md has no section"]),
    ],
)
def test_a_tag_is_held_to_version_and_changelog(tag: str, of: str, told: list[str]) -> None:
    found = version.problems(tag, of, LOG)
    assert len(found) == len(told), found
    assert all(line.startswith(words) for line, words in zip(found, told, strict=True)), found


@pytest.mark.parametrize(
    ("tags", "found"),
    [([], []), (["v0.9.0"], ["v0.9.0"]), (["v1.2.3"], []), (["v0.9.0", "v1.2.3"], []), (["nightly"], [])],
)
def test_the_tag_of_a_commit(tmp_path: Path, tags: list[str], found: list[str]) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, timeout=30)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    for tag in tags:
        git("tag", tag)
    assert version.tag_differs(tmp_path, "1.2.3") == found


def test_without_git_there_is_no_tag(tmp_path: Path) -> None:
    assert version.tag_differs(tmp_path, "1.2.3") == []
