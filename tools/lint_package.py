"""Builds the wheel and the sdist and holds them to what people install: contents, metadata, version, that the sdist makes the same wheel,
and that another folder, umask and time zone make the same bytes.

python -m tools.lint_package
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from pathlib import Path

from shelterctl import __version__
from tools.release import version
from tools.release.build import ROOT, build, commit_time_s, differing, elsewhere, run

BIN = Path(sys.executable).parent
#: What an installed shelterctl deploys.
CARRIED = (
    "shelterctl.toml",
    "app/gunicorn.conf.py",
    "app/requirements.txt",
    "manifests/base/app/autoscaler.yaml",
    "locustfiles/shelter.py",
    "locustfiles/lean_client.py",
)

#: What else it needs: the texts of `explain`, and the manual page where `man` looks in an environment.
BESIDE = ("shelterctl/explained/doctor.toml", ".data/data/share/man/man1/shelterctl.1")


def read(wheel: Path) -> tuple[list[str], str]:
    """The names in a wheel, and the version that its metadata say."""
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        found = re.search(r"^Version: (.+)$", opened.read(metadata).decode("utf-8"), re.M)
        return names, found.group(1) if found else ""


def main() -> None:
    time_s = commit_time_s()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = build(ROOT, folder / "one", time_s)
        sdist, wheel = files
        run(BIN / "check-wheel-contents", wheel)
        run(BIN / "twine", "check", "--strict", wheel, sdist)
        of_sdist = build(sdist, folder / "of-sdist", time_s, kinds=("wheel",))
        names, told = read(wheel)
        missing = [part for part in CARRIED if f"shelterctl/_project/{part}" not in names]
        missing += [part for part in BESIDE if not any(name.endswith(part) for name in names)]
        strange = [name for name in names if "__pycache__" in name or name.endswith(".pyc") or ".shelterctl/" in name]
        for what, found in (
            ("the sdist makes another wheel", differing([wheel], of_sdist)),
            ("built elsewhere, these are other bytes", differing(files, elsewhere(folder / "elsewhere", time_s))),
            ("not in the wheel", missing),
            ("in the wheel", strange),
            (f"the version of the wheel's metadata, which is not shelterctl's {__version__}", [told] if told != __version__ else []),
            ("the tag of this commit", version.tag_differs()),
        ):
            if found:
                sys.exit(f"{what}: {', '.join(found[:8])}")
    print(f"lint-package: {len(names)} files in the wheel; the sdist and another folder make the same, byte for byte")


if __name__ == "__main__":
    main()
