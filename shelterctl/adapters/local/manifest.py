"""Reads from the project's manifests what holds here too: requests, limits, probes, the autoscaler, the application's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelterctl.adapters.local.spec import ProbeSpec, ScalerSpec
from shelterctl.core import quantities
from shelterctl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an application's manifests say. `liveness` and `scaler` are None where they have none, `replicas` a fixed number then."""

    cpu_request_millicores: int
    cpu_limit_millicores: int
    memory_request_bytes: int
    grace_s: float
    startup: ProbeSpec
    readiness: ProbeSpec
    liveness: ProbeSpec | None
    scaler: ScalerSpec | None
    settings: Mapping[str, str]
    max_surge: int
    min_ready_s: float
    progress_deadline_s: float
    replicas: int | None = None


def read(project: Path) -> Manifest:
    """What `manifests/base/app` says. Raises UsageError where a file is missing or says something else than it must."""
    folder = project / "manifests" / "base" / "app"
    deployment, scaler, kustomization = (_load(folder / name) for name in ("deployment.yaml", "autoscaler.yaml", "kustomization.yaml"))
    try:
        spec = deployment["spec"]
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        requests, limits = container["resources"]["requests"], container["resources"].get("limits", {})
        literals = [pair for each in kustomization.get("configMapGenerator", ()) for pair in each.get("literals", ())]
        return Manifest(
            cpu_request_millicores=quantities.millicores(str(requests["cpu"])),
            cpu_limit_millicores=quantities.millicores(str(limits.get("cpu", 0))),
            memory_request_bytes=quantities.whole(str(requests.get("memory", 0))),
            grace_s=float(pod.get("terminationGracePeriodSeconds", 30)),
            startup=_probe(container.get("startupProbe") or container["readinessProbe"]),
            readiness=_probe(container["readinessProbe"]),
            liveness=_probe(container["livenessProbe"]),
            scaler=_scaler(scaler["spec"]),
            settings=dict(pair.split("=", 1) for pair in literals),
            max_surge=int(spec["strategy"]["rollingUpdate"]["maxSurge"]),
            min_ready_s=float(spec.get("minReadySeconds", 0)),
            progress_deadline_s=float(spec.get("progressDeadlineSeconds", 600)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder}: what the replicas are to be cannot be read from it", why=f"{type(error).__name__}: {error}") from error


def _load(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error)) from error
    return content if isinstance(content, dict) else {}


def _probe(raw: Mapping[str, Any]) -> ProbeSpec:
    asked = raw.get("httpGet") or raw["tcpSocket"]
    return ProbeSpec(
        str(asked.get("path", "")),
        str(asked["port"]),
        float(raw.get("periodSeconds", 10)),
        float(raw.get("timeoutSeconds", 1)),
        int(raw.get("failureThreshold", 3)),
    )


def _scaler(raw: Mapping[str, Any]) -> ScalerSpec:
    (metric,) = raw["metrics"]
    return ScalerSpec(
        int(raw.get("minReplicas", 1)),
        int(raw["maxReplicas"]),
        int(metric["resource"]["target"]["averageUtilization"]),
        raw.get("behavior"),
    )
