"""What the pages show of a bare machine is what comes out: all their blocks run, in their order, in one folder on the embedded target."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from tools.site.pages import ROOT, Block, Shown, blocks, pages
from tools.site.record import Machine, Ran, machine, runnable, told
from tools.site.reference import field_names
from tools.site.results import RESULTS

pytestmark = [pytest.mark.local, pytest.mark.alone]


#: Keeps the PATH of a bare machine, which goes with the process that made it.
KEEP = "import json, os, shutil, sys; shutil.copytree(os.environ['PATH'], sys.argv[1], symlinks=True); print(json.dumps(dict(os.environ)))"


@pytest.fixture(scope="module")
def bare() -> Iterator[None]:
    """A PATH without Docker, minikube and kubectl, as `make docs-record` has it."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        command = [str(ROOT / "tools" / "without_docker.sh"), sys.executable, "-c", KEEP, f"{name}/bin"]
        environment = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        patch.setenv("PATH", f"{name}/bin")
        for key in ("DOCKER_HOST", "KUBECONFIG", "MINIKUBE_HOME"):
            patch.setenv(key, environment[key])
        yield


def plain(text: str) -> str:
    """Without what differs from run to run: numbers, names of pods, hashes, and how lines were wrapped for them."""
    text = re.sub(r"\b[0-9a-f]{5,}\b|\d+(?:[.,]\d+)*", "0", text)
    return " ".join(text.split())


def verdicts(text: str) -> list[str]:
    return re.findall(r"^ *(PASS|FAIL|UNKNOWN)\b", text, re.M)


def busy(ran: Ran) -> bool:
    """Whether the load generator was short of this machine's CPU, by its own word: a doubt that no page can foresee."""
    return "the generator was late itself" in " ".join(ran.output.split())


def alike(shown: Shown, ran: Ran, runs: str) -> bool:
    """A verdict may be UNKNOWN instead where the machine was busy; nothing else may differ."""
    if shown.command == "echo $?":
        return shown.output == ran.output
    if runs == "same":
        return plain(shown.output) == plain(ran.output)
    expected, found = verdicts(shown.output), verdicts(ran.output)
    if busy(ran) and len(expected) == len(found):
        return all(came in (word, "UNKNOWN") for word, came in zip(expected, found, strict=True))
    return expected == found


def differences(block: Block, ran: list[Ran]) -> list[str]:
    """What came out otherwise than the page shows it. Exit codes are shown by `echo $?`."""
    found = []
    codes_shown = any(shown.command == "echo $?" for shown in block.commands)
    for shown, each in zip(block.commands, ran, strict=True):
        if not alike(shown, each, block.runs) or (each.code and not codes_shown and not (busy(each) and each.code == 7)):
            found.append(f"{block.page.name}: $ {shown.command}   (ended with {each.code})\n{each.output}\nthe page:\n{shown.output}")
    return found


@pytest.mark.timeout(1200)
def test_the_pages_show_what_comes_out(bare: None) -> None:
    wrong: list[str] = []
    with machine() as found:
        for page in pages():
            for block in runnable(page):
                wrong += differences(block, found.run(block))
        strange = unknown_fields(found)
    assert wrong == [], "\n".join(wrong)
    assert strange == []


def unknown_fields(found: Machine) -> list[str]:
    """Fields of the results of these very runs that the reference does not have, or has and that are not there."""
    strange = []
    seen = 0
    names = {"kill-db": "chaos kill-db", "dns-check": "dns check", "hpa-simulate": "hpa simulate"}
    for path in found.home.rglob("result.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        command = names.get(document["command"], document["command"])
        if document["result"] is not None and command in RESULTS:
            seen += 1
            strange += differing(RESULTS[command][0], document["result"], command)
    assert seen > 3
    return sorted(set(strange))


def differing(kind: Any, value: Any, where: str) -> list[str]:
    if value is None or not isinstance(value, dict | list):
        return []
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        known, types = {field.name for field in fields(kind)}, field_names(kind)
        own = [f"{where}: {name}" for name in known ^ value.keys()]
        return own + [text for name in known & value.keys() for text in differing(types[name], value[name], f"{where}.{name}")]
    parts = [part for part in get_args(kind) if part is not Ellipsis and part is not type(None)]
    if isinstance(value, list) and get_origin(kind) is tuple and len(parts) == 1:
        return [text for item in value for text in differing(parts[0], item, where)]
    if isinstance(value, dict) and isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        return [text for item in value.values() for text in differing(parts[1], item, where)]
    records = [part for part in parts if is_dataclass(part)]
    return differing(records[0], value, where) if len(records) == 1 else []


@pytest.mark.parametrize(
    ("shown", "came", "runs", "differs"),
    [
        ("PASS  3 of 3 in 57 s\n", "PASS  3 of 3 in 61 s\n", "verdicts", False),
        ("PASS  3 of 3\n", "UNKNOWN  2 of 3\n", "verdicts", True),
        ("PASS  3 of 3\n", "UNKNOWN  2 of 3\n  the generator was late\n  itself: 118 ms\n", "verdicts", False),
        ("PASS  3 of 3\n", "FAIL  2 of 3\n  the generator was late itself\n", "verdicts", True),
        ("app-96b27daf-f9a01 12 ms\n", "app-96b27daf-cdbf1 9 ms\n", "same", False),
        ("one word\n", "another word\n", "same", True),
    ],
)
def test_a_difference_is_seen(shown: str, came: str, runs: str, *, differs: bool) -> None:
    block = Block(Path("page.md"), 0, 0, runs, "", (Shown("x", shown),))
    assert bool(differences(block, [Ran("x", came, 0)])) is differs


def test_a_block_keeps_its_place_and_shows_its_exit_codes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    mark = "<!-- run: same -->\n```console\n"
    page.write_text(f"{mark}$ mkdir a && cd a\n$ false\n$ echo $?\n```\n\n{mark}$ pwd\n```\n")
    here = Machine(tmp_path)
    first, second = (here.run(block) for block in blocks(page))
    assert told(first) == "$ mkdir a && cd a\n$ false\n$ echo $?\n1\n"
    assert told(second) == "$ pwd\n~/proof/a\n"
