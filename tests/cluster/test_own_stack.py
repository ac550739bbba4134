"""Users' own stacks, from their folders alone: what is understood, deployed, loaded, killed, asked and taken away."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster import kube
from tests.cluster.commands import REPOSITORY, wait_until
from tests.cluster.examples import PROFILE, example, killed_as_expected, on_its_profile, pods
from tests.stack.test_liars import ONE_CONNECTION, expected_of_liars

__all__ = ["on_its_profile"]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group(PROFILE), pytest.mark.usefixtures("on_its_profile")]


def test_notes_from_their_folder_to_their_end(tmp_path: Path) -> None:
    with example("notes", tmp_path, images=["notes-app"], volumes=["mongo-pv"], paths=["/data/mongo"]) as notes:
        told = notes("inspect").result
        assert all(claim["possible"] for claim in told["claims"])
        written = notes("init").result
        assert (notes.folder / "shelterctl.toml").read_text() == written["text"]
        assert 'request = "POST /data"' in written["text"]
        again = notes("init", expect=2).error["next_command"]
        assert again.startswith("shelterctl init ")
        assert " --force" in again
        # What somebody applied by hand before is used, and not taken away in the end.
        kube.kubectl("--namespace", notes.namespace, "apply", "-f", str(notes.folder / "k8s" / "mongo-secret.yaml"))

        # A fault of its files is told before anything is built or applied.
        deployment = notes.folder / "k8s" / "flask-deployment.yaml"
        right = deployment.read_text()
        deployment.write_text(right.replace("@mongo-service", "@mangodb-service"))
        refused = notes("up", expect=3).error
        assert "no Service is called mangodb-service (k8s/flask-deployment.yaml:21)" in refused["what"]
        assert refused["next_command"].startswith("mongo-service is the nearest")
        deployment.write_text(right)

        first = notes("up").result
        assert {change["change"] for change in first["applied"]["changes"]} <= {"created", "unchanged", "changed"}
        chain = first["chain"]
        assert chain["built_id"] == chain["loaded_id"] == chain["running_ids"][0]
        assert chain["answering_tag"] is None
        assert not notes("up").result["changed"]
        # The same name, another image: what runs is what was built.
        source = notes.folder / "app.py"
        source.write_text(source.read_text().replace("Welcome to", "Welcome again to"))
        second = notes("up").result["chain"]
        assert (second["reference"], second["built_id"] == chain["built_id"]) == (chain["reference"], False)
        assert second["running_ids"] == [second["built_id"]]

        load = notes("loadtest", "--users", "10", "--duration", "8s", expect=None).result
        assert load["traffic"]["requests"] > 20
        assert load["traffic"]["failures"] == 0

        killed = notes("chaos", "kill-db").result
        assert killed["judgement"]["verdict"] == "PASS"
        assert killed["acknowledged"] > 50
        assert killed["counts"]["lost"] == killed["counts"]["phantom"] == killed["counts"]["duplicate"] == 0
        # A driver that waits for its server makes writes that their client has given up on: they are counted, after they can come.
        assert killed["settle_s"] == 35.0

        names = notes("dns", "check").result
        assert names["judgement"]["verdict"] == "PASS"
        assert any(row["subject"] == "application's host mongo-service" for row in names["rows"])

        findings = {finding["check"]: finding["state"] for finding in notes("doctor", expect=None).result["findings"]}
        assert findings["stack-parts"] == findings["stack-rollout"] == findings["stack-endpoint"] == "ok"

        down = notes("down", "--delete-data", "--yes").result
        assert "deployment/flask-app" in down["removed"]
        assert "persistentvolumeclaim/mongo-data-mongo-0" in down["removed"]
        assert "secret/mongo-secret" in down["kept"]
        assert any(kept.startswith("persistentvolume/mongo-pv-") for kept in down["kept"])
        assert not pods(notes)


def test_a_guestbook_in_mysql_by_forms(tmp_path: Path) -> None:
    with example(
        "guestbook", tmp_path, images=["someuser/guestbook"], volumes=["guestbook-mysql-pv"], paths=["/data/guestbook"]
    ) as guestbook:
        told = guestbook("inspect").result
        assert [question["setting"] for question in told["questions"]] == ["stack.manifests"]
        possible = {claim["claim"]: claim["possible"] for claim in told["claims"]}
        assert possible == {"deploys": True, "scales": False, "keeps its data": True, "resolves its names": True}
        up = guestbook("up").result
        deployment = kube.get(guestbook.namespace, "deployment", "guestbook")
        assert deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        assert up["chain"]["running_ids"] == [up["chain"]["built_id"]]

        # What `init` writes of it is what it was understood as: a folder of two, a form.
        settled = guestbook("init").result["text"]
        assert all(line in settled for line in ('manifests = ["k8s"]', 'request = "POST /submit"', 'form = { message = "{token}" }')), (
            settled
        )
        load = guestbook("loadtest", "--users", "10", "--duration", "8s", expect=None).result["traffic"]
        assert (load["failures"], load["requests"] > 20, set(load["by_name"])) == (0, True, {"GET /", "POST /submit"}), load

        killed = guestbook("chaos", "kill-db").result
        assert killed["judgement"]["verdict"] == "PASS", killed["judgement"]
        assert killed["server"].startswith("MariaDB")
        assert killed["acknowledged"] > 30
        assert guestbook("dns", "check").result["judgement"]["verdict"] == "PASS"

        # By the address of this cluster's Service it works here, and nowhere else: that is said, and done where it is insisted on.
        address = kube.get(guestbook.namespace, "service", "mysql")["spec"]["clusterIP"]
        manifest = guestbook.folder / "k8s" / "app.yaml"
        right = manifest.read_text()
        manifest.write_text(right.replace("value: mysql\n", f"value: {address}\n"))
        refused = guestbook("up", expect=3).error
        assert f"MYSQL_HOST of Deployment/guestbook names its database by an address, {address}" in refused["what"]
        assert refused["next_command"].startswith("its Service is mysql")
        assert guestbook("up", "--yes").result["changed"]
        manifest.write_text(right)

        # With one connection for its whole life the data are kept, and the service does not come back.
        liar = REPOSITORY / "examples" / "liars-mysql" / "app.py"
        (guestbook.folder / "app.py").write_text(liar.read_text())
        killed_as_expected(guestbook, ONE_CONNECTION, expected_of_liars()[ONE_CONNECTION])
        assert guestbook("down", "--delete-data", "--yes").result["removed"]


def test_without_a_route_that_writes_the_whole_database_is_held_against_what_it_was(tmp_path: Path) -> None:
    with example("liars", tmp_path, images=["image: liars"]) as liars:
        source = liars.folder / "app.py"
        liars("up")
        # Something that can be lost, while it can still be written.
        assert liars("chaos", "kill-db", "--warm-up", "1s", "--after-acks", "20").result["acknowledged"] > 0
        text = source.read_text()
        start, end = text.index('@app.route("/notes", methods=["POST"])'), text.index('@app.route("/")')
        source.write_text(text[:start] + text[end:])
        liars("up")
        killed = liars("chaos", "kill-db", "--warm-up", "1s", "--after-acks", "20", expect=7).result
        assert (killed["data"]["verdict"], killed["judgement"]["verdict"]) == ("UNKNOWN", "UNKNOWN")
        assert "has no route that writes" in killed["judgement"]["reasons"][0]["text"]
        (notes,) = [table for table in killed["tables"]["tables"] if table["name"] == "liars.notes"]
        assert notes["course"] == "as before"
        assert notes["before"] == notes["after"] > 20
        assert notes["compared"]
        assert killed["proof"]["facts"]
        assert killed["gets"]["path"] == "/notes"
        # Restarted by the kubelet within seconds; whether GETs were held up decides between PASS and UNKNOWN, and never a failure.
        assert killed["service"]["verdict"] != "FAIL"


#: An application of another language: its image has no Python to ask names with.
PLAIN = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      dnsConfig: {options: [{name: ndots, value: "2"}]}
      containers:
        - name: web
          image: nginx:1.26
          ports: [{containerPort: 80}]
          env: [{name: MONGO_HOST, value: store}]
          readinessProbe: {httpGet: {path: /, port: 80}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: store}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Mi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers:
        - {name: mongo, image: "mongo:8", ports: [{containerPort: 27017}], volumeMounts: [{name: data, mountPath: /data/db}]}
      volumes: [{name: data, persistentVolumeClaim: {claimName: store}}]
---
apiVersion: v1
kind: Service
metadata: {name: store}
spec: {selector: {app: store}, ports: [{port: 27017}]}
"""


