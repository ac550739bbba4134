"""The tag follows what the engine would get, and nothing else."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shelterctl.adapters import process
from shelterctl.adapters.builder.context import FolderContext
from shelterctl.errors import UsageError

pytestmark = pytest.mark.local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    context = tmp_path / "app"
    (context / "pkg" / "__pycache__").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    (context / ".dockerignore").write_text("# caches\n**/__pycache__\n*.md\n!KEEP.md\n")
    (context / "pkg" / "main.py").write_text("print(1)\n")
    (context / "pkg" / "__pycache__" / "main.pyc").write_bytes(b"old")
    (context / "README.md").write_text("words")
    (context / "KEEP.md").write_text("kept")
    (context / "link").symlink_to("pkg/main.py")
    return context


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return process.run(["git", "-C", str(folder), *identity, *arguments], timeout_s=20).text.strip()


def test_the_files_are_those_that_the_engine_gets(folder: Path) -> None:
    from docker.utils.build import tar

    patterns = ["**/__pycache__", "*.md", "!KEEP.md"]
    sent = tar(folder, exclude=patterns, dockerfile=("Dockerfile", None))
    with tarfile.open(fileobj=io.BytesIO(sent.read(-1))) as archive:
        names = {member.name for member in archive if not member.isdir()}
    assert {file.path for file in FolderContext(folder).files()} == names
    assert names == {".dockerignore", "Dockerfile", "KEEP.md", "link", "pkg/main.py"}


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "README.md").write_text("other words"),
        lambda folder: (folder / "pkg" / "__pycache__" / "main.pyc").write_bytes(b"new"),
        lambda folder: os.utime(folder / "pkg" / "main.py", (1, 1)),
    ],
    ids=["an ignored file", "a cache", "a time"],
)
def test_the_tag_stays(change: Callable[[Path], object], folder: Path) -> None:
    before = FolderContext(folder).tag()
    change(folder)
    assert FolderContext(folder).tag() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "pkg" / "main.py").write_text("print(2)\n"),
        lambda folder: (folder / "pkg" / "main.py").rename(folder / "pkg" / "other.py"),
        lambda folder: (folder / "pkg" / "main.py").chmod(0o755),
        lambda folder: (folder / "KEEP.md").unlink(),
        lambda folder: (folder / "Dockerfile").write_text("FROM busybox\n"),
        lambda folder: ((folder / "link").unlink(), (folder / "link").symlink_to("KEEP.md")),
    ],
    ids=["content", "name", "executable", "removed", "Dockerfile", "link"],
)
def test_the_tag_changes(change: Callable[[Path], object], folder: Path) -> None:
    before = FolderContext(folder).tag()
    change(folder)
    assert FolderContext(folder).tag() != before


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no build context") as caught:
        FolderContext(tmp_path).tag()
    assert caught.value.why == "it has no Dockerfile"


def test_the_revision_is_dirty_only_where_the_folder_differs(folder: Path) -> None:
    context = FolderContext(folder)
    assert context.git_revision() == "unknown"
    _git(folder.parent, "init", "-q")
    assert context.git_revision() == "unknown"
    _git(folder.parent, "add", ".")
    _git(folder.parent, "commit", "-qm", "first")
    head = _git(folder.parent, "rev-parse", "--short=12", "HEAD")
    (folder.parent / "elsewhere").write_text("untracked")
    assert context.git_revision() == head
    (folder / "pkg" / "main.py").write_text("print(3)\n")
    assert context.git_revision() == f"{head}-dirty"


def test_without_git_the_revision_is_unknown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert FolderContext(folder).git_revision() == "unknown"
