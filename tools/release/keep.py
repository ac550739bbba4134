"""Keeps what later releases are held to: run folders, without this machine's names, the published schemas, commands and flags.

python -m tools.release.keep --replace /home/me/stack=/home/user/stack RUN-FOLDER...
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path

from shelterctl.adapters.runs.evidence import owner
from shelterctl.core.serial import SCHEMA
from tests.kept.surface import surface
from tools.site import schemas

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "kept"
#: Of a load's every second there are thousands of lines, and no command reads them again.
LEFT_OUT = ("load-samples.jsonl", "locust.log")


def masked(text: str, replace: Mapping[str, str]) -> str:
    """The text with each of `replace`'s words, and this machine's own names, replaced."""
    for old in sorted(replace, key=len, reverse=True):
        text = text.replace(old, replace[old])
    here = owner()
    for folder in here.folders:
        text = text.replace(folder, "/home/user")
    for word in here.words:
        if word != "root":
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "host", text)
    return text


def keep(run: Path, replace: Mapping[str, str]) -> Path:
    """Copies a run's folder; journals are compressed, always to the same bytes. Returns the copy."""
    copy = FOLDER / SCHEMA.replace("/", "-") / run.name
    copy.mkdir(parents=True, exist_ok=True)
    for file in sorted(run.iterdir()):
        if file.name in LEFT_OUT:
            continue
        text = masked(file.read_text(encoding="utf-8"), replace)
        if file.suffix == ".jsonl":
            (copy / f"{file.name}.gz").write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
        else:
            (copy / file.name).write_text(text, encoding="utf-8")
    return copy


def keep_published() -> None:
    """The schemas, commands and exit codes as they are now. Within a version the next ones are held to them."""
    (FOLDER / "schemas").mkdir(exist_ok=True)
    for name, schema in schemas.schemas().items():
        (FOLDER / "schemas" / name).write_text(schemas.text(schema), encoding="utf-8")
    (FOLDER / "surface.json").write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("runs", nargs="*", type=Path)
    given = parser.parse_args()
    keep_published()
    for run in given.runs:
        print(keep(run, dict(word.split("=", 1) for word in given.replace)))


if __name__ == "__main__":
    main()
