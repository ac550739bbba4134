"""What a user's manifests say of their application: requests, limits, probes, the autoscaler, how it is rolled out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from shelterctl.adapters.local.manifest import Manifest
from shelterctl.adapters.local.spec import ProbeSpec, ScalerSpec
from shelterctl.core.stack.documents import items, section, template_path
from shelterctl.core.stack.stack import Stack

#: Every port of a replica's is its own socket: the supervisor asks it there.
PORT = "http"
#: The supervisor's socket takes a connection as soon as there is a pod: what no probe asks is ready when it runs.
_CONNECTS = ProbeSpec(port=PORT, period_s=1.0)


def read(stack: Stack) -> Manifest:
    """The defaults are the API server's."""
    app = stack.roles.app
    assert app is not None
    container, spec, raw = app.containers[0], _spec(stack), raw_container(stack)
    pod = section(_body(stack), *[str(part) for part in template_path(app.kind)])
    readiness, liveness, startup = (_probe(section(raw, name)) for name in ("readinessProbe", "livenessProbe", "startupProbe"))
    scaler = _scaler(stack)
    held = stack.scaler
    fixed = app.replicas if app.replicas is not None else 1
    if scaler is None and held is not None:
        fixed = max(fixed, held.minimum)
    return Manifest(
        cpu_request_millicores=container.cpu_request_millicores or 0,
        cpu_limit_millicores=container.cpu_limit_millicores or 0,
        memory_request_bytes=container.memory_request_bytes or 0,
        grace_s=float(pod.get("terminationGracePeriodSeconds") or 30),
        startup=startup or _CONNECTS,
        readiness=readiness or _CONNECTS,
        liveness=liveness,
        scaler=scaler,
        settings={},
        max_surge=_surge(section(spec, "strategy", "rollingUpdate").get("maxSurge", "25%"), held.minimum if scaler and held else fixed),
        min_ready_s=float(spec.get("minReadySeconds") or 0),
        progress_deadline_s=float(spec.get("progressDeadlineSeconds") or 600),
        replicas=None if scaler is not None else fixed,
    )


def probed(stack: Stack) -> bool:
    """Whether a probe decides when a replica is ready."""
    return _probe(section(raw_container(stack), "readinessProbe")) is not None


def deviations(stack: Stack) -> Iterator[str]:
    """What of the manifests does not hold here, in sentences."""
    raw, scaler = raw_container(stack), stack.scaler
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = section(raw, name)
        if probe and _probe(probe) is None:
            yield f"its {name} is a command of its container, or gRPC: it is not made here"
    if scaler is not None and _scaler(stack) is None:
        yield f"HPA {scaler.name} does not go by the CPU's utilization: here the number of replicas is fixed"
    elif scaler is not None and len(list(items(_scaler_body(stack), "spec", "metrics"))) > 1:
        yield f"of HPA {scaler.name}'s metrics the CPU alone is measured here"
    if section(_spec(stack), "strategy").get("type") == "Recreate":
        yield "its strategy is Recreate, and here new replicas start before old ones end"


def raw_container(stack: Stack) -> Mapping[str, Any]:
    """The application's container as it is written."""
    app = stack.roles.app
    assert app is not None
    return next(iter(items(_body(stack), *[str(part) for part in template_path(app.kind)], "containers")), {})


def _body(stack: Stack) -> Mapping[str, Any]:
    app = stack.roles.app
    document = stack.manifests.find(app.kind, app.name, app.namespace) if app is not None else None
    return document.body if document is not None else {}


def _spec(stack: Stack) -> Mapping[str, Any]:
    return section(_body(stack), "spec")


def _scaler_body(stack: Stack) -> Mapping[str, Any]:
    scaler = stack.scaler
    document = stack.manifests.find("HorizontalPodAutoscaler", scaler.name, scaler.namespace) if scaler is not None else None
    return document.body if document is not None else {}


def _scaler(stack: Stack) -> ScalerSpec | None:
    scaler = stack.scaler
    if scaler is None or scaler.cpu_percent is None or not scaler.maximum:
        return None
    return ScalerSpec(scaler.minimum, scaler.maximum, scaler.cpu_percent, section(_scaler_body(stack), "spec").get("behavior"))


def _probe(raw: Mapping[str, Any]) -> ProbeSpec | None:
    """None where there is none, or one that cannot be made here."""
    asked = section(raw, "httpGet")
    if not asked and "tcpSocket" not in raw:
        return None
    path = str(asked.get("path") or "/") if asked else ""
    return ProbeSpec(
        path if not path or path.startswith("/") else f"/{path}",
        PORT,
        float(raw.get("periodSeconds") or 10),
        float(raw.get("timeoutSeconds") or 1),
        int(raw.get("failureThreshold") or 3),
        float(raw.get("initialDelaySeconds") or 0),
    )


def _surge(value: object, replicas: int) -> int:
    """A number, or a share of the replicas, rounded up (apps/v1, RollingUpdateDeployment); at least one, so that it goes on at all."""
    text = str(value)
    found = math.ceil(float(text[:-1]) / 100 * replicas) if text.endswith("%") else int(text)
    return max(1, found)
