"""Which HorizontalPodAutoscaler is the application's, where a namespace may have several."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.kube.records import RoleOf, role_of
from shelterctl.core.state import Autoscaler, Pod, Role


def own(items: Iterable[Json], deployments: Collection[str], role: RoleOf = role_of) -> Autoscaler | None:
    """The one that scales one of the application's `deployments`, else one that carries its label; None where neither is there.

    Of several that scale it (which is a mistake that `doctor` names) a labelled one comes first, then the first by name.
    """
    found = []
    for item in items:
        target = item["spec"].get("scaleTargetRef") or {}
        scales = target.get("kind") == "Deployment" and target.get("name") in deployments
        labelled = role(item) is Role.APP
        if scales or labelled:
            found.append((not scales, not labelled, str(item["metadata"]["name"]), item))
    return records.autoscaler(min(found, key=lambda entry: entry[:3])[3]) if found else None


def deployments_of(pods: Iterable[Pod]) -> frozenset[str]:
    """The Deployments whose pods these are, by how a ReplicaSet names them: `<deployment>-<template hash>-<random>`."""
    return frozenset(
        pod.name.partition(f"-{pod.revision}-")[0]
        for pod in pods
        if pod.role is Role.APP and pod.revision and f"-{pod.revision}-" in pod.name
    )
