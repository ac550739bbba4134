"""A small change to a stack in which nothing is wrong gives exactly one finding, and a change beside it gives none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.model import StackFinding, Weight
from tests.stack.clean import APP, HPA, MONGO, WEB, changed, laid

pytestmark = pytest.mark.unit

Files = Mapping[str, str]
URI = "            - name: MONGO_URI\n              value: mongodb://mongo:27017/shop?journal=true\n"
USER = ("mongodb://mongo", "mongodb://root:$(WORD)@mongo")
ROOT = "          env: [{name: MONGO_INITDB_ROOT_USERNAME, value: root}]\n          volumeMounts"
FROM_SECRET = "            - name: MONGO_URI\n              valueFrom: {secretKeyRef: {name: shop, key: uri}}\n"
HELD = {"uri": "mongodb://mongo/shop?journal=true"}
KEPT = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop", "namespace": "NAMESPACE"}, "stringData": HELD})
DEPLOYED = MONGO.replace("StatefulSet", "Deployment").replace("  serviceName: mongo\n", "  strategy: {type: Recreate}\n  REPLICAS\n")
CLAIM = """apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


def app(*swaps: tuple[str, str]) -> Files:
    return changed("app.py", *swaps)


def web(*swaps: tuple[str, str]) -> Files:
    return changed("k8s/web.yaml", *swaps)


def hpa(*swaps: tuple[str, str]) -> Files:
    return changed("k8s/hpa.yaml", *swaps)


def mongo(*swaps: tuple[str, str]) -> Files:
    return changed("k8s/mongo.yaml", *swaps)


def database_as_deployment(replicas: int) -> Files:
    start = DEPLOYED.index("  volumeClaimTemplates:")
    text = DEPLOYED[:start] + DEPLOYED[DEPLOYED.index("---\n") :]
    text = text.replace("REPLICAS", f"replicas: {replicas}")
    volumes = "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n"
    text = text.replace("    spec:\n      containers:", f"    spec:\n{volumes}      containers:")
    return {"k8s/mongo.yaml": text, "k8s/claim.yaml": CLAIM}


def second_hpa(namespace: str) -> Files:
    """Another HPA for a Deployment of the same name, in a namespace."""
    text = HPA.replace("metadata:\n  name: web", f"metadata:\n  name: more\n  namespace: {namespace}")
    there = WEB[: WEB.index("---\n")].replace("metadata:\n  name: web", f"metadata:\n  name: web\n  namespace: {namespace}")
    # Nothing in it is of the application.
    there = there.replace(URI, "            - name: LEVEL\n              value: info\n").replace("shop-web:1.0", "shop-other:1.0")
    return {"k8s/hpa-more.yaml": text, **({"k8s/web-there.yaml": there} if namespace != "default" else {})}


def secret(namespace: str) -> Files:
    return {**web((URI, FROM_SECRET)), "k8s/secret.yaml": KEPT.replace("NAMESPACE", namespace)}


def policy(**spec: object) -> Files:
    """A policy for the database's pods, with its rules."""
    body = {"podSelector": {"matchLabels": {"app": "mongo"}}, **spec}
    text = json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "guard"}, "spec": body})
    return {"k8s/policy.yaml": text}


def lets_in(*labels: str, **more: object) -> Files:
    return policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": label}}} for label in labels], **more}])


NO_WRITE = APP[: APP.index('@app.post("/notes")')] + APP[APP.index('@app.get("/notes")') :]
LOCAL = 'os.environ.get("MONGO_URI", "mongodb://localhost:27017/?journal=true")'
PROBE = "exec: {command: [mongosh, --eval, db.hello()]}"

