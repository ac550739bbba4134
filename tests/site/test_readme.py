"""The README is short, leads on, and shows what was recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.site import readme
from tools.site.pages import ROOT

pytestmark = pytest.mark.unit

README = readme.README.read_text(encoding="utf-8")


def test_the_readme_shows_the_end_of_the_recorded_proof() -> None:
    """`make docs-record` writes it."""
    assert readme.with_excerpt(README, readme.TUTORIAL.read_text(encoding="utf-8")) == README
    assert "    PASS  3 of 3 claims proved" in README


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) < 100
    for word in ("make demo", "make test", "docs/status-watch.svg", "docs/load-steps.svg", "docs/local.md"):
        assert word in README


def test_the_readme_shows_of_an_own_stack_what_the_tutorial_does() -> None:
    """The tutorial's blocks are run (tests/site/test_run.py)."""
    tutorial = (ROOT / "docs" / "tutorials" / "own-stack.md").read_text(encoding="utf-8").splitlines()
    section = README.partition("## Your own stack\n")[2].partition("\n## ")[0]
    shown = [line.removeprefix("    ").partition("      # ")[0] for line in section.splitlines() if line.startswith("    ")]
    assert len([line for line in shown if not line.startswith("$") and line.strip() != "…"]) >= 3
    there = {*tutorial, "$ shelterctl prove"}
    assert [line for line in shown if line.strip() != "…" and line not in there] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_link_beside_the_site_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).is_file()] == []
