"""The stack as found: its picture, its parts with their bounds and rights, the image from the build to the answer, scans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shelterctl.core.deploy.stack import Change
from shelterctl.core.figures.stack import stack_svg
from shelterctl.core.report import manifests, told, topology
from shelterctl.core.report.clean import cleaned
from shelterctl.core.report.document import Block, Listing, Paragraph, Picture, Section, Table
from shelterctl.core.report.records import Deployed
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json

_MOST_FINDINGS = 30


def section(run: Run, clean: Callable[[str], str]) -> Section:
    title = f"The stack as found: {run.name}"
    if run.missing:
        return Section(title, (Paragraph(f"{run.missing}.", doubt=True), *_steps(run)))
    up = from_json(Deployed, run.result)
    blocks: list[Block] = []
    drawn = cleaned(topology.picture(up, run.objects), clean)
    if drawn.parts:
        what = (
            "From the manifests that this run applied" if run.objects else "From the pods, the Service and the autoscaler that this run saw"
        )
        blocks.append(Picture("stack", f"{what}.", stack_svg(drawn), wide=True))
    if drawn.policies:
        blocks.append(Listing("Network policies:", drawn.policies))
    blocks += _resources(run, up)
    blocks += _image(up)
    blocks += _scan(up)
    blocks += _scaler(up)
    blocks += _steps(run)
    if up.caveats:
        blocks.append(Listing("What it ran on:", up.caveats))
    return Section(title, tuple(blocks))


def _resources(run: Run, up: Deployed) -> Iterator[Block]:
    found = list(manifests.containers(run.objects))
    if found:
        bounds = tuple(
            (c.workload, c.name, *(value or "not set" for value in (c.cpu_request, c.cpu_limit, c.memory_request, c.memory_limit)))
            for c in found
        )
        head = ("workload", "container", "CPU requested", "CPU limit", "memory requested", "memory limit")
        yield Table("Requests and limits", head, bounds, frozenset({2, 3, 4, 5}))
        rights = tuple(
            (c.workload, c.name, *(value or "not set" for value in (c.probes, c.user, c.read_only_root)), c.secrets or "none")
            for c in found
        )
        yield Table(
            "Probes, users, read-only roots, Secrets", ("workload", "container", "probes", "user", "read-only root", "Secrets"), rights
        )
        return
    yield Table(
        "Requests and limits",
        ("pod", "CPU requested", "CPU limit", "memory requested"),
        tuple(_pod(pod) for pod in up.pods),
        frozenset({1, 2, 3}),
    )
    rows = tuple(
        (pod.name, c.name, "yes" if c.probed else "none", ", ".join(f"{mount.path} ({mount.kind})" for mount in c.mounts) or "none")
        for pod in up.pods
        for c in pod.containers
    )
    yield Table("Containers", ("pod", "container", "readiness probe", "volumes"), rows)
    created = any(change.change is Change.CREATED for change in up.applied.changes)
    why = "this target has no manifests" if created else "this run created nothing anew, so that its account has no whole manifests"
    yield Paragraph(f"Users, read-only roots and Secrets' places are not told here: {why}.", doubt=True)


def _pod(pod: Any) -> tuple[str, ...]:
    requests = [value for value in pod.cpu_requests_millicores if value is not None]
    limits = [value for value in pod.cpu_limits_millicores if value is not None]
    return (
        pod.name,
        f"{sum(requests)}m" if requests else "not set",
        f"{sum(limits)}m" if limits else "not set",
        f"{sum(pod.memory_requests_bytes) / 2**20:.0f} MiB" if sum(pod.memory_requests_bytes) else "not set",
    )


def _image(up: Deployed) -> Iterator[Block]:
    chain = up.chain
    running = ", ".join(told.digest(image) for image in chain.running_ids) or "not seen"
    answering = "it does not say" if chain.answering_tag is None else chain.answering_tag or "not seen"
    row = (chain.reference, told.digest(chain.built_id), told.digest(chain.loaded_id), running, answering)
    yield Table("The image from the build to the answer", ("image", "built", "loaded", "running", "answering"), (row,))
    yield Paragraph(
        f"The chain does not hold: {chain.broken_at}." if chain.broken_at else "Every link that this stack has is the same image.",
        doubt=bool(chain.broken_at),
    )
    loads = tuple(
        (item.reference, item.method, told.bytes_(item.sent_bytes), str(item.layers_sent), str(item.layers_present)) for item in up.loads
    )
    if loads:
        yield Table("Brought into the node", ("image", "how", "sent", "layers sent", "layers there"), loads, frozenset({2, 3, 4}))


def _scan(up: Deployed) -> Iterator[Block]:
    if up.scan is None:
        return
    for image in up.scan.images:
        if image.counts is None:
            yield Paragraph(f"{image.reference} could not be scanned: {image.problem}", doubt=True)
            continue
        counts = ", ".join(f"{count} {severity}" for severity, count in dict(image.counts).items() if count) or "nothing"
        yield Paragraph(f"{up.scan.scanner} found in {image.reference}: {counts}.")
        rows = tuple(
            (item.severity.value, item.id, item.package, item.installed, item.fixed or "none yet")
            for item in image.vulnerabilities[:_MOST_FINDINGS]
        )
        if rows:
            yield Table(f"Vulnerabilities of {image.reference}", ("severity", "id", "package", "installed", "fixed in"), rows)
        if len(image.vulnerabilities) > _MOST_FINDINGS:
            yield Paragraph(f"{len(image.vulnerabilities) - _MOST_FINDINGS} more are in the run's result; these are the worst.")


def _scaler(up: Deployed) -> Iterator[Block]:
    scaler = up.autoscaler
    if scaler is None:
        yield Paragraph("No autoscaler scales it.")
        return
    rows = [
        ("replicas", f"{scaler.minimum} to {scaler.maximum}"),
        ("target", told.percent(scaler.cpu_target_percent) + " of the CPU request"),
        *_behavior(scaler.behavior),
    ]
    yield Table(f"The autoscaler {scaler.name}", ("setting", "value"), tuple(rows))


def _selected(rules: Any, count: int) -> str:
    if count == 1:
        return ""
    return f"{'the least' if rules.get('selectPolicy') == 'Min' else 'the most'} of: "


def _amount(policy: Any) -> str:
    value = policy.get("value")
    return f"{value}%" if policy.get("type") == "Percent" else f"{value} pod{'' if value == 1 else 's'}"


def _behavior(behavior: Any) -> Iterator[tuple[str, str]]:
    for field, word in (("scaleUp", "scaling up"), ("scaleDown", "scaling down")):
        rules = manifests.at(behavior, field)
        if not isinstance(rules, dict):
            yield word, "the controller's defaults"
            continue
        window = rules.get("stabilizationWindowSeconds")
        policies = [f"{_amount(item)} in {item.get('periodSeconds')} s" for item in manifests.rows(rules.get("policies"))]
        joined = f" ({_selected(rules, len(policies))}{', '.join(policies)})" if policies else ""
        yield word, f"{'default window' if window is None else f'a window of {window} s'}{joined}"


def _steps(run: Run) -> Sequence[Block]:
    rows = tuple((step.title, step.outcome.value, told.seconds(step.elapsed_s)) for _, step in run.told.steps)
    return [Table("What the run did", ("step", "outcome", "time"), rows, frozenset({2}))] if rows else []
