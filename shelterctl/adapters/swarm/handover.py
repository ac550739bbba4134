"""What workers on other machines are given: the Locust file with the modules beside it, its options, and each worker's own variables."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shelterctl.adapters.swarm.environment import worker_environment
from shelterctl.core.load.plan import LoadPlan

HANDOVER_FILE = "handover.json"


def write_handover(plan: LoadPlan, locustfile: Path, samples_path: Path, key: str, folder: Path) -> Path:
    """The file that the master reads once and removes: the key is in it."""
    path = folder.resolve() / HANDOVER_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(handover_of(plan, locustfile, samples_path, key), encoding="utf-8")
    return path


def handover_of(plan: LoadPlan, locustfile: Path, samples_path: Path, key: str) -> str:
    """As JSON; the workers in the order of their numbers."""
    workers = [worker_environment(plan, samples_path, key, number) for number in range(1, plan.generators + 1)]
    return json.dumps(
        {
            **carried(locustfile),
            "options": list(plan.options),
            # What takes a variable out is of this machine.
            "workers": [{name: value for name, value in worker.items() if value is not None} for worker in workers],
        }
    )


def carried(locustfile: Path) -> dict[str, Any]:
    """The file's name, and the texts of it and of the modules beside it by their names."""
    files = {str(path.relative_to(locustfile.parent)): path.read_text(encoding="utf-8") for path in modules_of(locustfile)}
    return {"name": locustfile.name, "files": files}


def laid_out(given: Mapping[str, Any], folder: Path) -> Path:
    """Writes what was carried into a folder; returns the Locust file there."""
    for name, text in given["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / str(given["name"])


def modules_of(locustfile: Path) -> tuple[Path, ...]:
    """The file, and what it imports of its own folder, as far as that leads: Locust puts the folder on the path of imports."""
    folder = locustfile.parent
    found = [locustfile]
    for path in found:
        for name in _imported(path):
            module, package = folder / f"{name}.py", folder / name
            # A package takes precedence over a module, and may import its own by any of its parts: all of it.
            beside = sorted(package.rglob("*.py")) if (package / "__init__.py").is_file() else [module] if module.is_file() else []
            found += [each for each in beside if each not in found]
    return tuple(found)


def _imported(path: Path) -> Iterator[str]:
    """The first parts of the names that a file imports, wherever in it. What is no Python is said by Locust itself, here and there."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
