"""Measures `shelterctl inspect` of a large folder: 40 manifests, 2,000 Python files, a tenth of which speak of Flask. Prints JSON."""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = str(Path(sys.executable).parent / "shelterctl")
MANIFESTS, FILES, ROUNDS = 40, 2_000, 5


def fill(folder: Path) -> None:
    """The notes, and much beside them."""
    shutil.copytree(ROOT / "examples" / "notes", folder, ignore=shutil.ignore_patterns(".shelterctl"))
    deployment = (folder / "k8s" / "flask-deployment.yaml").read_text()
    for number in range(MANIFESTS - len(list((folder / "k8s").iterdir()))):
        other = deployment.replace("flask-app", f"worker-{number}").replace("notes-app:1.0", "redis:7")
        (folder / "k8s" / f"worker-{number}.yaml").write_text(other)
    functions = "\n".join(f'def f{n}(a, b):\n    """Adds."""\n    return [a + b + x for x in range({n})]\n' for n in range(40))
    for number in range(FILES):
        package = folder / "src" / f"package{number % 40}"
        package.mkdir(parents=True, exist_ok=True)
        first = "from flask import Blueprint\n" if number % 10 == 0 else "from collections import deque\n"
        (package / f"module{number}.py").write_text(first + functions)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "large"
        fill(folder)
        times = []
        for _ in range(ROUNDS):
            began_s = time.perf_counter()
            subprocess.run([TOOL, "inspect"], cwd=folder, capture_output=True, check=True)
            times.append(time.perf_counter() - began_s)
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps({"median_s": round(statistics.median(times), 2), "peak_mb": round(peak_bytes / 1e6)}))


if __name__ == "__main__":
    main()
