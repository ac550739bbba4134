"""Pods, autoscaler and claims as lines: what `up`, `status` and `status watch` have in common."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from shelterctl.cli.terminal import Line
from shelterctl.core.state import Autoscaler, Claim, Pod, Usage


def pod_lines(pods: Sequence[Pod], usage: Sequence[Usage], *, indent: str = "", shares: dict[str, float] | None = None) -> Iterator[Line]:
    """A table of the pods: fixed columns, numbers right-aligned, readable without colour."""
    if not pods:
        yield Line(f"{indent}no pods", "doubt")
        return
    by_pod = {sample.pod: sample for sample in usage}
    width = max(len("pod"), *(len(pod.name) for pod in pods))
    share_head = "  share of requests" if shares else ""
    cpu_head = "    cpu    memory" if usage else ""
    yield Line(f"{indent}{'pod':<{width}}  phase       ready{cpu_head}  restarts{share_head}", "dim")
    for pod in pods:
        sample = by_pod.get(pod.name)
        cpu = ""
        if usage:
            cpu = f"  {sample.cpu_millicores:>4}m {sample.memory_bytes / 2**20:>5.0f} MiB" if sample else "      -         -"
        share = f"  {shares[pod.name]:>16.0%}" if shares and pod.name in shares else ""
        text = f"{indent}{pod.name:<{width}}  {phase(pod):<10}  {'yes' if pod.ready else 'no':<5}{cpu}  {pod.restarts:>8}{share}"
        yield Line(text, "plain" if pod.ready or pod.deleting else "doubt")


def phase(pod: Pod) -> str:
    """One word for where a pod is: its phase, or what keeps it from it."""
    if pod.deleting:
        return "Ending"
    waiting = next((c.reason for c in pod.every_container if c.state == "waiting" and c.reason not in ("", "PodInitializing")), "")
    if waiting:
        return {
            "ContainerCreating": "Creating",
            "CrashLoopBackOff": "Crashing",
            "ImagePullBackOff": "NoImage",
            "ErrImagePull": "NoImage",
        }.get(waiting, waiting[:10])
    if not pod.scheduled:
        return "Unsched."
    return pod.phase


def autoscaler_line(autoscaler: Autoscaler) -> str:
    """HPA app   cpu 184% of 70%   replicas 2 → 5 (max)   TooManyReplicas"""
    target = f"{autoscaler.cpu_target_percent}%" if autoscaler.cpu_target_percent is not None else "no cpu target"
    cpu = f"{autoscaler.cpu_percent}%" if autoscaler.cpu_percent is not None else "unknown"
    replicas = str(autoscaler.current)
    if autoscaler.desired != autoscaler.current:
        replicas += f" → {autoscaler.desired}"
    bound = " (max)" if autoscaler.desired >= autoscaler.maximum else " (min)" if autoscaler.desired <= autoscaler.minimum else ""
    # TooFewReplicas only says that the minimum is at work, which is how an idle service should look.
    limits = [c.reason for c in autoscaler.conditions if c.type == "ScalingLimited" and c.status and c.reason != "TooFewReplicas"]
    limited = limits[0] if limits else ""
    broken = next((f"{c.reason}: {c.message}" for c in autoscaler.conditions if c.type == "ScalingActive" and not c.status), "")
    words = [
        f"HPA {autoscaler.name}",
        f"cpu {cpu} of {target}",
        f"replicas {replicas}{bound} of {autoscaler.minimum} to {autoscaler.maximum}",
    ]
    return "   ".join(word for word in (*words, limited, broken) if word)


def claim_lines(claims: Sequence[Claim], *, indent: str = "") -> Iterator[Line]:
    """Claims with what they are bound to."""
    for claim in claims:
        volume = f"{claim.capacity} on {claim.volume}" if claim.phase == "Bound" else "not bound"
        kind = f" ({claim.volume_kind}, class {claim.storage_class})" if claim.volume_kind else ""
        text = f"{indent}claim {claim.name}  {claim.phase}  {volume}{kind}" + ("  being deleted" if claim.deleting else "")
        yield Line(text, "plain" if claim.phase == "Bound" and not claim.deleting else "doubt")


def clock_time(epoch_s: float) -> str:
    """12:04:31, local time."""
    return time.strftime("%H:%M:%S", time.localtime(epoch_s))


def short_id(image_id: str) -> str:
    """sha256:5c0e…91d2"""
    kind, _, digest = image_id.rpartition(":")
    return f"{kind}:{digest[:8]}…{digest[-4:]}" if len(digest) > 12 else image_id
