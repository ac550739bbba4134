"""The stacks of examples/ as their owners would drive them: inspect, init, up, a short load, kill-db, dns, down."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import kube
from tests.cluster.broken_scalers import causes_are_named
from tests.cluster.commands import Shelterctl, wait_until
from tests.cluster.examples import PROFILE, example, on_its_profile, pods

__all__ = ["on_its_profile"]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group(PROFILE), pytest.mark.usefixtures("on_its_profile")]


#: The wait for a default driver, and three readings by a client that takes its time where two cores do much else.
KILL_TIMEOUT_S = 300.0


def front_end(stack: Shelterctl) -> str:
    """Where the front end answers: it has a node port of its own."""
    (service,) = [s for s in kube.items(stack.namespace, "services") if s["metadata"]["name"] == "adoption-frontend"]
    (node,) = kube.items("default", "nodes")
    host = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    return f"http://{host}:{service['spec']['ports'][0]['nodePort']}"


def driven(
    stack: Shelterctl,
    write: str,
    *,
    load: Sequence[str] = ("--users", "10", "--duration", "8s"),
    most_failed: int = 0,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Every command of the README, each held to what its owner would expect; returns their results by command."""
    told = stack("inspect").result
    assert {claim["claim"]: claim["possible"] for claim in told["claims"]} == dict.fromkeys(
        ("deploys", "scales", "keeps its data", "resolves its names"), True
    )
    settled = stack("init").result["text"]
    assert f'request = "{write}"' in settled
    up = stack("up").result
    chain = up["chain"]
    assert chain["running_ids"] == [chain["built_id"]] == [chain["loaded_id"]]
    assert all(pod["ready"] for pod in up["pods"] if not pod["deleting"])
    loaded = stack("loadtest", *load, expect=None).result
    assert loaded["traffic"]["requests"] > 20
    assert loaded["traffic"]["failures"] <= most_failed, loaded["traffic"]["failure_kinds"]
    meanwhile()
    killed = stack("chaos", "kill-db", "--warm-up", "2s", timeout_s=KILL_TIMEOUT_S).result
    assert killed["judgement"]["verdict"] == "PASS", killed["judgement"]
    assert killed["acknowledged"] > 10
    assert [killed["counts"][kind] for kind in ("lost", "corrupt", "phantom", "duplicate")] == [0, 0, 0, 0]
    assert stack("dns", "check").result["judgement"]["verdict"] == "PASS"
    return {"inspect": told, "up": up, "load": loaded, "kill": killed}


def taken_away(stack: Shelterctl) -> None:
    removed = stack("down", "--delete-data", "--yes").result["removed"]
    assert any(name.startswith("deployment/") for name in removed)
    assert not any(name.startswith(("namespace/", "persistentvolume/")) for name in removed)


def browser(url: str, *words: str) -> dict[str, Any]:
    """A step in a real browser, from a container that shares this machine's network."""
    ran = subprocess.run(
        ["docker", "run", "--rm", "--network", "host", "adoption-browser", url, *words],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


#: Asks for a port from a pod that is nobody's.
STRANGER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stranger"},
    "spec": {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "asks",
                "image": "busybox:1.37",
                "imagePullPolicy": "IfNotPresent",
                "command": ["nc", "-z", "-w", "5", "adoption-db", "3306"],
            }
        ],
    },
}


def only_the_api_reaches_the_database(stack: Shelterctl) -> None:
    """Where the cluster enforces policies; where it does not, nothing may say so."""
    (fact,) = [fact for fact in stack("inspect").result["facts"] if "NetworkPolicy" in fact["text"]]
    assert fact["text"] == "NetworkPolicy adoption-db-from-backend lets in pods with app=adoption-backend"
    assert "shelterctl doctor" in fact["why"]
    found = {item["check"]: item for item in stack("doctor", expect=None).result["findings"]}["network-policies"]
    asks = "import socket; socket.create_connection(('adoption-db', 3306), 5).close()"
    kube.kubectl("-n", stack.namespace, "exec", "deployment/adoption-backend", "--", "python", "-c", asks)
    subprocess.run(["minikube", "-p", kube.CONTEXT, "image", "load", "busybox:1.37"], check=True, capture_output=True, timeout=180)
    kube.kubectl("-n", stack.namespace, "apply", "-f", "-", stdin=json.dumps(STRANGER))

    def phase() -> str:
        now = kube.get(stack.namespace, "pod", "stranger")["status"]["phase"]
        return now if now in ("Succeeded", "Failed") else ""

    reached = wait_until(phase, "the stranger's answer") == "Succeeded"
    kube.kubectl("-n", stack.namespace, "delete", "pod", "stranger", "--wait=false")
    # "unknown" claims nothing; what is claimed must be so.
    assert (found["state"], reached) in (("ok", False), ("warning", True), ("unknown", True), ("unknown", False)), found
    if reached:
        assert "keep nobody out" in found["why"], found


