"""Objects as an API server gives them, read into records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shelterctl.adapters.kube import data_path, records
from shelterctl.adapters.kube.records import epoch_s, image_id, millicores, quantity_bytes
from shelterctl.core.state import Autoscaler, Claim, Condition, ContainerState, Happening, Mount, Pod, PodName, Role, Usage, Workload
from shelterctl.errors import ApiRejected

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (None, None),
        ("250m", 250),
        ("1", 1000),
        ("0.5", 500),
        ("1500m", 1500),
        ("0", 0),
        ("371938251n", 372),
        ("1n", 1),
        ("1000000n", 1),
        ("2500u", 3),
        ("1e-1", 100),
        ("2k", 2_000_000),
    ],
)
def test_cpu(quantity: str | None, expected: int | None) -> None:
    assert millicores(quantity) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (None, 0),
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("123Mi", 123 * 1024**2),
        ("64Ki", 65536),
        ("1.5Gi", 3 * 512 * 1024**2),
        ("1Ti", 1024**4),
        ("1Pi", 1024**5),
        ("1Ei", 1024**6),
        ("2E", 2 * 10**18),
        ("12E6", 12_000_000),
        ("500m", 1),
        ("100k", 100_000),
    ],
)
def test_memory_and_storage(quantity: str | None, expected: int) -> None:
    assert quantity_bytes(quantity) == expected


@pytest.mark.parametrize("text", ["", "Mi", "1Zi", "abc", "1,5Gi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ApiRejected, match="as a quantity"):
        millicores(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("2026-11-21T10:00:00Z", 1795255200.0),
        ("2026-11-21T10:00:00.250000Z", 1795255200.25),
        ("2026-11-21T12:00:00+02:00", 1795255200.0),
        ("2026-11-21T10:00:00.250000123Z", 1795255200.25),
    ],
)
def test_times(text: str | None, expected: float | None) -> None:
    assert epoch_s(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker.io/library/shelter-app@sha256:5c0e", "sha256:5c0e"),
        ("docker-pullable://mongo@sha256:ab", "sha256:ab"),
        ("docker://sha256:ab", "sha256:ab"),
        ("sha256:ab", "sha256:ab"),
        ("", ""),
    ],
)
def test_image_ids(text: str, expected: str) -> None:
    assert image_id(text) == expected


POD: dict[str, Any] = {
    "metadata": {
        "name": "mongodb-0",
        "namespace": "shelter",
        "uid": "aa4d0b52-0000",
        "creationTimestamp": "2026-11-21T10:00:00Z",
        "labels": {"app.kubernetes.io/name": "mongodb", "controller-revision-hash": "mongodb-7c9d"},
        "ownerReferences": [{"kind": "StatefulSet", "uid": "owner-1", "controller": True}],
    },
    "spec": {
        "nodeName": "minikube",
        "containers": [
            {
                "name": "mongodb",
                "image": "mongo:8",
                "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "1"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data/db"}, {"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-mongodb-0"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "secret", "secret": {"secretName": "mongodb-root"}},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.244.0.9",
        "startTime": "2026-11-21T10:00:01Z",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T10:05:00Z"},
        ],
        "containerStatuses": [
            {
                "name": "mongodb",
                "ready": True,
                "restartCount": 1,
                "image": "docker.io/library/mongo:8",
                "imageID": "docker.io/library/mongo@sha256:ab",
                "containerID": "containerd://d1d1",
                "state": {"running": {"startedAt": "2026-11-21T10:04:50Z"}},
                "lastState": {
                    "terminated": {
                        "exitCode": 137,
                        "reason": "Error",
                        "containerID": "containerd://c0c0",
                        "finishedAt": "2026-11-21T10:04:49Z",
                    }
                },
            }
        ],
    },
}
CONTAINER = ContainerState(
    name="mongodb",
    ready=True,
    restarts=1,
    state="running",
    reason="",
    message="",
    image="mongo:8",
    image_id="sha256:ab",
    container_id="d1d1",
    started_at_s=1795255490.0,
    last_exit_code=137,
    last_reason="Error",
    last_container_id="c0c0",
    last_finished_at_s=1795255489.0,
    mounts=(Mount("/data/db", "claim", "data-mongodb-0"), Mount("/tmp", "emptyDir", "tmp")),
    data_path="/data/db",
)


def test_a_pod_that_was_restarted() -> None:
    assert records.pod(POD) == Pod(
        name=PodName("mongodb-0"),
        namespace="shelter",
        uid="aa4d0b52-0000",
        role=Role.DATABASE,
        phase="Running",
        ready=True,
        deleting=False,
        node="minikube",
        ip="10.244.0.9",
        revision="mongodb-7c9d",
        owner_uid="owner-1",
        created_at_s=1795255200.0,
        ready_since_s=1795255500.0,
        containers=(CONTAINER,),
        claims=("data-mongodb-0",),
        ephemeral_volumes=("/tmp",),
        cpu_requests_millicores=(250,),
        memory_requests_bytes=(0,),
        cpu_limits_millicores=(1000,),
        start_time_s=1795255201.0,
    )


def test_a_pod_that_no_node_has_taken() -> None:
    message = "0/1 nodes are available: 1 Insufficient cpu."
    status = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": message}]}
    found = records.pod({**POD, "spec": {"containers": [{"name": "mongodb", "image": "mongo:8"}]}, "status": status})
    assert (found.scheduled, found.scheduling_message, found.ready, found.ready_since_s) == (False, message, False, None)
    assert found.containers == (ContainerState("mongodb", False, 0, "waiting", "", "", "mongo:8", "", "", data_path="/data/db"),)
    assert found.cpu_requests_millicores == (None,)


@pytest.mark.parametrize(
    ("container", "path"),
    [
        ({"image": "mongo:8"}, "/data/db"),
        ({"image": "registry.example/bitnami/mongodb:8.0"}, "/bitnami/mongodb"),
        ({"image": "mongo:8", "args": ["--dbpath", "/var/lib/mongo"]}, "/var/lib/mongo"),
        ({"image": "mine:1", "command": ["mongod", "--dbpath=/d", "--bind_ip_all"]}, "/d"),
        ({"image": "mongo:8", "args": ["--config", "/etc/mongod.conf"]}, ""),
        ({"image": "postgres:17"}, "/var/lib/postgresql/data"),
        ({"image": "mariadb:11"}, "/var/lib/mysql"),
        ({"image": "mine:1"}, ""),
    ],
)
def test_where_a_database_keeps_its_data(container: dict[str, Any], path: str) -> None:
    spec = {"containers": [{"name": "c", "ports": [{"containerPort": 27017}], **container}]}
    (found,) = records.pod({"metadata": {"name": "x"}, "spec": spec}).containers
    assert (found.data_path, found.ports) == (path, (27017,))


def test_a_pod_of_which_nothing_is_known_yet() -> None:
    found = records.pod({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c"}]}})
    assert (found.phase, found.scheduled, found.role, found.containers[0].state) == ("Unknown", False, None, "waiting")


def test_a_container_that_waits_or_has_ended() -> None:
    waiting = {"name": "mongodb", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}}
    (first,) = records.pod({**POD, "status": {"containerStatuses": [waiting]}}).containers
    assert (first.state, first.reason, first.message, first.restarts) == ("waiting", "CrashLoopBackOff", "back-off 40s", 4)
    ended = {"name": "mongodb", "state": {"terminated": {"exitCode": 1, "reason": "Error", "containerID": "containerd://e2"}}}
    (second,) = records.pod({**POD, "status": {"containerStatuses": [ended]}}).containers
    assert (second.state, second.last_exit_code, second.last_container_id) == ("terminated", 1, "e2")


def test_a_pod_that_is_going() -> None:
    assert records.pod({**POD, "metadata": {**POD["metadata"], "deletionTimestamp": "2026-11-21T10:09:00Z"}}).deleting


def workload_item(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    meta = {"name": "app", "namespace": "shelter", "uid": "d-1", "generation": 3}
    containers = [{"image": "shelter-app:3f9c"}]
    return {"metadata": meta, "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}, **spec}, "status": status}


STATUS = {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2}


def test_a_deployment() -> None:
    assert records.deployment(workload_item(STATUS), Role.APP, "7d9f") == Workload(
        "Deployment", "app", "shelter", Role.APP, 3, 3, "7d9f", 2, 1, 2, 2, 3, "shelter-app:3f9c"
    )


@pytest.mark.parametrize(
    ("condition", "failure"),
    [
        (
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
            "FailedCreate: exceeded quota",
        ),
        (
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"},
            "ProgressDeadlineExceeded: timed out",
        ),
        ({"type": "ReplicaFailure", "status": "False", "reason": "FailedCreate"}, ""),
        ({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}, ""),
        ({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}, ""),
    ],
)
def test_why_a_deployment_cannot_go_on(condition: dict[str, str], failure: str) -> None:
    assert records.deployment(workload_item({**STATUS, "conditions": [condition]}), Role.APP, "").failure == failure


def test_a_workload_without_a_status() -> None:
    found = records.deployment(workload_item({}), Role.APP, "")
    assert (found.observed_generation, found.updated, found.available, found.total) == (0, 0, 0, 0)


def test_a_stateful_set_between_two_revisions_and_on_one() -> None:
    between = {**STATUS, "currentRevision": "a", "updateRevision": "b", "currentReplicas": 2, "updatedReplicas": 1}
    found = records.stateful_set(workload_item(between), Role.DATABASE)
    assert (found.kind, found.revision, found.updated) == ("StatefulSet", "b", 1)
    one = {**STATUS, "currentRevision": "b", "updateRevision": "b", "currentReplicas": 2, "updatedReplicas": 0}
    assert records.stateful_set(workload_item(one), Role.DATABASE).updated == 2


def test_the_newest_replica_set_is_that_of_the_highest_revision() -> None:
    def replica_set(name: str, revision: str, owner: str = "d-1") -> dict[str, Any]:
        annotations = {"deployment.kubernetes.io/revision": revision}
        return {"metadata": {"name": name, "annotations": annotations, "ownerReferences": [{"uid": owner}]}}

    sets = [replica_set("app-a", "9"), replica_set("app-b", "10"), replica_set("other", "99", "d-2")]
    newest = records.newest_replica_set(workload_item({}), sets)
    assert newest is not None
    assert newest["metadata"]["name"] == "app-b"
    assert records.newest_replica_set(workload_item({}), []) is None


WINDOWS = {"scaleUp": {"stabilizationWindowSeconds": 120}, "scaleDown": {"stabilizationWindowSeconds": 300}}


def test_an_autoscaler() -> None:
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"averageUtilization": 80}, "current": {"averageUtilization": 9}},
    }
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}, "current": {"averageUtilization": 184}}}
    found = records.autoscaler(
        {
            "metadata": {"name": "app", "creationTimestamp": "2026-11-21T10:00:00Z"},
            "spec": {
                "minReplicas": 2,
                "maxReplicas": 5,
                "metrics": [memory, cpu],
                "behavior": {"scaleUp": {"stabilizationWindowSeconds": 120}, "scaleDown": {"stabilizationWindowSeconds": 300}},
            },
            "status": {
                "currentReplicas": 2,
                "desiredReplicas": 5,
                "lastScaleTime": "2026-11-21T10:00:00Z",
                "currentMetrics": [memory, cpu],
                "conditions": [{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas", "message": "…"}],
            },
        }
    )
    limited = Condition("ScalingLimited", True, "TooManyReplicas", "…")
    assert found == Autoscaler("app", 2, 5, 2, 5, 70, 184, (limited,), 1795255200.0, 120.0, WINDOWS, 1795255200.0, ("memory",))
    assert found.has_metric


def test_an_autoscaler_without_a_metric() -> None:
    found = records.autoscaler({"metadata": {"name": "app"}, "spec": {"maxReplicas": 5}, "status": {"currentMetrics": None}})
    assert (found.minimum, found.cpu_target_percent, found.cpu_percent, found.has_metric) == (1, None, None, False)
    inactive = replace(found, cpu_percent=50, conditions=(Condition("ScalingActive", False, "FailedGetResourceMetric", ""),))
    assert not inactive.has_metric


CLAIM = {
    "metadata": {"name": "data-mongodb-0", "namespace": "shelter", "uid": "c-1"},
    "spec": {"volumeName": "pvc-1", "storageClassName": "standard"},
    "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
}


def test_a_claim_and_its_volume() -> None:
    volume = {"metadata": {"name": "pvc-1", "uid": "v-1"}, "spec": {"capacity": {}, "hostPath": {"path": "/tmp/x"}}}
    assert records.claim(CLAIM, {"pvc-1": volume}) == Claim(
        "data-mongodb-0", "shelter", "c-1", "Bound", "pvc-1", "standard", "1Gi", False, "v-1", "hostPath"
    )


def test_a_claim_that_waits() -> None:
    found = records.claim({"metadata": CLAIM["metadata"], "spec": {}}, {})
    assert (found.phase, found.volume, found.storage_class, found.volume_uid) == ("Pending", "", "", "")


def test_events_of_both_kinds() -> None:
    subject = {"kind": "Pod", "name": "app-1"}
    old = {
        "metadata": {},
        "involvedObject": subject,
        "type": "Warning",
        "reason": "BackOff",
        "message": " back-off\n",
        "count": 3,
        "lastTimestamp": "2026-11-21T10:00:00Z",
    }
    new = {
        "metadata": {},
        "involvedObject": subject,
        "type": "Normal",
        "reason": "Killing",
        "lastTimestamp": None,
        "eventTime": "2026-11-21T10:00:00.500000Z",
        "series": {"count": 2, "lastObservedTime": "2026-11-21T10:00:01.000000Z"},
    }
    assert records.happening(old) == Happening("pod/app-1", "BackOff", "back-off", True, 3, 1795255200.0)
    assert records.happening(new) == Happening("pod/app-1", "Killing", "", False, 2, 1795255201.0)


def test_usage_is_the_sum_of_the_containers() -> None:
    item = {
        "metadata": {"name": "app-1"},
        "timestamp": "2026-11-21T10:00:00Z",
        "window": "15.037s",
        "containers": [{"usage": {"cpu": "371938251n", "memory": "62464Ki"}}, {"usage": {"cpu": "1m", "memory": "1Mi"}}],
    }
    assert records.usage(item) == Usage(PodName("app-1"), 373, 62464 * 1024 + 1024**2, 1795255200.0, 15.037)


@pytest.mark.parametrize(
    ("container", "path"),
    [
        ({"image": "postgres:17"}, "/var/lib/postgresql/data"),
        ({"image": "postgres"}, "/var/lib/postgresql/data"),
        ({"image": "postgres:18-alpine"}, "/var/lib/postgresql/18/docker"),
        ({"image": "bitnami/postgresql:16"}, "/bitnami/postgresql/data"),
        (
            {"image": "postgres:17", "env": [{"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata/"}]},
            "/var/lib/postgresql/data/pgdata",
        ),
        # Where a ConfigMap says it, the object does not.
        ({"image": "postgres:17", "env": [{"name": "PGDATA", "valueFrom": {"configMapKeyRef": {}}}]}, ""),
        ({"image": "postgres:17", "args": ["postgres", "-D", "/srv/data"]}, "/srv/data"),
        ({"image": "postgres:17", "args": ["-c", "data_directory=/srv/data"]}, "/srv/data"),
        ({"image": "postgres:17", "args": ["-c", "config_file=/etc/postgresql.conf"]}, ""),
        ({"image": "mysql:8.4", "args": ["--datadir=/srv/data"]}, "/srv/data"),
        ({"image": "mariadb:11"}, "/var/lib/mysql"),
    ],
)
def test_where_a_database_of_sql_keeps_its_data(container: dict[str, object], path: str) -> None:
    assert data_path.of(container) == path
