"""How long MongoDB's driver may still make a write: by what the sources and the URI say, not by whether they say something."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.provable import driver_timeout_s

pytestmark = pytest.mark.unit

NOTES = Path(__file__).parents[3] / "examples" / "notes"


@pytest.mark.parametrize(
    ("option", "query", "seconds"),
    [
        ("", "", None),
        (", serverSelectionTimeoutMS=2000", "", 2.0),
        (", serverSelectionTimeoutMS=60000", "", 60.0),
        (", serverSelectionTimeoutMS=5 * 1000", "", 5.0),
        (", serverSelectionTimeoutMS=WAIT_MS", "", 7.0),
        # What is computed is not known.
        (', serverSelectionTimeoutMS=int(os.environ["WAIT_MS"])', "", 30.0),
        (', **{"serverSelectionTimeoutMS": 45000}', "", 45.0),
        ("", "serverSelectionTimeoutMS=2000", 2.0),
        ("", "serverselectiontimeoutms=90000", 90.0),
        (", serverSelectionTimeoutMS=4000", "serverSelectionTimeoutMS=60000", 60.0),
        (", timeoutMS=8000", "", 8.0),
        (", timeoutMS=40000", "", 30.0),
        (", timeoutMS=0", "", 30.0),
        (", timeoutMS=8000", "serverSelectionTimeoutMS=3000", 3.0),
    ],
)
def test_the_value_counts_wherever_it_stands(tmp_path: Path, option: str, query: str, seconds: float | None) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(NOTES, folder)
    source, manifest = folder / "app.py", folder / "k8s" / "flask-deployment.yaml"
    text = source.read_text()
    client = '"mongodb://localhost:27017/")'
    assert client in text
    source.write_text("WAIT_MS = 7000\n" + text.replace(client, client + option))
    written = manifest.read_text()
    uri = next(line for line in written.splitlines() if "mongodb://" in line)
    glue = "&" if "?" in uri else "?" if uri.rstrip('"').count("/") > 2 else "/?"
    if query:
        bare = uri.rstrip('"')
        manifest.write_text(written.replace(uri, f"{bare}{glue}{query}{uri[len(bare) :]}"))
    stack = reader.read(folder)
    assert driver_timeout_s(stack) == (30.0 if seconds is None else seconds)
    assert ("driver-default-timeout" in {finding.code for finding in stack.findings}) is (seconds is None)
    (keeps,) = [claim for claim in inspect(stack).claims if claim.claim == "keeps its data"]
    waits = [limit for limit in keeps.limits if "are waited after the last write" in limit]
    assert [wait.partition(" ")[0] for wait in waits] == ([] if seconds is not None and seconds < 30 else [f"{(seconds or 30) + 5:g}"])
