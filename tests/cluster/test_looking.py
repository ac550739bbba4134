"""The commands that only look: `status`, `status watch`, `url`, `logs`, `version`, `runs`; with and without a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests.cluster import kube, service
from tests.cluster.commands import Shelterctl, clean_environment, wait_until

pytestmark = pytest.mark.cluster


def test_status(stack: Shelterctl) -> None:
    before = kube.versions(stack.namespace)
    result = stack("status").result
    chain = result["chain"]
    assert chain == {
        "reference": f"shelter-app:{service.answering_tag(stack)}",
        "built_id": chain["built_id"],
        "loaded_id": chain["built_id"],
        "running_ids": [chain["built_id"]],
        "answering_tag": service.answering_tag(stack),
        "answering_pod": chain["answering_pod"],
    }
    state = result["state"]
    assert (result["context"], result["chain_problems"], result["sources_tag"]) == ("minikube", [], chain["answering_tag"])
    app, database = state["workloads"]
    # The autoscaler may still hold the second pod that an earlier load called for.
    assert (app["kind"], app["name"], app["role"], app["desired"]) == ("Deployment", "app", "app", state["autoscaler"]["desired"])
    assert (database["kind"], database["name"], database["role"], database["desired"]) == ("StatefulSet", "mongodb", "db", 1)
    there = kube.uids(stack.namespace, "pods", "app.kubernetes.io/part-of=shelter")
    # A pod that an earlier test made superfluous may be ending.
    assert {pod["name"] for pod in state["pods"] if not pod["deleting"]} <= set(there)
    assert {pod["role"] for pod in state["pods"]} == {"app", "db"}
    assert chain["answering_pod"] in {pod["name"] for pod in state["pods"]}
    scaler = state["autoscaler"]
    assert (scaler["name"], scaler["minimum"], scaler["maximum"], scaler["cpu_target_percent"]) == ("app", 1, 2, 70)
    (claim,) = state["claims"]
    assert (claim["name"], claim["phase"], claim["capacity"]) == ("data-mongodb-0", "Bound", "1Gi")
    assert state["endpoint"]["url"] == service.url(stack)
    assert kube.versions(stack.namespace) == before


def test_status_for_people(stack: Shelterctl) -> None:
    stack("up", "--wait-hpa")
    ran = stack("status", "--check", output="table")
    first, *rest = ran.stdout.splitlines()
    assert first == f"{stack.namespace} @ minikube: everything runs as it was built"
    for word in (service.answering_tag(stack), service.url(stack), "mongodb-0", "data-mongodb-0", "HPA app"):
        assert any(word in line for line in rest), word


def test_nothing_is_deployed(namespace: Shelterctl) -> None:
    name = namespace.namespace
    for arguments, what in (
        (("status",), f"nothing is deployed in namespace {name} of minikube"),
        (("url",), f"there is no Service of the stack in namespace {name}"),
        (("logs",), "no pod of the app is there"),
        (("loadtest", "--users", "1", "--duration", "5s"), f"there is no Service of the stack in namespace {name}"),
    ):
        ran = namespace(*arguments, expect=4)
        assert (ran.error["type"], ran.error["what"], ran.error["next_command"]) == ("NotDeployed", what, namespace.aimed("up"))
    assert not kube.exists(name)


def test_watch_tells_a_change_and_ends_by_itself(stack: Shelterctl) -> None:
    app = "app.kubernetes.io/name=app"
    wait_until(lambda: len(kube.uids(stack.namespace, "pods", app)) == 1, "the end of an earlier revision's pod")
    running = stack.start("status", "watch", "--for", "10s", output="table")
    running.wait_for("pods app 1 of 1 ready, db 1 of 1 ready")
    (pod,) = kube.uids(stack.namespace, "pods", app)
    kube.kubectl("-n", stack.namespace, "delete", "pod", pod, "--wait=false")
    running.wait_for(f"pod {pod}")
    ran = running.end()
    assert ran.exit_code == 0, ran.shown()
    # One line for each change, each with its time, and no control characters: it is no terminal.
    assert "\x1b" not in ran.stdout + ran.stderr
    timed = [line for line in ran.stdout.splitlines() if line[2:3] == ":" and line[5:6] == ":"]
    assert any(pod in line for line in timed), ran.shown()
    stack("up")


def test_watch_ends_cleanly_on_ctrl_c(stack: Shelterctl) -> None:
    running = stack.start("status", "watch", output="jsonl")
    running.wait_for('"kind": "pods"')
    running.signal(signal.SIGINT)
    ran = running.end(timeout_s=15)
    assert ran.exit_code == 0, ran.shown()
    assert "Traceback" not in ran.stderr


def test_logs(stack: Shelterctl) -> None:
    service.write(service.url(stack), "in-the-log", {"a": 1})
    pods = set(kube.uids(stack.namespace, "pods", "app.kubernetes.io/name=app"))
    lines = [json.loads(line) for line in stack("logs", "--lines", "200").stdout.splitlines()]
    assert {line["pod"] for line in lines} == pods
    assert any("Listening at: http://0.0.0.0:8000" in line["line"] for line in lines)
    database = stack("logs", "db", output="table").stdout
    assert database.startswith("mongodb-0  ")


def test_logs_are_followed(stack: Shelterctl) -> None:
    running = stack.start("logs", "db", "--follow", "--lines", "1", output="table")
    running.wait_for("mongodb-0")
    assert running.process.poll() is None
    running.signal(signal.SIGINT)
    ran = running.end(timeout_s=15)
    assert "Traceback" not in ran.stderr
    assert ran.exit_code in (0, 130)


def test_version(stack: Shelterctl) -> None:
    found = stack("version").result
    assert list(found) == ["shelterctl", "python", "docker", "minikube", "kubernetes", "sources"]
    assert (found["kubernetes"][0], found["sources"]) == ("v", service.answering_tag(stack))
    assert not any(str(value).startswith("unknown") for value in found.values())


def test_runs_are_listed_and_shown(stack: Shelterctl) -> None:
    last = stack("up")
    listed = stack("runs", "list").document["result"]
    assert listed[-1] == {
        "run": last.document["run"],
        "command": "up",
        "exit_code": 0,
        "verdict": "",
        "tag": "",
        "finished_wall_s": last.document["finished_wall_s"],
        "damage": "",
    }
    assert stack("runs", "show", "last").document == last.document
    events = [json.loads(line) for line in stack("runs", "show", "last", "--events").stdout.splitlines()]
    assert [event["step"] for event in events if event["kind"] == "step_finished"] == [
        "prerequisites",
        "build",
        "load",
        "apply",
        "rollout",
        "answer",
    ]
    assert {event["schema"] for event in events} == {"shelterctl/1"}
    assert all(event["wall_s"] > 1e9 and event["monotonic_s"] > 0 for event in events)
    unknown = stack("runs", "show", "2001", expect=2)
    assert unknown.error["what"].startswith("no run is called “2001”")


def on_a_terminal(shelterctl: Shelterctl, columns: int, *arguments: str) -> tuple[int, str]:
    """Runs a command on a terminal of so many columns: its exit code, and all that the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    common = ("--namespace", shelterctl.namespace, "--state-dir", str(shelterctl.state_dir))
    defaults = shelterctl.defaults if arguments[0] == "up" else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "shelterctl", *arguments, *defaults, *common],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=shelterctl.folder,
        env={**clean_environment(), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            block = os.read(master, 65536)
        except OSError:  # Linux says so when the last process has closed the other end.
            break
        if not block:
            break
        shown += block
    os.close(master)
    return process.wait(10), shown.decode("utf-8", "replace")


@pytest.mark.parametrize("arguments", [("status",), ("up",), ("status", "watch", "--for", "4s"), ("runs", "list")])
def test_a_terminal_of_40_columns(stack: Shelterctl, arguments: tuple[str, ...]) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    stack("up")
    code, shown = on_a_terminal(stack, 40, *arguments)
    assert code == 0, shown
    assert "Traceback" not in shown
    lines = [Text.from_ansi(line).plain.rstrip() for line in shown.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    # A name of one word may be longer than the line: the terminal breaks it, and it can be copied whole.
    long = [line for line in lines if cell_len(line) > 40 and len(line.split()) > 1]
    assert long == []
    assert any(lines)
