"""A report says what the runs' records say, part by part, and says so where a part is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shelterctl.core.report.document import Card, Document, Listing, Paragraph, Table
from shelterctl.core.verdict import Verdict
from tests.core.report import folders
from tests.core.report.folders import DNS, KILL, LOAD, PROVE, UP, document, every, write

pytestmark = pytest.mark.unit


def cards(found: Document, section: str = "The claims") -> dict[str, Card]:
    return {block.title: block for each in found.sections if each.title == section for block in each.blocks if isinstance(block, Card)}


def texts(found: Document) -> str:
    return json.dumps([repr(section) for section in found.sections], ensure_ascii=False)


def titles(found: Document) -> list[str]:
    return [section.title for section in found.sections]


def table(found: Document, caption: str) -> Table:
    return next(b for s in found.sections for b in s.blocks if isinstance(b, Table) and b.caption.startswith(caption))


def test_every_part_in_its_order(tmp_path: Path) -> None:
    every(tmp_path)
    found = document(tmp_path)
    assert titles(found) == [
        "The claims",
        "What was not shown",
        f"The stack as found: {UP}",
        f"Load: {LOAD}",
        f"Fault: {KILL}",
        f"DNS: {DNS}",
        "Settings, versions, clocks, gaps",
        "The files it was made from",
    ]
    assert [card.verdict for card in cards(found).values()] == [Verdict.PASS] * 4
    assert cards(found)["Scales"].command == "shelterctl loadtest --users 200 --spawn-rate 20 --duration 60s"
    assert "a power failure" in cards(found, "What was not shown")["What this kill does not cover"].sentence
    assert [picture.name for picture in found.pictures] == ["stack", f"load-{LOAD}", f"latency-{LOAD}", f"writes-{KILL}"]
    decision = table(found, "Each decision").rows[0]
    assert decision[:2] == ("30.0 s", "2 → 3")
    assert "the reading was 140%" in decision[2]
    assert "at most 4" in decision[2]
    assert ("lost", "0", "acknowledged, and gone", "a failure") in table(found, "Every write").rows
    assert ("-0.20 s", "the last write before the kill was acknowledged") in table(found, "From the last").rows


def test_only_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, LOAD, "loadtest", folders.load(), events=folders.load_events())
    found = document(tmp_path)
    assert list(cards(found)) == ["Scales"]
    left = cards(found, "What was not shown")
    assert set(left) == {"Deploys", "Keeps its data", "Resolves its names"}
    assert all(card.verdict is None and card.command for card in left.values())
    assert not any(title.startswith(("DNS", "Fault", "The stack")) for title in titles(found))


def test_a_run_under_way_tells_its_events_and_no_verdict(tmp_path: Path) -> None:
    events = folders.load_events(20)
    folder = write(tmp_path, LOAD, "", None, events=events)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"schema": "shelterctl/1", "wall_s": 17')
    found = document(tmp_path)
    card = cards(found)["Scales"]
    assert card.verdict is Verdict.UNKNOWN
    assert "under way, or it was killed" in card.sentence
    assert [picture.name for picture in found.pictures] == [f"load-{LOAD}", f"latency-{LOAD}"]
    assert "1 lines of its events cannot be read" in texts(found)


@pytest.mark.parametrize(
    "damage", ["{", '{"result": [', "[]", "null", '{"schema": "shelterctl/1", "command": "up", "exit_code": 0, "result": {"pods": 7}}']
)
def test_damage_is_told_and_is_no_pass(tmp_path: Path, damage: str) -> None:
    every(tmp_path)
    (tmp_path / "runs" / UP / "result.json").write_text(damage)
    found = document(tmp_path)
    assert cards(found)["Deploys"].verdict is Verdict.UNKNOWN
    assert cards(found)["Keeps its data"].verdict is Verdict.PASS


@pytest.mark.parametrize("key", sorted(folders.load()))
@pytest.mark.parametrize("value", [None, 7, "x", [], {}])
def test_no_value_of_a_record_breaks_the_rest(tmp_path: Path, key: str, value: Any) -> None:
    write(tmp_path, LOAD, "loadtest", folders.load(**{key: value}), events=folders.load_events(5))
    write(tmp_path, DNS, "dns check", folders.dns())
    assert cards(document(tmp_path))["Resolves its names"].verdict is Verdict.PASS


def test_a_load_that_did_not_scale_is_no_pass_of_the_claim(tmp_path: Path) -> None:
    reason = {"text": "the load called for no more pods", "next_command": ""}
    checks = [{"name": "scaling", "judgement": {"verdict": "UNKNOWN", "reasons": [reason]}}]
    write(tmp_path, LOAD, "loadtest", folders.load(scaling="not_called_for", checks=checks), events=[])
    card = cards(document(tmp_path))["Scales"]
    assert (card.verdict, card.sentence) == (Verdict.UNKNOWN, reason["text"])


def test_a_failure_is_told_with_its_histories_and_without_a_bound(tmp_path: Path) -> None:
    failed = {"verdict": "FAIL", "reasons": [{"text": "1 lost: acknowledged and gone", "next_command": ""}]}
    counts = {**folders.kill()["counts"], "ok": 2, "lost": 1}
    account = [{"id": "w1", "category": "lost", "saw": "acknowledged", "present": False, "where": "database", "how": ""}]
    write(
        tmp_path, KILL, "chaos kill-db", folders.kill(judgement=failed, counts=counts), exit_code=6, writes=folders.WRITES, account=account
    )
    found = document(tmp_path)
    card = cards(found)["Keeps its data"]
    assert (card.verdict, card.sentence) == (Verdict.FAIL, "1 lost: acknowledged and gone")
    assert dict(card.numbers)["acknowledged"] == "3, lost 1"
    assert "loss rate" not in texts(found)
    assert table(found, "The history").rows == (("w1", "lost", "-0.30 s", "-0.20 s", "acknowledged (201)", "database"),)


def proof(**verdicts: str | None) -> dict[str, Any]:
    runs = {"deploy": UP, "scale": LOAD, "data": KILL, "names": DNS}
    claims = [{"claim": claim, "verdict": verdict, "text": "so it was said", "run": runs[claim]} for claim, verdict in verdicts.items()]
    return {
        "context": "minikube",
        "namespace": "shelter",
        "judgement": {"verdict": "PASS", "reasons": []},
        "claims": claims,
        "elapsed_s": 1.0,
    }


def test_what_prove_said_is_held_to_the_run(tmp_path: Path) -> None:
    every(tmp_path)
    write(tmp_path, PROVE, "prove", proof(deploy="PASS", scale="FAIL"))
    found = cards(document(tmp_path))
    assert found["Deploys"].verdict is Verdict.PASS
    assert found["Scales"].verdict is Verdict.UNKNOWN
    assert found["Scales"].sentence.startswith("prove said FAIL of this run, and its folder says PASS")


def test_what_prove_said_of_a_run_that_is_gone_is_no_pass(tmp_path: Path) -> None:
    write(tmp_path, PROVE, "prove", proof(data="PASS"))
    card = cards(document(tmp_path), "What was not shown")["Keeps its data"]
    assert card.verdict is Verdict.UNKNOWN
    assert "its run is not there" in card.sentence


def test_side_by_side(tmp_path: Path) -> None:
    other = "20261130-050000-loadtest"
    write(tmp_path, LOAD, "loadtest", folders.load(), events=folders.load_events())
    traffic = {**folders.load()["traffic"], "p95_ms": 30.0}
    write(tmp_path, other, "loadtest", folders.load(traffic=traffic), events=folders.load_events())
    rows = {row[0]: row[1:] for row in table(document(tmp_path, compared=(LOAD, other)), "The numbers of both").rows}
    assert rows["p95"] == ("20 ms", "30 ms", "+10 (+50%)")
    assert rows["requests"][2] == "the same"
    assert rows["first scale-up decided"][0] == "30 s"


def test_two_kinds_cannot_be_set_side_by_side(tmp_path: Path) -> None:
    every(tmp_path)
    section = next(s for s in document(tmp_path, compared=(LOAD, KILL)).sections if s.title.startswith("Side by side"))
    assert [type(block) for block in section.blocks] == [Paragraph]


MANIFESTS = {
    "deployment/app": """apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: app}}
    spec:
      securityContext: {runAsUser: 1000}
      containers:
      - name: app
        image: shelter-app:1
        env:
        - {name: DATABASE_URL, value: "mongodb://user:hunter2hunter2@db:27017/notes"}
        - {name: NAME, value: app-service}
        - {name: PASS, valueFrom: {secretKeyRef: {name: db-secret, key: pass}}}
        readinessProbe: {httpGet: {path: /ready}, periodSeconds: 3}
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 500m}}
        securityContext: {readOnlyRootFilesystem: true}""",
    "statefulset/db": """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: mongod, image: "mongo:8", env: [{name: MONGO_INITDB_DATABASE, value: app-service}]}
  volumeClaimTemplates: [{metadata: {name: data}}]""",
    "service/db": "kind: Service\nmetadata: {name: db}\nspec: {clusterIP: None, selector: {app: db}, ports: [{port: 27017}]}",
    "service/app-service": "kind: Service\nmetadata: {name: app-service}\n"
    "spec: {type: NodePort, selector: {app: app}, ports: [{port: 80}]}",
    "configmap/bomb": "a: &a [x]\nb: [*a, *a]",
}


def test_the_manifests_that_a_run_created(tmp_path: Path) -> None:
    changes = [
        {
            "object": name,
            "namespace": "shelter",
            "change": "created",
            "diff": ["--- now", "+++ wanted", "@@ -0,0 +1,9 @@", *(f"+{line}" for line in text.split("\n"))],
        }
        for name, text in MANIFESTS.items()
    ]
    write(tmp_path, UP, "up", folders.up(applied={"changes": changes}))
    found = document(tmp_path)
    assert ("deployment/app", "app", "100m", "500m", "64Mi", "not set") in table(found, "Requests and limits").rows
    assert ("deployment/app", "app", "readiness GET /ready every 3 s", "1000", "yes", "db-secret in PASS") in table(found, "Probes").rows
    drawn = found.pictures[0].svg
    assert drawn.count(">names it<") == 1
    assert "headless, port 27017" in drawn
    assert "one for each pod" in drawn
    assert "hunter2" not in texts(found) + drawn


def test_gaps_and_warnings(tmp_path: Path) -> None:
    timeline = {
        **folders.load()["timeline"],
        "blind": [{"from_s": 5.0, "until_s": 9.0, "why": "the API server did not answer"}],
        "clock_problem": "no clock",
    }
    events = [*folders.load_events(), folders.line(9.0, "watch_dropped", resource="pods", why="reset")]
    write(tmp_path, LOAD, "loadtest", folders.load(timeline=timeline), events=events)
    listing = next(b for s in document(tmp_path).sections for b in s.blocks if isinstance(b, Listing) and b.what.startswith("Gaps"))
    assert any("the watch of pods dropped: reset" in item for item in listing.items)
    assert "nothing could be seen from 5 s to 9 s: the API server did not answer" in listing.items
    assert "no clock" in listing.items
