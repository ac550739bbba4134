"""What the pages show of a bare machine is what comes out: all their blocks run, in their order, in one folder on the embedded target."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from tools.site.pages import ROOT, Block, pages
from tools.site.record import Machine, Ran, machine, runnable, told
from tools.site.reference import RESULTS, field_names

pytestmark = [pytest.mark.local, pytest.mark.alone]


@pytest.fixture(scope="module")
def bare() -> Iterator[None]:
    """A PATH without Docker, minikube and kubectl, as `make docs-record` has it."""
    script = [str(ROOT / "tools" / "without_docker.sh"), "bash", "-c", 'mkdir "$1" && cp -P "$PATH"/* "$1"/ 2>/dev/null; env -0', "-"]
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        ran = subprocess.run([*script, f"{name}/bin"], capture_output=True, text=True, check=True, timeout=60)
        told = dict(pair.split("=", 1) for pair in ran.stdout.split("\0") if "=" in pair)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{name}/bin")
            for key in ("DOCKER_HOST", "KUBECONFIG", "MINIKUBE_HOME"):
                patch.setenv(key, told[key])
            yield


def plain(text: str) -> str:
    """Without what differs from run to run: numbers, names of pods, hashes, and how lines were wrapped for them."""
    text = re.sub(r"\b[0-9a-f]{5,}\b|\d+(?:[.,]\d+)*", "0", text)
    return " ".join(text.split())


def verdicts(text: str) -> list[str]:
    return re.findall(r"^ *(PASS|FAIL|UNKNOWN)\b", text, re.M)


def differences(block: Block, ran: list[Ran]) -> list[str]:
    """What came out otherwise than the page shows it."""
    found = []
    for shown, each in zip(block.commands, ran, strict=True):
        same = plain(shown.output) == plain(each.output) if block.runs == "same" else verdicts(shown.output) == verdicts(each.output)
        # Exit codes are shown by `echo $?`.
        if shown.command == "echo $?":
            same = shown.output == each.output
        if not same or (each.code != 0 and not any(other.command == "echo $?" for other in block.commands)):
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
        ("app-96b27daf-f9a01 12 ms\n", "app-96b27daf-cdbf1 9 ms\n", "same", False),
        ("one word\n", "another word\n", "same", True),
    ],
)
def test_a_difference_is_seen(shown: str, came: str, runs: str, *, differs: bool) -> None:
    from tools.site.pages import Shown

    block = Block(Path("page.md"), 0, 0, runs, "", (Shown("x", shown),))
    assert bool(differences(block, [Ran("x", came, 0)])) is differs


def test_a_block_keeps_its_place_and_shows_its_exit_codes(tmp_path: Path) -> None:
    from tools.site.pages import blocks

    page = tmp_path / "page.md"
    mark = "<!-- run: same -->\n```console\n"
    page.write_text(f"{mark}$ mkdir a && cd a\n$ false\n$ echo $?\n```\n\n{mark}$ pwd\n```\n")
    here = Machine(tmp_path)
    first, second = (here.run(block) for block in blocks(page))
    assert told(first) == "$ mkdir a && cd a\n$ false\n$ echo $?\n1\n"
    assert told(second) == "$ pwd\n~/proof/a\n"
