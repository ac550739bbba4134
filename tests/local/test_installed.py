"""What people install: the wheel in an empty folder, with and without the extra; and a project of their own made from it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.commands import REPOSITORY, clean_environment

pytestmark = pytest.mark.local
UV = Path(sys.executable).with_name("uv")


def run(*argv: str | Path, cwd: Path, expect: int = 0) -> str:
    environment = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in argv], cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == expect, f"{argv}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, REPOSITORY, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean virtual environment with the wheel and nothing that it does not ask for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    run(UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel, cwd=folder)
    return folder / "bin"


@pytest.fixture
def empty(programs: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "empty"
    folder.mkdir()
    yield folder
    run(programs / "shelterctl", "down", "--target", "local", cwd=folder)


def answering(programs: Path, folder: Path) -> str:
    url = json.loads(run(programs / "shelterctl", "url", "--target", "local", "--output", "json", cwd=folder))["result"]["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=10) as answer:
        return str(json.loads(answer.read())["image_tag"])


def test_without_the_extra_an_environment_is_made_once_and_anew_where_it_is_broken(programs: Path, empty: Path) -> None:
    up = (programs / "shelterctl", "up", "--target", "local", "--no-wait-hpa", "--output", "json")
    first = json.loads(run(*up, cwd=empty))["result"]
    assert answering(programs, empty) == first["chain"]["reference"].rpartition(":")[2]
    (made,) = (empty / ".shelterctl" / "local" / "environments").iterdir()
    stamp = (made / "pyvenv.cfg").stat().st_mtime_ns
    assert json.loads(run(*up, cwd=empty))["result"]["changed"] is False
    assert (made / "pyvenv.cfg").stat().st_mtime_ns == stamp

    # The Python that it was made with is gone, say after an upgrade of the system.
    run(programs / "shelterctl", "down", "--target", "local", cwd=empty)
    (made / "bin" / "python").unlink()
    run(*up, cwd=empty)
    assert (made / "bin" / "python").exists()
    assert answering(programs, empty)


def test_a_project_of_ones_own_is_made_and_used(programs: Path, empty: Path, tmp_path: Path) -> None:
    mine = empty / "mine"
    told = json.loads(run(programs / "shelterctl", "new", mine, "--output", "json", cwd=empty))["result"]
    assert {"shelterctl.toml", "app/gunicorn.conf.py", "manifests/base/app/autoscaler.yaml", "locustfiles/lean_client.py"} <= set(
        told["files"]
    )
    assert not any("__pycache__" in file for file in told["files"])
    run(programs / "shelterctl", "new", mine, cwd=empty, expect=2)
    (mine / "app" / "shelter_app" / "__init__.py").open("a").write("# changed\n")
    tags = [
        json.loads(run(programs / "shelterctl", "version", "-t", "local", "-o", "json", cwd=each))["result"]["sources"]
        for each in (empty, mine)
    ]
    assert tags[0] != tags[1]


def test_the_extra_brings_exactly_what_the_application_locks() -> None:
    import re
    import tomllib

    from shelterctl.adapters.local.environment import NX_VERSION

    extra = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]["local"]
    locked = re.findall(r"^([A-Za-z0-9._-]+==[^\s;\\]+)", (REPOSITORY / "app" / "requirements.txt").read_text(), re.M)
    assert sorted(extra) == sorted([*locked, f"nx-27017=={NX_VERSION}"])
