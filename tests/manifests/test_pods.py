"""The two workloads: security, secrets, probes, shutdown and rollout."""

from __future__ import annotations

import re

import pytest

from tests.manifests.rendering import ROOT, Document, Rendered, quantity

pytestmark = pytest.mark.local

WORKLOADS = (("Deployment", "app"), ("StatefulSet", "mongodb"))
each_workload = pytest.mark.parametrize(("kind", "name"), WORKLOADS)


@pytest.mark.parametrize(("kind", "name", "user"), [("Deployment", "app", 10001), ("StatefulSet", "mongodb", 999)])
def test_pods_satisfy_the_restricted_profile(each: Rendered, kind: str, name: str, user: int) -> None:
    assert each.pod(kind, name)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert each.container(kind, name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    allowed = {"configMap", "emptyDir", "secret"}
    assert all(volume.keys() - {"name"} <= allowed for volume in each.pod(kind, name)["volumes"])


@each_workload
def test_pods_have_no_token_and_an_account_of_their_own(each: Rendered, kind: str, name: str) -> None:
    pod = each.pod(kind, name)
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == (name, False)
    assert each.one("ServiceAccount", name)["automountServiceAccountToken"] is False


@each_workload
def test_every_container_requests_and_limits_cpu_memory_and_storage(each: Rendered, kind: str, name: str) -> None:
    resources = each.container(kind, name)["resources"]
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    for what, request in resources["requests"].items():
        assert quantity(request) <= quantity(resources["limits"][what]), what


@each_workload
def test_scratch_space_is_bounded_and_counts_within_the_memory_limit(each: Rendered, kind: str, name: str) -> None:
    volumes = [volume["emptyDir"] for volume in each.pod(kind, name)["volumes"] if "emptyDir" in volume]
    in_memory = sum(quantity(volume["sizeLimit"]) for volume in volumes if volume.get("medium") == "Memory")
    assert volumes
    assert all("sizeLimit" in volume for volume in volumes)
    assert in_memory <= quantity(each.container(kind, name)["resources"]["limits"]["memory"]) / 4


def secrets(pod: Document) -> dict[str, tuple[int, list[str] | None]]:
    """Secret: the mode of its files and the keys that the pod sees, None for all of them."""
    return {
        volume["secret"]["secretName"]: (
            volume["secret"]["defaultMode"],
            [item["key"] for item in volume["secret"]["items"]] if "items" in volume["secret"] else None,
        )
        for volume in pod["volumes"]
        if "secret" in volume
    }


def test_the_application_sees_its_own_password_and_nothing_else(each: Rendered) -> None:
    assert secrets(each.pod("Deployment", "app")) == {"mongodb-app": (0o440, ["app-password"])}
    mounts = {mount["name"]: mount["mountPath"] for mount in each.container("Deployment", "app")["volumeMounts"]}
    assert mounts == {"tmp": "/tmp", "mongodb-app": "/run/secrets/mongodb"}


def test_the_database_sees_both_passwords_as_files(each: Rendered) -> None:
    assert secrets(each.pod("StatefulSet", "mongodb")) == {
        "mongodb-root": (0o440, None),
        "mongodb-app": (0o440, ["app-password"]),
    }
    assert each.container("StatefulSet", "mongodb")["env"] == [
        {"name": "HOME", "value": "/tmp"},
        {"name": "MONGO_INITDB_ROOT_USERNAME_FILE", "value": "/run/secrets/mongodb-root/username"},
        {"name": "MONGO_INITDB_ROOT_PASSWORD_FILE", "value": "/run/secrets/mongodb-root/password"},
    ]


@each_workload
def test_no_secret_reaches_an_environment(each: Rendered, kind: str, name: str) -> None:
    container = each.container(kind, name)
    assert "secretKeyRef" not in str(container.get("env"))
    assert "secretRef" not in str(container.get("envFrom"))


@each_workload
def test_the_three_probes_differ(each: Rendered, kind: str, name: str) -> None:
    container = each.container(kind, name)
    probes = [container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert all(left != right for left in probes for right in probes if left is not right)
    assert container["readinessProbe"]["failureThreshold"] >= 3


def test_the_applications_liveness_has_a_port_of_its_own(each: Rendered) -> None:
    container = each.container("Deployment", "app")
    asked = {
        probe: (container[probe]["httpGet"]["port"], container[probe]["httpGet"]["path"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {
        "startupProbe": ("live", "/health/live"),
        "livenessProbe": ("live", "/health/live"),
        "readinessProbe": ("http", "/health/ready"),
    }
    assert container["ports"] == [{"name": "http", "containerPort": 8000}, {"name": "live", "containerPort": 8001}]


def test_the_databases_probes_start_no_shell(each: Rendered) -> None:
    container = each.container("StatefulSet", "mongodb")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["tcpSocket"] == {"port": "mongodb"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 300


def test_a_pod_that_is_told_to_stop_has_time_for_what_it_began(each: Rendered) -> None:
    configuration = ROOT / "app" / "gunicorn.conf.py"
    (graceful_timeout_s,) = re.findall(r"^graceful_timeout = (\d+)$", configuration.read_text(), re.MULTILINE)
    (sleep,) = each.container("Deployment", "app")["lifecycle"]["preStop"].items()
    assert sleep == ("sleep", {"seconds": 5})
    assert 5 + int(graceful_timeout_s) < each.pod("Deployment", "app")["terminationGracePeriodSeconds"]
    assert each.pod("StatefulSet", "mongodb")["terminationGracePeriodSeconds"] == 60


def test_a_rollout_never_takes_a_serving_pod_away_first(each: Rendered) -> None:
    spec = each.one("Deployment", "app")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 3}}
    startup = each.container("Deployment", "app")["startupProbe"]
    assert 0 < spec["minReadySeconds"] < 10
    assert startup["periodSeconds"] * startup["failureThreshold"] < spec["progressDeadlineSeconds"]


def test_the_autoscaler_alone_decides_the_replicas(each: Rendered) -> None:
    assert "replicas" not in each.one("Deployment", "app")["spec"]
    spec = each.one("HorizontalPodAutoscaler", "app")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert spec["metrics"] == [{"type": "Resource", "resource": cpu}]
    for direction in ("scaleUp", "scaleDown"):
        assert set(spec["behavior"][direction]) == {"stabilizationWindowSeconds", "selectPolicy", "policies"}


def test_the_autoscaler_has_no_dead_zone(each: Rendered) -> None:
    """Utilization is of the request: with the limit near it, 70% plus the tolerance could never be passed."""
    resources = each.container("Deployment", "app")["resources"]
    assert quantity(resources["limits"]["cpu"]) >= 2 * quantity(resources["requests"]["cpu"])


def test_the_data_outlives_the_stateful_set(each: Rendered) -> None:
    spec = each.one("StatefulSet", "mongodb")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    mounts = {mount["mountPath"]: mount["name"] for mount in each.container("StatefulSet", "mongodb")["volumeMounts"]}
    assert mounts["/data/db"] == "data"


def test_the_databases_cache_is_named_and_fits_its_memory(each: Rendered) -> None:
    container = each.container("StatefulSet", "mongodb")
    assert container["args"] == ["--bind_ip_all", "--wiredTigerCacheSizeGB=0.25"]
    assert quantity(container["resources"]["limits"]["memory"]) >= 2 * 0.25 * 2**30


@each_workload
def test_images_are_used_as_they_are_in_the_node(each: Rendered, kind: str, name: str) -> None:
    images = {"app": "shelter-app:dev", "mongodb": "mongo:8"}
    container = each.container(kind, name)
    assert (container["image"], container["imagePullPolicy"]) == (images[name], "IfNotPresent")
