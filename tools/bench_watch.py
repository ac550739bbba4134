"""Measures how much of a core `status watch` uses at rest, on a terminal of its own. Prints JSON.

The processor time is read from /proc (user and system, all threads) after the start and again at the end: what the start costs is told
apart. At rest means that nothing happens to the stack meanwhile; `bytes_drawn` tells whether that was so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.on_terminal import OnTerminal

COLUMNS, ROWS = 100, 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--settle", type=float, default=5.0, help="how long to wait before, for the start")
    parser.add_argument("arguments", nargs="*", help="more arguments of `shelterctl status watch`, after --")
    options = parser.parse_args()
    watch = OnTerminal(["status", "watch", *options.arguments], COLUMNS, ROWS)
    time.sleep(options.settle)
    report = watch.measure(options.seconds)
    exit_code = watch.end()
    sys.stdout.write(json.dumps({**report, "exit_code": exit_code}, indent=1) + "\n")
    return 0 if exit_code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
