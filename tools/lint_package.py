"""Builds the wheel and the sdist and holds them to what people install: contents, metadata, and that the sdist makes the same wheel."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
#: What an installed shelterctl deploys.
CARRIED = (
    "app/gunicorn.conf.py",
    "app/requirements.txt",
    "manifests/base/app/autoscaler.yaml",
    "locustfiles/shelter.py",
    "locustfiles/lean_client.py",
)

#: What else it needs: the texts of `explain`, and the manual page where `man` looks in an environment.
BESIDE = ("shelterctl/explained/doctor.toml", ".data/data/share/man/man1/shelterctl.1")


def run(*argv: str | Path) -> None:
    done = subprocess.run([str(word) for word in argv], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in argv)}:\n{done.stdout}{done.stderr}")


def contents(wheel: Path) -> dict[str, str]:
    """Digest by name; the record lists the others."""
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if not name.endswith("/RECORD")]
        return {name: sha256(opened.read(name)).hexdigest() for name in names}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(BIN / "uv", "build", "--quiet", "--wheel", "--sdist", "--out-dir", folder, ROOT)
        (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
        run(BIN / "check-wheel-contents", wheel)
        run(BIN / "twine", "check", "--strict", wheel, sdist)
        run(BIN / "uv", "build", "--quiet", "--wheel", "--out-dir", folder / "again", sdist)
        (again,) = (folder / "again").glob("*.whl")
        first, second = contents(wheel), contents(again)
        differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
        missing = [part for part in CARRIED if f"shelterctl/_project/{part}" not in first]
        missing += [part for part in BESIDE if not any(name.endswith(part) for name in first)]
        strange = [name for name in first if "__pycache__" in name or name.endswith(".pyc") or ".shelterctl/" in name]
        for what, found in (("the sdist makes another wheel", differing), ("not in the wheel", missing), ("in the wheel", strange)):
            if found:
                sys.exit(f"{what}: {', '.join(found[:8])}")
    print(f"lint-package: {len(first)} files in the wheel, and the sdist makes the same")


if __name__ == "__main__":
    main()
