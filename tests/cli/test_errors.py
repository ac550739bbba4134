"""Bad input and trouble, each with its words and its exit code; nothing of it touches a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.running import ROOT, TIMEOUT_S, CommandLine, Ran

pytestmark = pytest.mark.local

GONE = (
    "✗ the API server https://127.0.0.1:1 does not answer\n  Why:  [Errno 111] Connection refused\n"
    "  Next: shelterctl doctor --context gone\n"
)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["bogus"],
            "Usage: shelterctl [OPTIONS] COMMAND [ARGS]...\nTry 'shelterctl -h' for help.\n\n"
            "Error: No such command 'bogus'. Did you mean 'logs'?\n",
        ),
        (
            ["up", "--nonsense"],
            "Usage: shelterctl up [OPTIONS]\nTry 'shelterctl up -h' for help.\n\nError: No such option: --nonsense\n",
        ),
        (
            ["loadtest", "--users", "many"],
            "Usage: shelterctl loadtest [OPTIONS] [locust_options]...\nTry 'shelterctl loadtest -h' for help.\n\n"
            "Error: Invalid value for '--users': 'many' is not a valid int.\n",
        ),
        (
            ["status", "-q", "watch"],
            "Usage: shelterctl status [OPTIONS] COMMAND [ARGS]...\nTry 'shelterctl status -h' for help.\n\n"
            "Error: Invalid value: give the options after `watch`\n",
        ),
        (["loadtest", "--users", "0"], "✗ --users 0: at least one user\n  Next: shelterctl loadtest --help\n"),
        (["loadtest", "--users", "-1"], "✗ --users -1: at least one user\n  Next: shelterctl loadtest --help\n"),
        (
            ["loadtest", "--users", "10000000"],
            "✗ --users 10000000: one generator process runs at most 20,000 users (--processes)\n  Next: shelterctl loadtest --help\n",
        ),
        (
            ["loadtest", "--duration", "soon"],
            "✗ --duration: “soon” is not a duration: write 45s, 5m or 1m30s\n  Next: shelterctl loadtest --help\n",
        ),
        (
            ["loadtest", "--spawn-rate", "nan"],
            "✗ --spawn-rate nan: users per second, more than 0 and at most 1,000\n  Next: shelterctl loadtest --help\n",
        ),
        (["chaos", "kill-db", "--warm-up", "-3s"], "✗ “-3s” is not a duration: write 45s, 5m or 1m30s\n"),
        (["chaos", "kill-db", "--warm-up", "1h"], "✗ --warm-up and --recovery-timeout: from 1 s to 10 min\n"),
        (["chaos", "kill-db", "--writers", "0"], "✗ --writers 0: from 1 to 64\n"),
        (["chaos", "kill-db", "--mode", "sigkil"], "✗ --mode sigkil: delete, force-delete, sigkill (did you mean sigkill?)\n"),
        (
            ["up", "--timeout", "5x"],
            "✗ the command line: timeout = '5x'\n  Why:  “5x” is not a duration: write 45s, 5m or 1m30s\n",
        ),
        (
            ["up", "--adopt", "--target", "local"],
            "✗ --adopt: a stack that runs already is taken as it is on a cluster only\n"
            "  Why:  on this machine `up` builds and deploys this folder\n"
            "  Next: shelterctl up --adopt --target minikube\n",
        ),
        (
            ["loadtest", "--workers", "4"],
            "✗ --workers 4: names of machines, or with --in-cluster a number\n  Why:  processes of this machine are --processes 4\n"
            "  Next: shelterctl loadtest --help\n",
        ),
        (["up", "--timeout", "0"], "✗ --timeout must be more than 0 s\n"),
        (["up", "--min", "5", "--max", "2"], "✗ --min 5 is more than --max 2\n  Next: shelterctl up --help\n"),
        (
            ["up", "--node-port", "80"],
            "✗ --node-port 80: a port from 30000 to 32767, the range of NodePorts\n  Next: shelterctl up --help\n",
        ),
        (
            ["status", "--namespace", "Bad_Name"],
            "✗ namespace “Bad_Name” cannot be the name of one\n"
            "  Why:  a name has lower-case letters, digits and hyphens, and at most 60 of them\n",
        ),
        (["runs", "list", "-o", "nonsense"], "✗ output “nonsense” is not known\n  Next: --output table, json or jsonl\n"),
        (["logs", "--lines", "0"], "✗ --lines 0: from 1 to 100,000\n"),
        (["logs", "--follow", "--previous"], "✗ --previous is over: it cannot be followed\n"),
        (["runs", "show", "last"], "✗ there is no run in .shelterctl/runs\n  Next: shelterctl prove\n"),
        (
            ["runs", "show", "last", "--writes"],
            "✗ no run in .shelterctl/runs has an account of writes\n  Next: shelterctl chaos kill-db\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant(shelterctl: CommandLine, arguments: list[str], error: str) -> None:
    assert shelterctl.run(*arguments) == Ran(2, "", error)
    assert list((shelterctl.folder / "work").iterdir()) == []


def test_an_unknown_variable(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("runs", "list", SHELTERCTL_USER="1")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("✗ the environment: no setting is called SHELTERCTL_USER (did you mean SHELTERCTL_USERS?)\n")


def test_an_unknown_setting(shelterctl: CommandLine) -> None:
    (shelterctl.folder / "work" / "shelterctl.toml").write_text("user = 3\n")
    ran = shelterctl.run("runs", "list")
    assert (ran.code, ran.out) == (2, "")
    assert "shelterctl.toml: no setting is called user (did you mean users?)" in ran.err.replace("\n  ", " ")


def test_an_unknown_context(shelterctl: CommandLine) -> None:
    assert shelterctl.run("url", "--context", "nope") == Ran(
        3, "", "✗ the kubeconfig has no usable context “nope”\n  Why:  Known contexts: gone.\n  Next: kubectl config get-contexts\n"
    )


@pytest.mark.parametrize("content", ["a: [", "[]", "", "contexts: 3"])
def test_a_kubeconfig_that_is_none(shelterctl: CommandLine, content: str) -> None:
    (shelterctl.folder / "kubeconfig").write_text(content)
    ran = shelterctl.run("url", "--context", "gone")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("✗ the kubeconfig has no usable context “gone”\n  Why:  No kubeconfig can be used: ")


def test_an_api_server_that_is_gone(shelterctl: CommandLine) -> None:
    assert shelterctl.run("url", "--context", "gone") == Ran(4, "", GONE)


def test_the_same_for_a_machine(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("url", "--context", "gone", "--output", "json")
    assert (ran.code, ran.err) == (4, GONE)
    assert json.loads(ran.out) == {
        "schema": "shelterctl/1",
        "command": "url",
        "exit_code": 4,
        "result": None,
        "error": {
            "type": "ApiUnreachable",
            "what": "the API server https://127.0.0.1:1 does not answer",
            "why": "[Errno 111] Connection refused",
            "next_command": "shelterctl doctor --context gone",
            "details": [],
        },
    }


def test_as_lines_for_a_machine(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("down", "--context", "gone", "--yes", "--output", "jsonl")
    assert ran.code == 4
    documents = [json.loads(line) for line in ran.out.splitlines()]
    assert [document["kind"] for document in documents] == ["step_started", "step_finished", "result"]
    (folder,) = (shelterctl.folder / "work" / ".shelterctl" / "runs").iterdir()
    assert documents[-1]["run"] == folder.name
    kept = json.loads((folder / "result.json").read_text())
    assert (kept["exit_code"], kept["error"]) == (4, documents[-1]["error"])
    assert "secret-token" not in "".join(path.read_text() for path in folder.iterdir())


def test_a_traceback_is_shown_to_who_asks_and_holds_no_secret(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("url", "--context", "gone", "--debug")
    assert (ran.code, ran.out) == (4, "")
    assert "Traceback (most recent call last):" in ran.err
    assert "secret-token" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--context", "gone"], "Context gone, namespace shelter: the stack is deployed here"),
        (["down", "--context", "gone"], "Context gone, namespace shelter: the stack is removed here"),
        (["chaos", "kill-db", "--context", "gone"], "Context gone, namespace shelter: the database is killed here"),
    ],
)
def test_another_context_is_shown_and_must_be_confirmed(shelterctl: CommandLine, arguments: list[str], words: str) -> None:
    asked = "✗ context gone is not that of the minikube profile, and nobody can be asked\n  Next: the same with --yes\n"
    assert shelterctl.run(*arguments) == Ran(3, "", f"{words}\n{asked}")
    assert list((shelterctl.folder / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["down", "--delete-data"], "Deleting the database's data and passwords in namespace shelter"),
        (["chaos", "kill-db", "--accept-ephemeral"], "Killing a database without a claim"),
    ],
)
def test_data_are_not_given_up_unasked(shelterctl: CommandLine, arguments: list[str], what: str) -> None:
    ran = shelterctl.run(*arguments, "--target", "minikube")
    assert (ran.code, ran.out) == (3, "")
    assert " ".join(ran.err.split()) == f"✗ {what} cannot be undone, and nobody can be asked Next: the same with --yes"


def test_a_state_folder_that_cannot_be_written(shelterctl: CommandLine) -> None:
    (shelterctl.folder / "work" / "state").write_text("")
    ran = shelterctl.run("down", "--context", "gone", "--yes", "--state-dir", "state")
    assert ran == Ran(
        3,
        "",
        "Context gone, namespace shelter: the stack is removed here\n"
        "✗ state cannot be written\n  Why:  Not a directory\n  Next: name another folder with --state-dir\n",
    )


def test_a_home_that_is_not_there(shelterctl: CommandLine) -> None:
    assert shelterctl.run("runs", "list", HOME="/nonexistent") == Ran(0, "No runs yet.   Next: shelterctl up\n", "")


def test_a_lock_that_cannot_be_taken(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("down", "--context", "gone", "--yes", TMPDIR=str(shelterctl.folder / "kubeconfig"), HOME="/nonexistent")
    assert ran.code in (3, 4)
    assert "unexpected" not in ran.err


def test_a_folder_that_is_gone(shelterctl: CommandLine) -> None:
    work = shelterctl.folder / "work"
    code = f"import os, sys; os.rmdir({str(work)!r}); from shelterctl.cli.app import main; sys.exit(main(['runs', 'list']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=work,
        env=shelterctl.environment({}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("✗ the current folder is not there any more\n")


def test_no_runs_yet(shelterctl: CommandLine) -> None:
    assert shelterctl.run("runs", "list") == Ran(0, "No runs yet.   Next: shelterctl up\n", "")


def test_an_error_is_kept_and_shown_again(shelterctl: CommandLine) -> None:
    shelterctl.run("down", "--context", "gone", "--yes")
    (folder,) = (shelterctl.folder / "work" / ".shelterctl" / "runs").iterdir()
    listed = shelterctl.run("runs", "list")
    assert listed.out.splitlines()[1].split() == [folder.name, "4"]
    shown = shelterctl.run("runs", "show")
    assert shown.code == 0
    assert GONE.splitlines()[0] in shown.out
    assert "exit 4" in shown.out


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_waiting_for_another_command(shelterctl: CommandLine, sign: signal.Signals) -> None:
    holder = """
