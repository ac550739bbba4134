"""The application without shelterctl, as docs/local.md writes it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster.api_proxy import closed_port
from tests.cluster.commands import REPOSITORY, clean_environment
from tests.cluster.projects import copy_project

pytestmark = pytest.mark.local


@pytest.mark.timeout(150)
def test_it_works_as_written(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "local.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"<!-- plain -->\n(.*?)<!-- /plain -->", page, re.S)
    shown = [line[4:] for line in script.splitlines() if line.startswith("    ")]
    text = "\n".join(shown)
    # The ports of the page may be anybody's on this machine.
    for written in ("27117", "8117"):
        text = text.replace(written, str(closed_port()))
    copy_project(tmp_path)
    environment = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        ["bash", "-e", "-c", text], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        try:
            # What runs in the background holds the stream open, and Flask greets on it.
            lines = iter(shell.stdout.readline, b"")
            told = next(line for line in lines if line.startswith(b"{"))
            assert json.loads(told)["status"] == "ready", told
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