def test_adoption_in_three_tiers(tmp_path: Path) -> None:
    images = ["dog-adoption-backend", "dog-adoption-frontend", "dog-adoption-db"]
    with example("adoption", tmp_path, images=images, volumes=["adoption-db-pv"], paths=["/data/adoption-db"]) as adoption:
        build = ["docker", "build", "--quiet", "--tag", "adoption-browser", str(Path(__file__).with_name("browser"))]
        subprocess.run(build, check=True, capture_output=True, timeout=400)
        found = driven(adoption, "POST /api/dogs", meanwhile=lambda: browser(front_end(adoption), "offer", "Waldi of the browser"))
        # The database was killed since.
        assert browser(front_end(adoption), "sees", "Waldi of the browser")["ok"]
        only_the_api_reaches_the_database(adoption)
        # The front end is waited for and shown, too, and each image was built from its own folder.
        names = {pod["workload"] for pod in found["up"]["pods"]}
        assert names == {"adoption-backend", "adoption-frontend", "adoption-db"}
        assert found["kill"]["server"].startswith("MariaDB")
        logs = adoption("logs", "adoption-frontend", output="table").stdout
        assert "GET /api/dogs" in logs
        taken_away(adoption)


def test_catalog(tmp_path: Path) -> None:
    with example("catalog", tmp_path, images=["image: catalog"], spaces=["web", "data"]) as catalog:
        up = driven(catalog, "POST /api/items")["up"]
        assert up["endpoint"]["url"].startswith("http://127.0.0.1:"), "its Service has no address outside: a tunnel"
        taken_away(catalog)


def test_kustomized_by_its_overlay_for_here(tmp_path: Path) -> None:
    with example("kustomized", tmp_path, images=["bookmarks-web"]) as kustomized:
        found = driven(kustomized, "POST /bookmarks")
        assert [question["setting"] for question in found["inspect"]["questions"]] == ["stack.manifests"]
        # Built, loaded and run under the name that the overlay gives it.
        named = {container["image"] for pod in pods(kustomized) for container in pod["spec"]["containers"]}
        assert any(re.fullmatch(r"bookmarks-web-[0-9a-f]{6}:dev", image) for image in named), named
        # A generated ConfigMap that changes is a new object, and the pods follow it.
        overlay = kustomized.folder / "deploy/overlays/dev/kustomization.yaml"
        overlay.write_text(overlay.read_text().replace("bookmarks_dev", "bookmarks_two"))
        before = {pod["metadata"]["name"] for pod in pods(kustomized) if pod["metadata"]["labels"]["app"] == "web"}
        kustomized("up")
        after = {pod["metadata"]["name"] for pod in pods(kustomized) if "deletionTimestamp" not in pod["metadata"]}
        assert not before & after
        taken_away(kustomized)


def test_ledger_on_postgresql(tmp_path: Path) -> None:
    with example("ledger", tmp_path, images=["image: ledger-web", "image: ledger-db"]) as ledger:
        found = driven(ledger, "POST /entries", load=("--users", "20", "--duration", "15s"))
        assert found["kill"]["server"].startswith("PostgreSQL 17.")
        facts = found["kill"]["proof"]["facts"]
        assert any("database system was not properly shut down" in fact for fact in facts), facts
        # The same as a user of a Secret, and where its owner says the writes lie; a wrong place is told before anything is killed.
        settings = ledger.folder / "shelterctl.toml"
        named = 'secret = "ledger-database/username/password"'
        settings.write_text(f'[database]\n{named}\nplace = "entries:account"\n')
        again = ledger("chaos", "kill-db", "--warm-up", "2s", "--mode", "delete").result
        assert again["judgement"]["verdict"] == "PASS", again["judgement"]
        settings.write_text(f'[database]\n{named}\nplace = "entries:amount"\n')
        assert "the write does not lie there, but at ledger.public.entries:account" in ledger("chaos", "kill-db", expect=3).error["what"]
        settings.write_text('[database]\nsecret = "ledger-database/username/pass"\n')
        assert "has no key pass" in ledger("chaos", "kill-db", expect=None).error["what"]
        settings.unlink()
        taken_away(ledger)


