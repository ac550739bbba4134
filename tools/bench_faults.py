"""Measures how long it takes until each fault of examples/broken is named: `shelterctl inspect` in its folder. Prints a Markdown table."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = str(Path(sys.executable).parent / "shelterctl")


def main() -> int:
    missed = 0
    print("| fault | named as | after |\n|---|---|---|")
    for fault in sorted(path.parent for path in (ROOT / "examples" / "broken").glob("*/expected.toml")):
        expected = tomllib.loads((fault / "expected.toml").read_text())
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "notes"
            shutil.copytree(ROOT / "examples" / "notes", folder, ignore=shutil.ignore_patterns(".shelterctl"))
            shutil.copytree(fault, folder, dirs_exist_ok=True)
            for lacking in expected.get("remove", ()):
                (folder / lacking).unlink()
            began_s = time.perf_counter()
            ran = subprocess.run([TOOL, "inspect", "--output", "json"], cwd=folder, capture_output=True, text=True, check=False)
            took_s = time.perf_counter() - began_s
        found = {finding["code"]: finding["what"] for finding in (json.loads(ran.stdout)["result"] or {}).get("findings", ())}
        missed += expected["finding"] not in found
        print(f"| {fault.name} | {found.get(expected['finding'], 'NOT NAMED')} | {took_s:.2f} s |")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
