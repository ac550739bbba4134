"""Runs the console blocks that run on this machine alone, and writes what came out into the pages.

tools/without_docker.sh python -m tools.site.record [page ...]
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.site.pages import DOCS, ROOT, Block, blocks, pages, written

#: Of all the commands of one block.
TIMEOUT_S = 600
WIDTH = 100
_SENTINEL = "@@shelterctl-pages@@"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command, what it printed on both streams, and its exit code."""

    command: str
    output: str
    code: int


class Machine:
    """One folder in which all blocks run, one after another, in a shell that keeps its place between them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder.resolve() / "home"
        self.home.mkdir()
        # Where a reader has the clone.
        (self.home / "shelterctl").symlink_to(ROOT)
        (self.home / "proof").mkdir()
        self._here = folder / "here"
        self._here.write_text(f"{self.home / 'proof'}\n")

    def run(self, block: Block) -> list[Ran]:
        """Every command of the block in one shell. Raises TimeoutExpired."""
        script = ["__mark() { local code=$?; printf '\\n%s %s\\n' '" + _SENTINEL + '\' "$code"; return $code; }']
        for shown in block.commands:
            script += [shown.command, "__mark"]
        script.append(f"pwd > {self._here}")
        bash = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self._here.read_text().strip(),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        parts = re.split(rf"\n{_SENTINEL} (\d+)\n", bash.stdout)
        outputs, codes = parts[0:-1:2], parts[1::2]
        assert len(codes) == len(block.commands), f"{block.page.name}: the shell ended early:\n{bash.stdout[-2000:]}"
        return [
            Ran(shown.command, self._told(output), int(code)) for shown, output, code in zip(block.commands, outputs, codes, strict=True)
        ]

    def environment(self) -> dict[str, str]:
        """Nothing of this machine's settings."""
        kept = ("LANG", "PYTHONDONTWRITEBYTECODE", "DOCKER_HOST", "KUBECONFIG", "MINIKUBE_HOME")
        names = {
            name: os.environ[name]
            for name in (*kept, *(name for name in os.environ if name.startswith(("PIP_", "UV_"))))
            if name in os.environ
        }
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**names, "PATH": path, "HOME": str(self.home), "COLUMNS": str(WIDTH), "PYTHONUTF8": "1", "USER": "me"}

    def _told(self, output: str) -> str:
        """Without what is this machine's alone."""
        text = output.replace(str(self.home), "~").replace(str(ROOT), "~/shelterctl")
        text = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "laptop", text)
        lines = [line.rstrip() for line in text.strip("\n").splitlines()]
        return "".join(f"{line}\n" for line in lines)


def told(ran: Iterable[Ran]) -> str:
    """The body of a block."""
    return "".join(f"$ {each.command}\n{each.output}" for each in ran)


def unexplained(ran: list[Ran]) -> list[str]:
    """Commands that ended with another exit code than 0 which the page does not show by `echo $?` after them."""
    shown = {index for index, each in enumerate(ran) if each.command == "echo $?"}
    return [
        f"{each.command} ended with {each.code}:\n{each.output}" for index, each in enumerate(ran) if each.code and index + 1 not in shown
    ]


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.runs]


@contextmanager
def machine() -> Iterator[Machine]:
    """A folder that goes at the end, with whatever still runs of it."""
    with tempfile.TemporaryDirectory(prefix="pages-") as name:
        found = Machine(Path(name))
        try:
            yield found
        finally:
            for state in sorted(found.home.rglob(".shelterctl")):
                command = [sys.executable, "-m", "shelterctl", "down", "--target", "local", "--quiet"]
                subprocess.run(
                    command,
                    cwd=state.parent,
                    env={**found.environment(), "PYTHONPATH": str(ROOT)},
                    capture_output=True,
                    check=False,
                    timeout=60,
                )


def main(names: list[str]) -> int:
    """Every page by itself leaves nothing that runs, so that one can be recorded without the others."""
    wanted = [DOCS / name for name in names] or pages()
    with machine() as found:
        for page in wanted:
            new: list[tuple[Block, str]] = []
            for block in runnable(page):
                ran = found.run(block)
                if problems := unexplained(ran):
                    sys.stderr.write(f"{page.relative_to(DOCS)}: " + "\n".join(problems))
                    return 1
                new.append((block, told(ran)))
                sys.stderr.write(f"{page.relative_to(DOCS)}: {len(ran)} commands\n")
            if new:
                page.write_text(written(page, new), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