def test_notes_001_with_everything_in_one_namespace(tmp_path: Path) -> None:
    with example("notes-001", tmp_path, images=["notes-web"]) as notes:
        driven(notes, "POST /data")
        taken_away(notes)


def test_notes_002_whose_autoscaler_never_moved(tmp_path: Path) -> None:
    with example(
        "notes-002", tmp_path, images=["image: notes-002"], volumes=["notes-002-pv"], paths=["/mnt/data/notes-002"], spaces=["mongo"]
    ) as notes:
        driven(notes, "POST /notes", load=("--users", "20", "--duration", "20s"))
        causes_are_named(notes, f"mongo-{notes.namespace.rpartition('-')[2]}", "notes")
        taken_away(notes)


#: The folders of the variant with three members.
MEMBERS = '[stack]\nmanifests = ["k8s/app", "k8s/database/setup.yaml", "variants/replica-set"]\n'
METRICS = ("metrics-addon", "metrics-api", "metrics-samples")


def test_notes_003_in_two_namespaces(tmp_path: Path) -> None:
    with example("notes-003", tmp_path, images=["image: notes-003"], spaces=["notes-003", "notes-003-db"]) as notes:
        found = driven(notes, "POST /api/notes")
        assert any(question["setting"] == "stack.manifests" for question in found["inspect"]["questions"])
        metrics_are_missing_and_mended(notes)
        taken_away(notes)
        three_members(notes)


def metrics_are_missing_and_mended(stack: Shelterctl) -> None:
    addons = ["minikube", "-p", kube.CONTEXT, "addons"]
    subprocess.run([*addons, "disable", "metrics-server"], check=True, capture_output=True, timeout=120)
    try:
        ran = stack("doctor", expect=3)
        told = {item["check"]: item for item in ran.result["findings"]}
        assert {name: told[name]["state"] for name in METRICS} == dict.fromkeys(METRICS, "problem"), ran.shown()
        assert "addons enable metrics-server" in told["metrics-addon"]["mend"], ran.shown()
        ran = stack("doctor", "--fix", "--timeout", "240s", expect=None, timeout_s=300.0)
        assert [(item["repair"], item["proven"]) for item in ran.result["mended"]] == [("enable metrics-server", True)], ran.shown()
    finally:
        subprocess.run([*addons, "enable", "metrics-server"], check=True, capture_output=True, timeout=120)


def three_members(stack: Shelterctl) -> None:
    """A server that knows no replica sets says so, and `up` says it on; with one that does, killing a member is refused."""
    (stack.folder / "shelterctl.toml").write_text(MEMBERS)
    possible = {claim["claim"]: claim["possible"] for claim in stack("inspect").result["claims"]}
    assert (possible["deploys"], possible["keeps its data"]) == (True, False)
    ran = stack("up", "--timeout", "140s", expect=None)
    if ran.exit_code == 0:
        refused = stack("chaos", "kill-db", expect=3).error
        assert "3 pods of the database run: killing one of several is another experiment" in refused["what"]
    else:
        assert (ran.exit_code, ran.error["type"]) == (4, "RolloutFailed"), ran.shown()
        assert ran.error["what"].startswith("mongo: container mongo of pod mongo-"), ran.shown()
        assert any("replica set" in line or "replSet" in line for line in ran.error["details"]), ran.shown()
    taken_away(stack)


def test_notes_004_by_its_names_of_a_hub(tmp_path: Path) -> None:
    with example("notes-004", tmp_path, images=["someuser/notes-api"]) as notes:
        # Its README's `ab -n 1000 -c 100`.
        # A hundred at once on a machine that does other work: a connection may be reset, as with ab.
        found = driven(notes, "POST /notes", load=("--requests", "1000", "--concurrency", "100"), most_failed=20)
        assert found["load"]["traffic"]["requests"] >= 1000, found["load"]["traffic"]
        taken_away(notes)
