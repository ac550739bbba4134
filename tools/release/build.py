"""Builds the wheel and the sdist, the same bytes wherever and whenever it is done: the time in them is that of the last commit.

python -m tools.release.build [FOLDER]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Where there is no commit to take the time of, as in an unpacked sdist: hatchling's own constant, 2020-02-02.
NO_COMMIT_S = 1_580_601_600
_TIMEOUT_S = 300


def run(*argv: str | Path, cwd: Path = ROOT, umask: int = -1, **environment: str) -> str:
    """What a program printed. Exits with its words where it fails."""
    command = [str(word) for word in argv]
    env = {**os.environ, **environment}
    done = subprocess.run(command, cwd=cwd, env=env, umask=umask, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def commit_time_s(root: Path = ROOT) -> int:
    """When the last commit was made (epoch seconds)."""
    if not (root / ".git").exists() or shutil.which("git") is None:
        return NO_COMMIT_S
    return int(run("git", "log", "-1", "--format=%ct", cwd=root))


def build(
    source: Path, out: Path, time_s: int, *, kinds: tuple[str, ...] = ("wheel", "sdist"), umask: int = -1, zone: str = "UTC"
) -> list[Path]:
    """Builds from a folder, or a wheel from an sdist; returns the files, the wheel last."""
    uv = Path(sys.executable).with_name("uv")
    flags = [f"--{kind}" for kind in kinds]
    out.mkdir(parents=True, exist_ok=True)
    run(uv, "build", "--quiet", *flags, "--out-dir", out, source, umask=umask, SOURCE_DATE_EPOCH=str(time_s), TZ=zone)
    return sorted([*out.glob("*.tar.gz"), *out.glob("*.whl")], key=lambda path: path.suffix)


def copied(into: Path) -> None:
    """The files of this checkout, as git lists them, with other times and rights than here; what git leaves out is left out."""
    if (ROOT / ".git").exists():
        listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        for name in listed:
            if (ROOT / name).is_file():
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, into / name)
    else:
        shutil.copytree(
            ROOT, into, dirs_exist_ok=True, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns(".venv*", "__pycache__")
        )
    for path in into.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        runs = path.is_dir() or (ROOT / path.relative_to(into)).stat().st_mode & 0o100
        path.chmod(0o700 if runs else 0o600)


def digests(files: list[Path]) -> Mapping[str, str]:
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def differing(files: list[Path], others: list[Path]) -> list[str]:
    """The names of those that are not the same bytes in both, or not there."""
    one, other = digests(files), digests(others)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def elsewhere(out: Path, time_s: int) -> list[Path]:
    """The build of a copy in another folder, under another umask and time zone."""
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as name:
        copy = Path(name) / "another name"
        copy.mkdir()
        copied(copy)
        return build(copy, out, time_s, umask=0o077, zone="Asia/Tokyo")


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    for file in build(ROOT, out, commit_time_s()):
        print(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}")


if __name__ == "__main__":
    main()
