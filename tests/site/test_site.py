"""The site as it is built: every link leads somewhere, and nothing is loaded from elsewhere."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.site.pages import ROOT

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed: make docs"),
]
#: Long for a build of some seconds; more would be a fault.
TIMEOUT_S = 60
#: A proxy that nobody answers at: whatever asks the network fails.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")


def build(folder: Path, site: Path, environment: Mapping[str, str] = NO_NETWORK) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(folder / "mkdocs.yml"), "--site-dir", str(site)]
    env = {"PATH": str(Path(sys.executable).parent), "HOME": str(site.parent), "NO_MKDOCS_2_WARNING": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages and their configuration, to be spoiled."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder


def test_it_builds_without_a_network_and_loads_nothing(copy: Path, tmp_path: Path) -> None:
    ran = build(copy, tmp_path / "site")
    assert ran.returncode == 0, ran.stderr
    loaded = set()
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        tags = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text)
        loaded |= {tag for tag in tags if re.search(r'(?:src|href)="?(?:https?:)?//', tag) and 'rel="canonical"' not in tag}
    assert loaded == set()
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?https?:", style.read_text(encoding="utf-8")), style


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gone](tutorials/no-such-page.md)", "no-such-page.md"),
        ("[gone](tutorials/minikube.md#no-such-heading)", "no-such-heading"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(copy: Path, tmp_path: Path, text: str, told: str) -> None:
    index = copy / "docs" / "index.md"
    index.write_text(index.read_text(encoding="utf-8") + f"\n{text}\n", encoding="utf-8")
    ran = build(copy, tmp_path / "site")
    assert ran.returncode != 0
    assert told in ran.stderr
