"""Where the database's data lie: claims and volumes that nobody uses, volumes that go with the pod, names that cannot resolve."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack import engines
from shelterctl.core.stack.model import ClaimFact, Engine, StackFinding, VolumeFact, Weight, Workload
from shelterctl.core.stack.stack import Stack


def find(stack: Stack) -> Iterator[StackFinding]:
    yield from _unused(stack)
    yield from _one_volume_for_two(stack)
    for workload in stack.workloads:
        if workload.kind == "StatefulSet":
            yield from _service_name(stack, workload)
    if stack.roles.database is not None:
        yield from _database(stack, stack.roles.database)


def _mounted(stack: Stack) -> set[tuple[str, str]]:
    return {
        (workload.namespace, volume.source)
        for workload in stack.workloads
        for volume in workload.volumes
        if volume.kind == "claim" and any(volume.name in container.mounts.values() for container in workload.containers)
    }


def _unused(stack: Stack) -> Iterator[StackFinding]:
    mounted = _mounted(stack)
    for claim in stack.claims:
        if (claim.namespace, claim.name) not in mounted and not _templated(stack, claim):
            what = f"claim {claim.name} is mounted by no pod"
            yield StackFinding("claim-unused", Weight.NOTE, what, claim.origin, "no data go there", "take it out, or mount it")
    for volume in stack.volumes:
        wanting = [claim for claim in stack.claims if _fits(claim, volume)]
        used = any((claim.namespace, claim.name) in mounted or _templated(stack, claim) for claim in wanting)
        if not used:
            what = f"volume {volume.name}{f' ({volume.path})' if volume.path else ''} is used by nothing"
            why = "a claim without a class gets the cluster's default one, and a volume that is made for it"
            yield StackFinding("volume-unused", Weight.NOTE, what, volume.origin, why, f"claim it by name: volumeName: {volume.name}")


def _templated(stack: Stack, claim: ClaimFact) -> bool:
    return any(claim.name.startswith(f"{template}-{w.name}-") for w in stack.workloads for template in w.claim_templates)


def _fits(claim: ClaimFact, volume: VolumeFact) -> bool:
    if claim.volume_name:
        return claim.volume_name == volume.name
    # Without storageClassName the default class is put in (DefaultStorageClass admission), which no class-less volume has.
    return claim.storage_class is not None and claim.storage_class == volume.storage_class and claim.size_bytes <= volume.size_bytes


def _one_volume_for_two(stack: Stack) -> Iterator[StackFinding]:
    for volume in stack.volumes:
        claimants = [claim for claim in stack.claims if _fits(claim, volume)]
        others = [v for v in stack.volumes if v != volume and any(_fits(claim, v) for claim in claimants)]
        if len(claimants) > 1 + len(others):
            what = f"claims {', '.join(claim.name for claim in claimants)} all want volume {volume.name}"
            why = "one claim gets it; the other pod stays Pending: unbound immediate PersistentVolumeClaims"
            yield StackFinding(
                "volume-for-two-claims", Weight.BLOCKS, what, claimants[1].origin, why, "a volume each, or no class of one's own"
            )


def _service_name(stack: Stack, workload: Workload) -> Iterator[StackFinding]:
    name, origin = workload.service_name, workload.service_name_origin or workload.origin
    service = next((s for s in stack.services if s.name == name and s.namespace == workload.namespace), None)
    if not name:
        what = f"{workload.key} names no Service (serviceName)"
        yield StackFinding("pod-names-unresolvable", Weight.NOTE, what, origin, f"{workload.name}-0.<service> does not resolve")
    elif service is None:
        what = f"{workload.key} names Service {name}, and no manifest has it"
        yield StackFinding("pod-names-unresolvable", Weight.NOTE, what, origin, f"{workload.name}-0.{name} does not resolve")
    elif not service.headless:
        what = f"{workload.name}-0.{name} does not resolve: Service {name} is not headless"
        why = "records of single pods exist for a headless Service only; the name of the Service itself works"
        yield StackFinding(
            "pod-names-unresolvable", Weight.NOTE, what, origin, why, "clusterIP: None, where somebody needs the pods' names"
        )


def _database(stack: Stack, database: Workload) -> Iterator[StackFinding]:
    engine = stack.roles.engine
    if engine is None:
        return
    path = stack.data_path
    held = database.data_mount(path)
    if held is None:
        where = database.containers[0].origin if database.containers else database.origin
        beside = [path for container in database.containers for path, name in container.mounts.items() if _durable(database, name)]
        what = f"{database.key} keeps its data in no volume: {path} is the container's own layer"
        if beside:
            what += f"; its volume is mounted at {beside[0]}"
        why = "they are gone when the pod is made anew"
        # The folder of a version lies in one for all of them, which is what the image declares.
        above = "/var/lib/postgresql" if path.endswith("/docker") else path
        yield StackFinding("database-without-volume", Weight.BLOCKS, what, where, why, f"mount a claim at {above}")
    elif held[1] is not None and held[1].kind == "emptyDir":
        what = f"{database.key} keeps its data in an emptyDir"
        yield StackFinding("database-in-empty-dir", Weight.BLOCKS, what, held[1].origin, "it goes with the pod", "a claim in its place")
    elif (image := next(c.image for c in database.containers if c == held[0])) and engines.hidden_by_image(
        engine, build.base if (build := stack.built.get(image)) is not None else image, held[2]
    ):
        what = f"{database.key} mounts its volume at {held[2]}, above {engine.data_path}, where {image} has a volume of its own"
        why = "the runtime puts an empty one there, which goes with the container: the data are gone when it starts anew"
        yield StackFinding(
            "volume-above-image-volume", Weight.RISK, what, held[0].origin, why, f"mountPath: {engine.data_path}"
        )  # fmt: skip
    if database.kind == "Deployment" and database.strategy != "Recreate":
        what = f"{database.key} replaces its pod by a rolling update"
        why = "the new one starts while the old one holds the data: DBPathInUse, or a lock that is never free"
        if engine is Engine.POSTGRESQL:
            why = "the new one starts on the data of the old one: postmaster.pid keeps out no server of another pod, and they spoil them"
        yield StackFinding(
            "database-rolls", Weight.RISK, what, database.strategy_origin or database.origin, why, "strategy: {type: Recreate}"
        )  # fmt: skip
    if (database.replicas or 1) > 1 and database.kind == "Deployment":
        what = f"{database.key} runs {database.replicas} pods on one claim"
        yield StackFinding("database-twice", Weight.BLOCKS, what, database.replicas_origin or database.origin, "two servers on one folder")


def _durable(workload: Workload, name: str) -> bool:
    return name in workload.claim_templates or any(v.name == name and v.kind in ("claim", "hostPath") for v in workload.volumes)
