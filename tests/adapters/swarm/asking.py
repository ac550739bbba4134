"""lean_asker.py as a process that is asked again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Told:
    """What Locust was told of each request, what was raised instead, and how long all of it took."""

    events: list[dict[str, Any]]
    raised: list[str]
    elapsed_s: float


class Asker:
    """One process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def peak_bytes(self) -> int:
        """The most memory that it ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    def ask(self, base: str, *requests: Mapping[str, Any], client: str = "lean", **options: Any) -> Told:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = requests or ({"method": "GET", "url": "/"},)
        self._process.stdin.write(json.dumps({"base": base, "client": client, "requests": asked, **options}) + "\n")
        self._process.stdin.flush()
        return Told(**json.loads(self._process.stdout.readline()))


@contextmanager
def asking(**environment: str) -> Iterator[Asker]:
    found = os.pathsep.join((str(ROOT / "locustfiles"), str(ROOT)))
    argv = [sys.executable, str(Path(__file__).with_name("lean_asker.py"))]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": found, **environment}
    )
    try:
        yield Asker(process)
    finally:
        process.kill()
        process.communicate()
