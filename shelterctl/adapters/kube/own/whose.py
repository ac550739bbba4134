"""Whose an object is, by who wrote to it: what `down` takes away is what `up` made."""

from __future__ import annotations

from shelterctl.adapters.kube import apply
from shelterctl.adapters.kube.api import Json

#: Who writes beside shelterctl without having made an object: Kubernetes' own parts.
#: `kubectl rollout restart` is what this tool itself advises; k3s and MicroK8s run the controllers in one program of another name.
_CONTROLLERS = (
    "kube-",
    "kubelet",
    "kubelite",
    "k3s",
    "shelterctl",
    "storage-provisioner",
    "coredns",
    "cloud-controller",
    "kubectl-rollout",
)


def made_here(item: Json) -> bool:
    """Whether shelterctl applied the object and nobody but Kubernetes' own parts wrote to it beside: then `up` made it."""
    managers = [entry for entry in item["metadata"].get("managedFields") or () if not entry.get("subresource")]
    applied = any(entry.get("manager") == apply.FIELD_MANAGER for entry in managers)
    return applied and all(str(entry.get("manager", "")).startswith(_CONTROLLERS) for entry in managers)


def made_by_hand(claim: Json) -> bool:
    """Whether somebody wrote the claim's own specification: a StatefulSet takes a claim that is there, and its data are not the stack's.

    Who provisions a volume writes to its claim, too, and did not make it.
    """
    entries = claim["metadata"].get("managedFields") or ()
    owners = [str(e.get("manager", "")) for e in entries if "f:accessModes" in ((e.get("fieldsV1") or {}).get("f:spec") or {})]
    return bool(owners) and not any(owner.startswith(_CONTROLLERS) for owner in owners)