#: The finding, what it says, what weighs how much, where it stands; the files that give it, and those beside that do not.
CASES: list[tuple[str, str, Weight, str, Files, Files]] = [
    (
        "database-not-named", "Deployment/web sets no MONGO_URI", Weight.BLOCKS, "app.py:7",
        {**app(('os.environ["MONGO_URI"]', LOCAL)), **web(("          env:\n" + URI, ""))},
        app(('os.environ["MONGO_URI"]', LOCAL)),
    ),
    (
        "database-twice", "Deployment/mongo runs 2 pods on one claim", Weight.BLOCKS, "k8s/mongo.yaml:7",
        database_as_deployment(2), database_as_deployment(1),
    ),
    (
        "host-is-own-pod", "MONGO_URI of Deployment/web says localhost", Weight.BLOCKS, "k8s/web.yaml:17",
        web(("mongodb://mongo:27017", "mongodb://localhost:27017")), web(("mongodb://mongo:27017", "mongodb://mongo.default.svc:27017")),
    ),
    (
        "hpa-target-missing", "HPA web scales Deployment/wbe", Weight.BLOCKS, "k8s/hpa.yaml:6",
        hpa(("Deployment, name: web", "Deployment, name: wbe")), hpa(("minReplicas: 2", "minReplicas: 3")),
    ),
    (
        "hpa-target-unreachable", "HPA web waits for 300% of the request, and the limit ends at 250%", Weight.BLOCKS, "k8s/hpa.yaml:6",
        hpa(("averageUtilization: 70", "averageUtilization: 300")), hpa(("averageUtilization: 70", "averageUtilization: 200")),
    ),
    (
        "hpa-twice", "2 HPAs scale Deployment/web: more, web", Weight.BLOCKS, "k8s/hpa.yaml:6",
        second_hpa("default"), second_hpa("other"),
    ),
    (
        "image-missing", "Deployment/web names no image", Weight.BLOCKS, "k8s/web.yaml:13",
        web(("          image: shop-web:1.0\n", "")), {},
    ),
    (
        "image-not-built-here", "no Dockerfile here builds registry.test/shop-web:1.0", Weight.RISK, "k8s/web.yaml:14",
        {**web(("shop-web:1.0", "registry.test/shop-web:1.0")), "Dockerfile": ""}, web(("shop-web:1.0", "registry.test/shop-web:1.0")),
    ),
    (
        "image-untagged", "mongo has no fixed version", Weight.NOTE, "k8s/mongo.yaml:15",
        mongo(("image: mongo:8.0", "image: mongo")), mongo(("image: mongo:8.0", "image: mongo:8")),
    ),
    (
        "image-untagged", "mongo:latest has no fixed version", Weight.NOTE, "k8s/mongo.yaml:15",
        mongo(("image: mongo:8.0", "image: mongo:latest")),
        mongo(("image: mongo:8.0", f"image: mongo@sha256:{'0' * 64}")),
    ),
    (
        "node-port-twice", "Service web takes node port 30080, which Service web has already (k8s/web.yaml:33)", Weight.BLOCKS,
        "k8s/web.yaml:34",
        web(("ports: [{port: 5000}]", "ports:\n    - {port: 5000, nodePort: 30080}\n    - {port: 5001, nodePort: 30080}")),
        # TCP and UDP may share one.
        web(("ports: [{port: 5000}]", "ports: [{port: 5000, nodePort: 30080}, {port: 5000, protocol: UDP, nodePort: 30080}]")),
    ),
    (
        "policy-keeps-application-out", "Deployment/web may not reach StatefulSet/mongo: NetworkPolicy guard lets in pods with app=api",
        Weight.RISK, "k8s/policy.yaml:1", lets_in("api"), lets_in("api", "web"),
    ),
    (
        "policy-keeps-application-out", "NetworkPolicy guard lets in nobody", Weight.RISK, "k8s/policy.yaml:1",
        policy(policyTypes=["Ingress"]), policy(policyTypes=["Egress"]),
    ),
    (
        "policy-keeps-application-out", "lets in pods with app=web", Weight.RISK, "k8s/policy.yaml:1",
        lets_in("web", ports=[{"port": 27018}]), lets_in("web", ports=[{"port": 27000, "endPort": 27100}]),
    ),
    (
        "policy-keeps-application-out", "lets in pods in namespaces with kubernetes.io/metadata.name=shop", Weight.RISK,
        "k8s/policy.yaml:1",
        policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]}]),
        # What labels a namespace has that no manifest makes is not known.
        policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]}]),
    ),
    (
        "policy-keeps-application-out", "lets in pods with app NotIn", Weight.RISK, "k8s/policy.yaml:1",
        policy(ingress=[{"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}}]}]),
        policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]),
    ),
    (
        "never-acknowledged", "writes are not acknowledged at all (w=0)", Weight.RISK, "k8s/web.yaml:17",
        web(("?journal=true", "?w=0")), web(("?journal=true", "?w=1&journal=true")),
    ),
    (
        "never-acknowledged", "writes are not acknowledged at all (w=0)", Weight.RISK, "app.py:7",
        {**app(("serverSelectionTimeoutMS=2000", "w=0, serverSelectionTimeoutMS=2000")), **web(("?journal=true", ""))},
        {**app(("serverSelectionTimeoutMS=2000", 'w="majority", serverSelectionTimeoutMS=2000')), **web(("?journal=true", ""))},
    ),
    (
        "no-write-route", "no route writes that can be used", Weight.RISK, "app.py:11",
        {"app.py": NO_WRITE}, app(('@app.post("/notes")', '@app.put("/notes")')),
    ),
    (
        "probe-shell-gone", "a probe of StatefulSet/mongo calls mongo, which mongo:8.0 does not have", Weight.BLOCKS, "k8s/mongo.yaml:14",
        mongo((PROBE, "exec: {command: [mongo, --eval, db.hello()]}")),
        mongo((PROBE, "exec: {command: [mongo, --eval, db.hello()]}"), ("mongo:8.0", "mongo:5.0")),
    ),
    (
        "probe-shell-gone", "a probe of StatefulSet/mongo calls mongo, which mongo:10.0 does not have", Weight.BLOCKS, "k8s/mongo.yaml:14",
        mongo((PROBE, "exec: {command: [sh, -c, 'mongo --eval db.hello()']}"), ("mongo:8.0", "mongo:10.0")),
        mongo((PROBE, "exec: {command: [sh, -c, 'mongosh --host mongo']}")),
    ),
    (
        "probe-shell-gone", "a probe of StatefulSet/mongo calls mongo, which mongo does not have", Weight.BLOCKS, "k8s/mongo.yaml:14",
        mongo((PROBE, "exec: {command: [mongo, --quiet]}"), ("mongo:8.0", "mongo")),
        # A registry's port is no version.
        mongo((PROBE, "exec: {command: [mongo, --quiet]}"), ("mongo:8.0", "registry.test:6000/mongo:5.0")),
    ),
    (
        "secret-in-other-namespace", "Deployment/web needs Secret shop in namespace default, and it is in other", Weight.BLOCKS,
        "k8s/web.yaml:17", secret("other"), secret("default"),
    ),
    (
        "uri-without-auth-source", "MONGO_URI logs in at shop", Weight.BLOCKS, "k8s/web.yaml:17",
        {**mongo(("          volumeMounts", ROOT)), **web(USER)},
        {**mongo(("          volumeMounts", ROOT)), **web(USER, ("?", "?authSource=admin&"))},
    ),
]  # fmt: skip


