"""Holds a release's tag to what is released: the version of the package, a dated section of the changelog, and what is kept for later.

python -m tools.release.version TAG
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from shelterctl import __version__
from tools.release.build import ROOT, run

KEPT = ROOT / "tests" / "kept"


def tag_differs(root: Path = ROOT, version: str = __version__) -> list[str]:
    """The tags v… of this commit, where none of them is the version's; empty where there is no such tag, or no git."""
    if not (root / ".git").exists() or shutil.which("git") is None:
        return []
    tags = [tag for tag in run("git", "tag", "--points-at", "HEAD", cwd=root).split() if re.match(r"v\d", tag)]
    return tags if tags and f"v{version}" not in tags else []


def problems(tag: str, version: str, changelog: str) -> list[str]:
    """Why this tag is no release of this version; empty where it is."""
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and __version__ in shelterctl/__init__.py is {version}")
    dated = re.search(rf"^## {re.escape(version)} - (\S+)$", changelog, re.M)
    if dated is None:
        found.append(f"CHANGELOG.md has no section “## {version} - DATE”")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", dated.group(1)):
        found.append(f"the section of {version} in CHANGELOG.md is not dated: {dated.group(1)}")
    return found


def not_kept() -> list[str]:
    """What is published and not kept for the tests of later releases."""
    from tests.kept.surface import surface
    from tools.site import schemas

    now = {name: schemas.text(schema) for name, schema in schemas.schemas().items()}
    found = [name for name, text in now.items() if not _same(KEPT / "schemas" / name, text)]
    return found + ([] if _same(KEPT / "surface.json", json.dumps(surface(), indent=1) + "\n") else ["surface.json"])


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("which tag? python -m tools.release.version v1.2.3")
    found = problems(sys.argv[1], __version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    found += [f"tests/kept has an older {name}: python -m tools.release.keep" for name in not_kept()]
    if found:
        sys.exit("\n".join(found))
    print(f"{sys.argv[1]} is shelterctl {__version__}")


if __name__ == "__main__":
    main()