def test_names_are_asked_from_a_pod_made_for_it_where_the_image_has_no_python(tmp_path: Path) -> None:
    with example("liars", tmp_path, images=["image: liars"]) as plain:
        for file in ("app.py", "Dockerfile", "requirements.txt"):
            (plain.folder / file).unlink()
        (plain.folder / "k8s" / "liars.yaml").write_text(PLAIN)
        (plain.folder / "shelterctl.toml").write_text('[stack]\napp = "Deployment/web"\n')
        for image in ("nginx:1.26", "python:3.13-slim"):
            subprocess.run(["minikube", "-p", kube.CONTEXT, "image", "load", image], check=True, capture_output=True, timeout=180)
        plain("up")
        names = plain("dns", "check").result
        assert names["judgement"]["verdict"] == "PASS", names["judgement"]
        assert names["client_pod"].startswith("shelterctl-asks-")
        assert any(note.startswith("asked from a pod made for it") for note in names["notes"])
        assert any(row["subject"] == "application's host store" for row in names["rows"])

        def left() -> list[str]:
            found = kube.items(plain.namespace, "pods", "--selector", "shelterctl.dev/asks=names")
            return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]

        assert not left()
        # Broken off while it asks, and nothing stays.
        running = plain.start("dns", "check")
        wait_until(left, "the pod that asks")
        running.signal(signal.SIGINT)
        running.end()
        wait_until(lambda: not left(), "its end")