def found(folder: Path, files: Files, without: tuple[str, ...] = ()) -> list[StackFinding]:
    return list(reader.read(laid(folder, files, without=without)).findings)


@pytest.mark.parametrize(("code", "says", "weight", "origin", "files", "beside"), CASES)
def test_a_change_gives_one_finding_and_the_change_beside_it_none(
    code: str, says: str, weight: Weight, origin: str, files: Files, beside: Files, tmp_path: Path
) -> None:
    told = found(tmp_path / "shop", files)
    assert {finding.code for finding in told} - set(ALONG.get(code, ())) == {code}, [finding.what for finding in told]
    (finding,) = [finding for finding in told if finding.code == code]
    assert (says in finding.what, finding.weight, str(finding.origin)) == (True, weight, origin), finding
    rest = {finding.code for finding in found(tmp_path / "beside", beside)}
    assert rest <= set(ALONG.get(code, ()))


#: What comes of the same change, and is another fault.
ALONG = {
    "secret-in-other-namespace": ("secret-in-files",),
    "probe-shell-gone": ("image-untagged",),
    # Of two Deployments of one name the one in the other namespace is taken, to which no Service leads.
    "hpa-twice": ("no-service",),
}


def test_without_a_workload_nothing_would_run(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    service = WEB[WEB.index("---\n") + 4 :]
    (tmp_path / "shop" / "service.yaml").write_text(service)
    told = reader.read(tmp_path / "shop").findings
    assert [(finding.code, finding.weight, str(finding.origin)) for finding in told] == [("no-workload", Weight.BLOCKS, "service.yaml:1")]
    (tmp_path / "shop" / "web.yaml").write_text(WEB[: WEB.index("---\n")])
    assert "no-workload" not in {finding.code for finding in reader.read(tmp_path / "shop").findings}
