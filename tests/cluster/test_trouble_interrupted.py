"""Commands that are cut off: by Ctrl-C, by SIGTERM, by SIGKILL, by an API server that goes away, by each other."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import kube, service
from tests.cluster.api_proxy import ApiProxy, api_server, kubeconfig
from tests.cluster.commands import Shelterctl
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

#: What an interruption in a step leaves, in the words that the user gets.
LEFT = {
    "build": "nothing was changed in the cluster",
    "load": "the node may hold a part of the image, which does no harm; nothing was applied",
    "rollout": "what was applied stays; `shelterctl up` goes on from there, `shelterctl down` removes it",
}


def interrupt(stack: Shelterctl, project: Project, step: str, said: str, sign: signal.Signals) -> None:
    running = stack.start("up", *project.option, output="jsonl")
    running.wait_for_step(step)
    running.wait_for(said)
    running.signal(sign)
    ran = running.end(timeout_s=30)
    assert ran.exit_code == 130, ran.shown()
    assert ran.error["type"] == "Interrupted"
    assert ran.error["what"].startswith("interrupted: ")
    # The commands in it carry this stack's namespace and folders.
    bare = [re.sub(r"`shelterctl (\w+)[^`]*`", r"`shelterctl \1`", text) for text in (ran.error["why"], " ".join(ran.stderr.split()))]
    assert bare[0] == LEFT[step]
    assert LEFT[step] in bare[1]
    folder = stack.runs("up")[-1]
    assert json.loads((folder / "result.json").read_text())["exit_code"] == 130


def test_up_is_interrupted_in_each_step_and_the_next_one_completes(stack: Shelterctl, project: Project) -> None:
    before, tag = kube.versions(stack.namespace), service.answering_tag(stack)
    project.prepend("app/shelter_app/live.py", "# interrupted\n")
    project.replace("app/Dockerfile", "WORKDIR /srv/app", "RUN sleep 60\nWORKDIR /srv/app")
    for sign in (signal.SIGINT, signal.SIGTERM):
        interrupt(stack, project, "build", "sleep 60", sign)
    project.replace("app/Dockerfile", "RUN sleep 60\n", "")
    interrupt(stack, project, "load", '"step": "load"', signal.SIGTERM)
    # Nothing was applied until now.
    assert kube.versions(stack.namespace) == before
    assert service.answering_tag(stack) == tag
    for sign in (signal.SIGTERM, signal.SIGINT):
        # A rollout of its own each: that of before goes on without the command, and may be over.
        project.prepend("app/shelter_app/live.py", "# interrupted\n")
        interrupt(stack, project, "rollout", '"kind": "step_progress", "step": "rollout"', sign)
    done = stack("up", *project.option).result
    assert done["chain"]["reference"] == f"shelter-app:{service.answering_tag(stack)}"
    assert service.answering_tag(stack) != tag


def test_a_killed_up_holds_up_nobody(namespace: Shelterctl) -> None:
    """SIGKILL in the middle: no lock stays, the next one goes on, and the record says that the first left no result."""
    running = namespace.start("up", output="jsonl")
    running.wait_for_step("rollout")
    running.signal(signal.SIGKILL)
    assert running.end().exit_code == -signal.SIGKILL
    passwords = kube.passwords(namespace.namespace)
    done = namespace("up").result
    assert done["chain"]["reference"] == f"shelter-app:{service.answering_tag(namespace)}"
    assert (done["secrets_created"], kube.passwords(namespace.namespace)) == ([], passwords)
    assert [run["exit_code"] for run in namespace("runs", "list").document["result"]] == [None, 0]


def test_several_at_the_same_time(stack: Shelterctl, project: Project) -> None:
    """One waits for the other and says so, and both end well; who does not want to wait that long is told who is at work."""
    project.prepend("app/shelter_app/live.py", "# several at the same time\n")
    first = stack.start("up", *project.option, output="jsonl")
    first.wait_for_step("build")
    second = stack.start("up", *project.option, output="json")
    hasty = stack("down", "--timeout", "1s", expect=5)
    assert hasty.error["type"] == "WaitTimeout"
    assert hasty.error["what"].startswith(f"shelterctl up (process {first.process.pid}, since ")
    assert hasty.error["what"].endswith(f") still works on {stack.namespace} in minikube")
    second.wait_for(f"Waiting: shelterctl up (process {first.process.pid}, since ")
    ends = [first.end(), second.end()]
    assert [ran.exit_code for ran in ends] == [0, 0], "\n".join(ran.shown() for ran in ends)
    assert ends[1].result["changed"] is False


@pytest.fixture
def proxy() -> Iterator[ApiProxy]:
    proxy = ApiProxy(api_server())
    yield proxy
    proxy.close()


def test_the_api_server_goes_away_while_up_waits(stack: Shelterctl, project: Project, proxy: ApiProxy, tmp_path: Path) -> None:
    project.prepend("app/shelter_app/live.py", "# the API server goes away\n")
    running = stack.start("up", *project.option, output="jsonl", environment=kubeconfig(tmp_path / "config", proxy.port))
    running.wait_for_step("rollout")
    proxy.cut()
    ran = running.end(timeout_s=60)
    assert ran.exit_code == 4, ran.shown()
    assert ran.error["type"] == "ApiUnreachable"
    assert str(proxy.port) in ran.error["what"]
    # What was applied goes on without shelterctl, and the next one finds it so.
    assert stack("up", *project.option).result["chain"]["reference"] == f"shelter-app:{service.answering_tag(stack)}"


def test_a_dropped_watch_is_taken_up_again(stack: Shelterctl, proxy: ApiProxy, tmp_path: Path) -> None:
    running = stack.start(
        "status", "watch", "--for", "14s", output="jsonl", environment=kubeconfig(tmp_path / "config", proxy.port)
    )  # fmt: skip
    running.wait_for('"kind": "pods"')
    proxy.cut()
    running.wait_for('"kind": "watch_dropped"')
    proxy.restore()
    running.wait_for('"kind": "watch_restored"')
    ran = running.end()
    assert ran.exit_code == 0, ran.shown()
    dropped = {event["resource"] for event in ran.events if event["kind"] == "watch_dropped"}
    restored = {event["resource"] for event in ran.events if event["kind"] == "watch_restored"}
    assert dropped <= restored


def test_the_stack_is_as_it_was(stack: Shelterctl) -> None:
    """After all that: the real sources again, in one `up`."""
    stack("up")
    assert [judgement["progress"] for judgement in stack("status").result["health"]["rollouts"]] == ["complete", "complete"]