from shelterctl.adapters.runs.lock import StackLock
lock = StackLock("gone", "shelter")
list(lock.acquire("up", timeout_s=30))
print("held", flush=True)
input()
"""
    environment = shelterctl.environment({})
    work = shelterctl.folder / "work"
    with subprocess.Popen(
        [sys.executable, "-c", holder], env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        command = [sys.executable, "-m", "shelterctl", "down", "--context", "gone", "--yes"]
        second = subprocess.Popen(command, env=environment, cwd=work, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert second.stderr.readline() == "Context gone, namespace shelter: the stack is removed here\n"
        waiting = second.stderr.readline()
        assert waiting.startswith(f"Waiting: shelterctl up (process {first.pid}, since ")
        time.sleep(0.1)
        second.send_signal(sign)
        with second.stderr:
            rest = second.stderr.read()
        assert second.wait(timeout=TIMEOUT_S) == 130
        assert "✗ interrupted\n" in rest
        assert "Traceback" not in rest
        first.kill()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 4), ("yes\n", 4), ("n\n", 3), ("\n", 3), ("ja\n", 3)])
def test_the_question_before_another_context(shelterctl: CommandLine, answer: str, code: int) -> None:
    ran = shelterctl.on_terminal("down", "--context", "gone", columns=80, answer=answer, NO_COLOR="1", CI="1")
    assert ran.code == code
    assert "Context gone, namespace shelter: the stack is removed here" in ran.out
    assert "Go on there? [y/N]" in ran.out
    assert ("nothing was done in context gone" in ran.out) == (code == 3)


def test_no_name_of_a_profile_gets_past_the_question(shelterctl: CommandLine) -> None:
    """minikube has no profile of that name, and the kubeconfig has a context: whose cluster that is, nobody knows."""
    what = "context gone is not that of the minikube profile, and nobody can be asked"
    for ran in (shelterctl.run("down", "--profile", "gone"), shelterctl.run("down", SHELTERCTL_PROFILE="gone")):
        assert (ran.code, f"✗ {what}" in ran.err) == (3, True)
    settings = shelterctl.folder / "work" / "shelterctl.toml"
    settings.write_text('profile = "gone"\n')
    assert f"✗ {what}" in shelterctl.run("down").err
    settings.write_text('profile = "gone"\nyes = true\n')
    ran = shelterctl.run("down")
    assert (ran.code, "yes is given on the command line alone" in " ".join(ran.err.split())) == (2, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
@pytest.mark.parametrize("key", ["context", "profile"])
def test_nobody_else_chooses_the_cluster(shelterctl: CommandLine, key: str) -> None:
    settings = shelterctl.folder / "work" / "shelterctl.toml"
    settings.write_text(f'{key} = "gone"\n')
    os.chown(settings, 12345, -1)
    ran = shelterctl.run("down", "--yes")
    assert (ran.code, f"belongs to another user: its {key} is not taken" in " ".join(ran.err.split())) == (2, True)
    settings.write_text("users = 5\n")
    assert shelterctl.run("runs", "list").code == 0


@pytest.mark.parametrize(("answer", "refused"), [("n\n", True), ("\n", True), ("y\n", False)])
def test_the_question_before_data_are_deleted(shelterctl: CommandLine, answer: str, refused: bool) -> None:
    question = "Deleting the database's data and passwords in namespace shelter cannot be undone. Go on? [y/N]"
    ran = shelterctl.on_terminal("down", "--delete-data", "--context", "gone", columns=120, answer="y\n" + answer, NO_COLOR="1", CI="1")
    assert question in ran.out
    assert ran.code == (3 if refused else 4)
    assert ("nothing was done" in ran.out) == refused
