"""Mutates the central lines of the verdicts, one at a time, and runs the tests that should notice: what survives is not held by a test.

    .venv/bin/python tools/mutate.py                  every module of TARGETS
    .venv/bin/python tools/mutate.py core/load/scaling.py

A mutation exchanges a comparison or a boolean operator, or turns a condition round. It is made in a copy of the tree, so that nothing is
left behind however this ends. Takes minutes; run by hand.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Module to the tests that hold it.
TARGETS = {
    "core/faults/ledger.py": ("tests/core/faults",),
    "core/faults/proof.py": ("tests/core/faults",),
    "core/faults/verdict.py": ("tests/core/faults",),
    "core/load/attribution.py": ("tests/core/load",),
    "core/load/scaling.py": ("tests/core/load",),
    "core/load/verdict.py": ("tests/core/load",),
    "core/deploy/rollout.py": ("tests/core/deploy",),
    "core/deploy/health.py": ("tests/core/deploy",),
}
TEST_TIMEOUT_S = 120
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, what is done, and the whole module with it done."""
    count = sum(1 for _ in ast.walk(ast.parse(source)))
    for number in range(count):
        tree = ast.parse(source)
        node = list(ast.walk(tree))[number]
        what = _mutate(node)
        if what:
            yield getattr(node, "lineno", 0), what, ast.unparse(ast.fix_missing_locations(tree))


def _mutate(node: ast.AST) -> str:
    """Changes the node in place and says how; empty where it is none of the kinds."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        before = ast.unparse(node)
        node.ops[0] = _COMPARISONS[type(node.ops[0])]()
        return f"{before}  ->  {ast.unparse(node)}"
    if isinstance(node, ast.BoolOp):
        before = ast.unparse(node)
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return f"{before}  ->  {ast.unparse(node)}"
    if isinstance(node, ast.If | ast.IfExp):
        before = ast.unparse(node.test)
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return f"if {before}  ->  if not ({before})"
    return ""


def survives(copy: Path, module: str, mutant: str, tests: tuple[str, ...]) -> bool:
    """Whether the tests pass all the same."""
    file = copy / "shelterctl" / module
    original = file.read_text(encoding="utf-8")
    file.write_text(mutant, encoding="utf-8")
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            capture_output=True,
            timeout=TEST_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        file.write_text(original, encoding="utf-8")
    return ran.returncode == 0


def main(wanted: list[str]) -> int:
    """Prints what survives, and returns how many did."""
    alive = 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        copy = Path(name) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", ".shelterctl", "__pycache__", ".*_cache"))
        for module, tests in TARGETS.items():
            if wanted and module not in wanted:
                continue
            total = dead = 0
            for line, what, mutant in mutants((ROOT / "shelterctl" / module).read_text(encoding="utf-8")):
                total += 1
                if survives(copy, module, mutant, tests):
                    alive += 1
                    print(f"{module}:{line}  {what}", flush=True)
                else:
                    dead += 1
            print(f"{module}: {dead} of {total} noticed", flush=True)
    return alive


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
