"""The rules of `.dockerignore`: what is sent is what docker-py's own build would send."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from hypothesis import given, settings
from hypothesis import strategies as st

from shelterctl.adapters.builder.ignored import included

#: docker-py writes a set in a set as it stands, and Python warns of it.
pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")]

NAMES = ("app", "App.py", "a.py", "b.pyc", "Dockerfile", "data", ".dockerignore", "x[1]", ".env", "deep")
FILES = sorted({f"{first}/{second}/{third}" for first in ("app", "data") for second in ("deep", "a.d") for third in ("a.py", "b.pyc")})
FILES += ["Dockerfile", ".dockerignore", ".env", "App.py", "x[1]", "app/a.py", "data/b.pyc", "data/notes ü.txt", "up.Dockerfile"]
PIECES = (
    "*",
    "**",
    "?",
    "app",
    "data",
    "deep",
    "*.py",
    "*.pyc",
    "a.?",
    "[ab].py*",
    "[!a]*",
    "[^a]*",
    "x[1",
    "x[[]1]",
    "..",
    ".",
    "",
    ".env",
    "A*",
)
PATTERN = st.builds(
    lambda back, first, parts, last: f"{back}{first}{'/'.join(parts)}{last}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", " "]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " "]),
)


@pytest.fixture(scope="module")
def tree() -> Path:
    folder = Path(tempfile.mkdtemp())
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "link").symlink_to("app")
    return folder


@settings(max_examples=400, deadline=None)
@given(patterns=st.lists(PATTERN, max_size=5), dockerfile=st.sampled_from(["Dockerfile", "up.Dockerfile"]))
def test_the_same_files_as_docker_py(tree: Path, patterns: list[str], dockerfile: str) -> None:
    assert set(included(tree, patterns, dockerfile)) == exclude_paths(str(tree), list(patterns), dockerfile=dockerfile)


@pytest.mark.parametrize(
    ("patterns", "left_out", "kept"),
    [
        (["data"], "data/deep/a.py", "app/a.py"),
        (["*", "!app"], "data/b.pyc", "app/deep/a.py"),
        (["**/*.pyc"], "app/deep/b.pyc", "app/deep/a.py"),
        (["*", "!data/deep/a.py"], "data/deep/b.pyc", "data/deep/a.py"),
        (["*"], "app/a.py", "Dockerfile"),
    ],
)
def test_what_stays_and_what_does_not(tree: Path, patterns: list[str], left_out: str, kept: str) -> None:
    found = set(included(tree, patterns, "Dockerfile"))
    assert left_out not in found
    assert kept in found
