"""Runs the supervisor: `python -m shelterctl.adapters.local.supervisor FOLDER`. Started by `client.py`, never by hand."""

import sys
from pathlib import Path

from shelterctl.adapters.local.supervisor.loop import run

if __name__ == "__main__":
    raise SystemExit(run(Path(sys.argv[1])))
