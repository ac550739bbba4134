"""A Service without a node port is reached through the node: every pod answers, and a break is opened again and counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.commands import Shelterctl, wait_until

pytestmark = pytest.mark.cluster


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@contextmanager
def opened(stack: Shelterctl) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    running = stack.start("url", "--reach", "tunnel", "--open", output="table")
    try:
        wait_until(lambda: running.stdout.read_text().strip() != "", "the tunnel's address")
        yield running.process, running.stdout.read_text().strip()
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
            running.process.wait(timeout=20)


def asked(url: str) -> str:
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["pod"])


def answers(url: str) -> bool:
    try:
        return bool(asked(url))
    except OSError:
        return False


def test_a_tunnel_leads_to_the_service_and_is_opened_again(stack: Shelterctl) -> None:
    refused = stack("url", "--reach", "tunnel", expect=4).error
    assert refused["next_command"].endswith("--reach tunnel --open")
    with opened(stack) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        ready = {pod["name"] for pod in stack("status").result["state"]["pods"] if pod["role"] == "app" and pod["ready"]}
        # Each request by a connection of its own: kube-proxy chooses anew.
        assert {asked(url) for _ in range(40)} == ready
        (ssh,) = children(process.pid)
        os.kill(ssh, signal.SIGKILL)
        wait_until(lambda: children(process.pid) not in ([], [ssh]) and answers(url), "the tunnel's second opening")
        # Whoever dies without a word takes the tunnel along.
        (ssh,) = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        wait_until(lambda: not alive(ssh), "the tunnel's end")


def test_a_break_of_the_tunnel_is_no_outage_of_the_service(stack: Shelterctl) -> None:
    running = stack.start("loadtest", "--reach", "tunnel", "--users", "10", "--duration", "12s", output="jsonl")
    running.wait_for('"kind": "load_tick"')
    ssh = [pid for pid in children(running.process.pid) if Path(f"/proc/{pid}/comm").read_text().strip() == "ssh"]
    os.kill(ssh[0], signal.SIGKILL)
    result = running.end().document["result"]
    assert result["generator"]["cut_off_s"] > 0
    assert result["judgement"]["verdict"] == "UNKNOWN"
    assert any("the tunnel to the service was broken" in reason["text"] for reason in result["judgement"]["reasons"])
    assert any("through a tunnel" in note for note in result["notes"])
