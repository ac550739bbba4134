"""What keeps an autoscaler from working, and what a load will meet."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack.model import Scaler, StackFinding, Weight, Workload
from shelterctl.core.stack.stack import Stack


def find(stack: Stack) -> Iterator[StackFinding]:
    app = stack.roles.app
    for scaler in stack.scalers:
        target = next((w for w in stack.workloads if w.key == scaler.target and w.namespace == scaler.namespace), None)
        if not scaler.target:
            what = f"HPA {scaler.name} names nothing to scale (scaleTargetRef)"
            yield StackFinding("hpa-without-target", Weight.BLOCKS, what, scaler.origin, "the API server refuses it")
        elif target is None:
            elsewhere = next((w for w in stack.workloads if w.key == scaler.target), None)
            what = f"HPA {scaler.name} scales {scaler.target}, and no manifest of its namespace has that"
            mend = f"namespace: {elsewhere.namespace}   ({elsewhere.key} is there)" if elsewhere is not None else ""
            yield StackFinding("hpa-target-missing", Weight.BLOCKS, what, scaler.origin, "FailedGetScale", mend)
        else:
            yield from _requests(scaler, target)
            if target.replicas is not None and target.replicas_origin is not None:
                what = f"{target.key} says replicas: {target.replicas} beside HPA {scaler.name}"
                why = "each apply by hand sets it back to that, whatever the load; up leaves it out of a second apply"
                yield StackFinding("replicas-beside-hpa", Weight.RISK, what, target.replicas_origin, why, "take the line out")
    scaled: dict[tuple[str, str], list[Scaler]] = {}
    for scaler in stack.scalers:
        scaled.setdefault((scaler.namespace, scaler.target), []).append(scaler)
    for (_, name), scalers in scaled.items():
        if name and len(scalers) > 1:
            what = f"{len(scalers)} HPAs scale {name}: {', '.join(scaler.name for scaler in scalers)}"
            yield StackFinding("hpa-twice", Weight.BLOCKS, what, scalers[1].origin, "AmbiguousSelector: none of them does")
    if app is not None and stack.scaler is None and not stack.scalers:
        what = f"nothing scales {app.key}"
        yield StackFinding(
            "no-hpa", Weight.NOTE, what, app.origin, "a load shows what it carries, and no scaling", "kubectl autoscale, as YAML"
        )


def _requests(scaler: Scaler, target: Workload) -> Iterator[StackFinding]:
    without = [container for container in target.containers if container.cpu_request_millicores is None]
    if scaler.cpu_percent is not None and without:
        what = f"HPA {scaler.name} goes by the CPU, and container {without[0].name} of {target.key} requests none"
        why = f"a percentage of nothing: missing request for cpu in container {without[0].name}, <unknown>/{scaler.cpu_percent}%"
        yield StackFinding("hpa-without-request", Weight.BLOCKS, what, without[0].origin, why, "resources: {requests: {cpu: 200m}}")
        return
    request = sum(container.cpu_request_millicores or 0 for container in target.containers)
    limits = [container.cpu_limit_millicores for container in target.containers]
    if scaler.cpu_percent is not None and request and all(limit is not None for limit in limits):
        reach = 100 * sum(limit or 0 for limit in limits) / request
        if reach < scaler.cpu_percent:
            what = f"HPA {scaler.name} waits for {scaler.cpu_percent}% of the request, and the limit ends at {reach:.0f}%"
            yield StackFinding("hpa-target-unreachable", Weight.BLOCKS, what, scaler.origin, "no load can reach it")
