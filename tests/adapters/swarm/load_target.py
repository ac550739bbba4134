"""The server of tools/load_server.py as a process of its own, for the tests of the load generator."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOCUSTFILE = ROOT / "locustfiles" / "shelter.py"


@dataclass(frozen=True, slots=True)
class Target:
    """A server on 127.0.0.1."""

    url: str

    def count(self, name: str = "requests") -> int:
        """What the server itself counted: requests, failed, connections."""
        with urllib.request.urlopen(f"{self.url}/count", timeout=5) as answer:
            return int(json.load(answer)[name])


@contextmanager
def serving(*options: str) -> Iterator[Target]:
    """A fresh server with the options of tools/load_server.py."""
    process = subprocess.Popen([sys.executable, str(ROOT / "tools" / "load_server.py"), *options], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield Target(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
