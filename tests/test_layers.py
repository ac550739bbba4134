"""The layers of the code, held by import-linter; and what a start may cost."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.local

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("docker", "kubernetes", "httpx", "rich", "locust", "gevent", "pymongo", "yaml", "flask", "requests")


def test_the_layers_hold() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


def test_starting_imports_nothing_heavy() -> None:
    code = f"""
import sys
import tomllib
from shelterctl.cli.app import main
assert main(["up", "--help"]) == 0
print("HEAVY", sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_locust_is_imported_by_nothing_of_ours_but_what_runs_in_its_process() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "shelterctl").rglob("*.py")
        if any(
            line.lstrip().startswith(("import locust", "from locust", "import gevent", "from gevent"))
            for line in path.read_text().splitlines()
        )
    ]
    # Those that the bridge takes along are loaded nowhere else.
    names = (
        "locust_bridge",
        "locust_start",
        "master",
        "own_process",
        "own_stats",
        "own_tasks",
        "pace",
        "recorder",
        "worker_start",
        "workers",
    )
    assert sorted(found) == [f"shelterctl/adapters/swarm/{name}.py" for name in names]


def test_one_module_starts_processes() -> None:
    starts = ("subprocess.Popen(", "subprocess.run(", "os.system(", "os.fork(", "os.exec", "check_output(")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "shelterctl").rglob("*.py")
        # Programs of their own, as the probes are: they become a database, and run with the replicas' Python.
        if not path.name.endswith(("_probe.py", "_entry.py")) and any(word in path.read_text() for word in starts)
    ]
    assert found == ["shelterctl/adapters/process.py"]


def test_only_the_command_line_prints() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("core", "ops", "adapters")
        for path in (ROOT / "shelterctl" / folder).rglob("*.py")
        if not path.name.endswith("_probe.py") and any(word in path.read_text() for word in ("print(", "sys.stdout", "sys.exit("))
    ]
    # Programs of their own: the one in Locust's process, and the one in a pod.
    own = {"shelterctl/adapters/swarm/locust_bridge.py", "shelterctl/adapters/swarm/in_pod.py"}
    assert [path for path in found if path not in own] == []


def test_what_judges_and_leads_knows_no_name_of_the_stack_that_comes_with_the_tool() -> None:
    """It is one stack of many: what its objects are called is known where it is made."""
    manifests = [path.read_text() for path in (ROOT / "manifests" / "base").rglob("*.yaml")]
    names = set(re.findall(r"(?m)^  name: ([a-z0-9-]+)$", "\n".join(manifests))) - {"app", "mongodb", "shelter"}
    names |= {"mongodb-root", "mongodb-app", "shelter-app", "data-mongodb", "manifests/base"}
    assert "mongodb-init" in names or len(names) > 5, names
    known = [
        f"{path.relative_to(ROOT)}: {name}"
        for part in ("core", "ops", "cli")
        for path in sorted((ROOT / "shelterctl" / part).rglob("*.py"))
        for name in sorted(names)
        if re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w-])", path.read_text())
    ]
    assert known == []
