"""Images that go to a registry: pushed, and pinned by their digest in the objects that name them."""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.stack import StackPlan
from shelterctl.core.stack.documents import containers_of, pod_of
from shelterctl.ops.steps import Done
from shelterctl.ports.build import Publisher

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})


@dataclass(frozen=True, slots=True)
class Published:
    """The images by the names that the manifests have, each as it was pinned."""

    pinned: Mapping[str, str]

    def digest(self, reference: str) -> str | None:
        """The digest of an image that was pushed; None for another one."""
        found = self.pinned.get(reference, "")
        return found.partition("@")[2] or None


def publish(publisher: Publisher, built: Sequence[LocalImage]) -> Generator[str, None, Done[Published]]:
    """Pushes those that belong there. Raises ImageLoadFailed, UsageError where a pull Secret cannot be made."""
    if publisher.pull_secret:
        # Asked before anything is sent.
        publisher.secret("default")
    pinned = {}
    for image in built:
        if publisher.pushes(image.reference):
            yield f"{image.reference}, {image.size_bytes / 1e6:.0f} MB"
            pinned[image.reference] = yield from publisher.push(image.reference)
    told = "; ".join(f"{name} as {reference}" for name, reference in pinned.items())
    return Done(f"Pushed {told}" if pinned else "Nothing is pushed", Published(pinned))


def pinned_plan(plan: StackPlan, published: Published, publisher: Publisher) -> StackPlan:
    """The plan with each pushed image by its digest, and with a pull Secret where one was asked for. Raises UsageError without a login."""
    documents: list[dict[str, Any]] = []
    edits: list[str] = []
    spaces: dict[str, None] = {}
    for document in plan.documents:
        body: dict[str, Any] = copy.deepcopy(dict(document))
        if body["kind"] in _WORKLOADS:
            name = f"{body['kind']}/{body['metadata'].get('name')}"
            told = list(_pin(body, name, published.pinned, publisher.pull_secret))
            edits += told
            if told:
                spaces[str(body["metadata"].get("namespace") or "default")] = None
        documents.append(body)
    secrets = [publisher.secret(namespace) for namespace in spaces] if publisher.pull_secret else []
    # A Secret comes before what needs it, and after its namespace.
    first = next((at for at, body in enumerate(documents) if body["kind"] != "Namespace"), len(documents))
    return replace(
        plan,
        options=replace(plan.options, image=published.pinned.get(plan.options.image, plan.options.image)),
        images=tuple(image for image in plan.images if image not in published.pinned),
        object_count=plan.object_count + len(secrets),
        documents=(*documents[:first], *secrets, *documents[first:]),
        edits=(*plan.edits, *edits),
    )


def _pin(body: dict[str, Any], name: str, pinned: Mapping[str, str], pull_secret: str) -> Generator[str, None, None]:
    pod = pod_of(body)
    for container in containers_of(pod):
        reference = pinned.get(container.get("image", ""))
        if reference is None:
            continue
        yield f"{name}: {container['image']} is pulled as {reference}"
        container["image"] = reference
        if container.get("imagePullPolicy") == "Never":
            container["imagePullPolicy"] = "IfNotPresent"
        if pull_secret and {"name": pull_secret} not in (pod.get("imagePullSecrets") or []):
            pod["imagePullSecrets"] = [*(pod.get("imagePullSecrets") or []), {"name": pull_secret}]
