"""This machine and its minikube profile, judged."""

from __future__ import annotations

import pytest

from shelterctl.core.checkup.check import CheckState, Repair, minor_version
from shelterctl.core.checkup.host import (
    DiskSpace,
    EngineFacts,
    KubeconfigFacts,
    MachineFacts,
    ToolFacts,
    judge_engine,
    judge_kubeconfig,
    judge_kubectl_skew,
    judge_machine,
    judge_reach,
    judge_tools,
)
from tests.core.checkup.examples import short

pytestmark = pytest.mark.unit

DISK = DiskSpace("/var/lib/docker", 50_000_000_000, 100_000_000_000)
RUNNING = MachineFacts("minikube", True, True, "running", "docker", "containerd", "v1.34.4")
TOOLS = ToolFacts("/bin/kubectl", "v1.34.4", "", "/bin/minikube")


def test_a_machine_as_it_should_be() -> None:
    found = list(judge_engine(EngineFacts("/bin/docker", "28.2", disk=DISK), minikube=True))
    assert [(f.check, f.state.value, f.found) for f in found] == [
        ("docker-program", "ok", "/bin/docker"),
        ("docker-engine", "ok", "28.2 answers"),
        ("docker-env", "ok", "this machine's own engine"),
        ("host-disk", "ok", "50.0 GB free of 100.0 GB at /var/lib/docker"),
    ]


def test_an_engine_that_does_not_answer_blocks_what_only_it_tells() -> None:
    facts = EngineFacts("", "", problem="Docker does not answer", mend="sudo systemctl start docker")
    found = list(judge_engine(facts, minikube=True))
    assert [(f.check, f.state, f.blocked_by) for f in found] == [
        ("docker-program", CheckState.PROBLEM, ""),
        ("docker-engine", CheckState.PROBLEM, ""),
        ("docker-env", CheckState.UNKNOWN, "docker-engine"),
        ("host-disk", CheckState.UNKNOWN, "docker-engine"),
    ]
    assert found[1].mend == "sudo systemctl start docker"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            EngineFacts("d", "28", inside_profile="minikube", disk=DISK),
            [("docker-env", "warning", "`minikube docker-env` is in force: docker means the engine inside minikube")],
        ),
        (
            EngineFacts("d", "28", host="tcp://far:2376", disk=DISK),
            [("docker-env", "warning", "the engine at tcp://far:2376 is on another machine")],
        ),
        (EngineFacts("d", "28"), [("host-disk", "unknown", "Docker's folder is not on a file system of this machine")]),
        (EngineFacts("d", "28", disk=DiskSpace("/d", 900_000_000, 10**10)), [("host-disk", "problem", "900 MB free of 10.0 GB at /d")]),
        (EngineFacts("d", "28", disk=DiskSpace("/d", 4_000_000_000, 10**10)), [("host-disk", "warning", "4.0 GB free of 10.0 GB at /d")]),
    ],
)
def test_traps_of_docker(facts: EngineFacts, expected: list[tuple[str, str, str]]) -> None:
    assert short(judge_engine(facts, minikube=True)) == expected


@pytest.mark.parametrize(
    ("tools", "state"),
    [
        (ToolFacts("/bin/kubectl", "", "", ""), CheckState.OK),
        (ToolFacts("", "", "/bin/kustomize", ""), CheckState.OK),
        (ToolFacts("", "", "", "/bin/minikube"), CheckState.WARNING),
        (ToolFacts("", "", "", ""), CheckState.PROBLEM),
    ],
)
def test_something_must_render_the_manifests(tools: ToolFacts, state: CheckState) -> None:
    assert [finding.state for finding in judge_tools(tools)] == [state]


@pytest.mark.parametrize(
    ("client", "server", "state"),
    [
        ("v1.34.4", "v1.33.0", CheckState.OK),
        ("v1.36.0", "v1.34.4", CheckState.WARNING),
        ("", "v1.34.4", CheckState.UNKNOWN),
    ],
)
def test_kubectl_is_supported_within_one_minor_version(client: str, server: str, state: CheckState) -> None:
    assert judge_kubectl_skew(ToolFacts("/bin/kubectl", client, "", ""), server).state is state


@pytest.mark.parametrize(
    ("facts", "state", "repair"),
    [
        (RUNNING, CheckState.OK, None),
        (MachineFacts("minikube", True, False, "exited", "docker"), CheckState.PROBLEM, Repair.START_MACHINE),
        # A mistyped name must not make a new cluster.
        (MachineFacts("minikub", False, False), CheckState.PROBLEM, None),
        # A paused profile is not started by `minikube start`.
        (MachineFacts("minikube", True, False, "paused", "docker"), CheckState.PROBLEM, None),
    ],
)
def test_the_profile_must_run(facts: MachineFacts, state: CheckState, repair: Repair | None) -> None:
    finding = judge_machine(facts)
    assert (finding.state, finding.repair) == (state, repair)


def test_the_docker_driver_is_within_reach_on_linux_only() -> None:
    assert [judge_reach(RUNNING, platform).state.value for platform in ("linux", "darwin", "win32")] == ["ok", "warning", "warning"]
    assert judge_reach(MachineFacts("minikub", False, False), "linux").state is CheckState.UNKNOWN


HERE = ("https://192.168.49.2:8443", "https://127.0.0.1:32771")


@pytest.mark.parametrize(
    ("facts", "state", "repair"),
    [
        (KubeconfigFacts("minikube", HERE[0], expected_servers=HERE), CheckState.OK, None),
        (KubeconfigFacts("minikube", HERE[1], expected_servers=HERE), CheckState.OK, None),
        (KubeconfigFacts("minikube", "https://127.0.0.1:30000", expected_servers=HERE), CheckState.PROBLEM, Repair.UPDATE_CONTEXT),
        (KubeconfigFacts("minikube", "", "no such context", ("kind",), HERE), CheckState.PROBLEM, Repair.UPDATE_CONTEXT),
        # Without the profile's address nothing proves that the context is stale, and nothing could mend it.
        (KubeconfigFacts("minikube", HERE[0]), CheckState.UNKNOWN, None),
        (KubeconfigFacts("minikube", "", "no such context"), CheckState.UNKNOWN, None),
    ],
)
def test_a_stale_kubeconfig_is_found_and_can_be_mended(facts: KubeconfigFacts, state: CheckState, repair: Repair | None) -> None:
    finding = judge_kubeconfig(facts, "minikube")
    assert (finding.state, finding.repair) == (state, repair)


def test_another_cluster_s_context_is_not_ours_to_mend() -> None:
    finding = judge_kubeconfig(KubeconfigFacts("prod", "", "no such context", ("minikube",)), None)
    assert (finding.state, finding.found, finding.repair) == (CheckState.PROBLEM, "no usable context prod (known: minikube)", None)


@pytest.mark.parametrize(
    ("text", "parsed"), [("v1.34.4", (1, 34)), ("1.27+", (1, 27)), ("v1.36.0-rc.1", (1, 36)), ("main", None), ("", None)]
)
def test_versions(text: str, parsed: tuple[int, int] | None) -> None:
    assert minor_version(text) == parsed
