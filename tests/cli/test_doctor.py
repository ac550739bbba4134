"""`doctor` as it is printed: with nothing there at all, and what its exit codes say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shelterctl.adapters.local import examiner
from shelterctl.cli.render import doctor as render
from shelterctl.core.checkup import own, stack
from shelterctl.core.checkup.check import Area, Check, Checkup, Finding, Mended, Repair, StuckPod, count_states, in_order, wanted_repairs

ENGINE = Check("docker-engine", Area.HOST, "Docker engine", essential=True)
DISK = Check("host-disk", Area.HOST, "Docker's disk")
ENV = Check("docker-env", Area.HOST, "Docker target")
METRICS = Check("metrics-addon", Area.METRICS, "metrics-server", essential=True)
DATABASE = Check("rollout-db", Area.STACK, "database's pod", essential=True)
IMAGE = Check("image", Area.STACK, "image")
DEPLOYED = Check("deployed", Area.STACK, "deployed")

OFF = METRICS.problem(
    "the add-on is off", "without it the HPA never scales", "minikube addons enable metrics-server", Repair.ENABLE_METRICS
)
STUCK = DATABASE.problem(
    "mongodb-0 is stuck", "nobody replaces it", "kubectl delete pod mongodb-0", Repair.REPLACE_STUCK_POD, StuckPod("s", "mongodb-0", "u")
)


def checkup(*findings: Finding, mended: tuple[Mended, ...] = ()) -> Checkup:
    return Checkup("minikube", "shelter", in_order(findings), mended, 1.5, count_states(findings))


def printed(result: Checkup, *, width: int = 80, verbose: bool = False, fix: bool = False) -> list[str]:
    return [line.text for line in render.lines(result, width=width, verbose=verbose, fix=fix)]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((ENGINE.ok("28.2"), DISK.warning("4 GB", "little", "df")), 0),
        ((ENGINE.unknown("no answer"), OFF, STUCK), 3),
        ((ENGINE.ok("28.2"), STUCK, METRICS.unknown("no answer")), 6),
        ((METRICS.unknown("no answer"),), 7),
        ((DISK.unknown("no answer"), DEPLOYED.skipped("nothing is deployed")), 0),
    ],
)
def test_exit_codes(findings: tuple[Finding, ...], code: int) -> None:
    assert render.exit_code(checkup(*findings)) == code


@pytest.mark.unit
def test_problems_carry_why_and_the_command_that_mends_them() -> None:
    assert printed(checkup(ENGINE.ok("28.2 answers"), OFF, DISK.ok("50.0 GB free"))) == [
        "This machine",
        "  ✓ Docker engine           28.2 answers",
        "  ✓ Docker's disk           50.0 GB free",
        "Metrics",
        "  ✗ metrics-server          the add-on is off",
        "      Why:  without it the HPA never scales",
        "      Mend: minikube addons enable metrics-server   (--fix does it)",
        "",
        "1 problem; 2 checks are well.   Next: shelterctl doctor --fix",
    ]


@pytest.mark.unit
def test_checks_that_one_failure_blocks_share_a_line_unless_asked_for() -> None:
    broken = ENGINE.problem("nothing listens", "no image can be built", "sudo systemctl start docker")
    blocked = [check.unknown("the engine does not answer", blocked_by="docker-engine") for check in (DISK, ENV)]
    skipped = [check.skipped("not deployed") for check in (DATABASE, IMAGE)]
    result = checkup(broken, *blocked, *skipped)
    assert printed(result) == [
        "This machine",
        "  ✗ Docker engine           nothing listens",
        "      Why:  no image can be built",
        "      Mend: sudo systemctl start docker",
        "  ? not checked             Docker's disk, Docker target: first mend Docker",
        "                            engine",
        "Stack",
        "  - not deployed            database's pod, image",
        "",
        "1 problem, 2 unknown; 0 checks are well.   Next: sudo systemctl start docker",
    ]
    assert [text for text in printed(result, verbose=True) if text.startswith(("  ?", "  -"))] == [
        "  ? Docker's disk           the engine does not answer",
        "  ? Docker target           the engine does not answer",
        "  - database's pod          not deployed",
        "  - image                   not deployed",
    ]


@pytest.mark.unit
@pytest.mark.parametrize("looked", [stack.DEPLOYED, own.PARTS, examiner.SUPERVISOR], ids=lambda check: check.id)
def test_where_nothing_is_deployed_the_next_command_deploys(looked: Check) -> None:
    """Whatever the target: `status` would only say that nothing is there."""
    assert printed(checkup(looked.skipped("nothing is deployed")))[-1].endswith("Next: shelterctl up")
    assert printed(checkup(looked.ok("there")))[-1].endswith("Next: shelterctl status")


@pytest.mark.unit
def test_what_is_undecided_is_named() -> None:
    assert printed(checkup(METRICS.unknown("no answer in time", "kubectl top nodes"))) == [
        "Metrics",
        "  ? metrics-server          no answer in time",
        "      Mend: kubectl top nodes",
        "",
        "1 unknown; 0 checks are well. Undecided: metrics-server.   Next: kubectl top",
        "  nodes",
    ]


@pytest.mark.unit
def test_what_fix_did_and_what_it_could_not() -> None:
    mended = (Mended(Repair.ENABLE_METRICS, True, 79.2), Mended(Repair.REPLACE_STUCK_POD, False, 300.0, "database's pod: starting"))
    assert printed(checkup(METRICS.ok("ready"), STUCK, mended=mended), fix=True)[-3:] == [
        "Mended: enable metrics-server, well after 1 min 19 s",
        "Not mended after 5 min: replace the stuck pod: database's pod: starting",
        "1 problem; 1 check is well.   Next: kubectl delete pod mongodb-0",
    ]


@pytest.mark.unit
def test_forty_columns_are_enough() -> None:
    assert printed(checkup(DISK.ok("50.0 GB free of 100.0 GB at /var/lib/docker")), width=40)[:4] == [
        "This machine",
        "  ✓ Docker's disk",
        "    50.0 GB free of 100.0 GB at",
        "    /var/lib/docker",
    ]


@pytest.mark.unit
def test_each_repair_runs_once_and_in_its_order() -> None:
    again = METRICS.problem("not registered", "why", "mend", Repair.ENABLE_METRICS)
    assert [f.found for f in wanted_repairs([STUCK, OFF, again, ENGINE.ok("28.2")])] == ["the add-on is off", "mongodb-0 is stuck"]


@pytest.mark.local
def test_with_nothing_there_at_all(tmp_path: Path) -> None:
    """No program on the PATH, no engine, no kubeconfig, no profile: every check is accounted for, and none is well."""
    environment = {
        "PATH": "/nonexistent", "HOME": str(tmp_path), "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "KUBECONFIG": str(tmp_path / "none"),
    }  # fmt: skip
    command = [sys.executable, "-m", "shelterctl", "doctor", "--target", "minikube", "--output", "json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 3, ran.stderr
    result = json.loads(ran.stdout)["result"]
    problems = {f["check"]: f["found"] for f in result["findings"] if f["state"] == "problem"}
    assert {name: found.partition(":")[0] for name, found in problems.items()} == {
        "docker-program": "not on the PATH",
        "docker-engine": "Docker does not answer",
        "kustomize": "neither kubectl nor kustomize is on the PATH",
        "minikube-program": "not on the PATH",
        "api-server": "the kubeconfig has no usable context “minikube”",
    }
    assert result["counts"] == {"ok": 0, "warning": 0, "problem": 5, "unknown": 44, "skipped": 0}
    assert not [f for f in result["findings"] if "fault of shelterctl" in f["found"]]
