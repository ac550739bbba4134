"""The proof of a kill: what it must leave behind, held to the pod, its claims and the database's log."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.faults.database import UNTOLD, DatabaseIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.state import Claim, Pod
from shelterctl.core.verdict import Reason

#: 128 + SIGKILL.
SIGKILL_EXIT_CODE = 137


@dataclass(frozen=True, slots=True)
class KillEvidence:
    """The database's container, pod and claims before and after the fault, and what its log says of the last shutdown.

    `pods_seen` is the pod as the cluster's watch told of it meanwhile, oldest first: the kubelet's record of an exit may be gone again
    when the proof is looked for (it removes a dead container as soon as a second one is there that does not run yet).
    `unclean_shutdown_line` is the database's own line. `must_note_shutdown` is True for mongod, which always writes one; PostgreSQL may
    keep its log in a file, or in another language, and the others have no such line.
    """

    report: KillReport
    container: str
    pod_before: Pod
    pod_after: Pod | None
    claims_before: tuple[Claim, ...]
    claims_after: tuple[Claim, ...]
    server: str = ""
    unclean_shutdown_line: str = ""
    must_note_shutdown: bool = True
    pods_seen: tuple[Pod, ...] = ()
    identity_before: DatabaseIdentity = UNTOLD
    identity_after: DatabaseIdentity = UNTOLD


@dataclass(frozen=True, slots=True)
class KillProof:
    """What proves the kill, sentence by sentence, and what is missing from the proof (empty where it is proved)."""

    facts: tuple[str, ...]
    doubts: tuple[Reason, ...]

    @property
    def proved(self) -> bool:
        return not self.doubts


def prove(evidence: KillEvidence) -> KillProof:
    """Holds the evidence to what a kill must leave behind.

    Rules: a killed pod has another UID; a process killed in place has the same pod UID, a restart more, another container id and
    exit code 137 with a reason other than OOMKilled (the kernel's out-of-memory killer leaves 137 too), and mongod notes the unclean
    shutdown at its next start; the application reaches another process than before; the claims and their volumes are the same objects.
    """
    facts: list[str] = []
    doubts: list[Reason] = []
    if evidence.pod_after is None:
        return KillProof((), (Reason("the database's pod was not there after the fault", "shelterctl status"),))
    if evidence.report.mode is KillMode.SIGKILL:
        _prove_sigkill(evidence, evidence.pod_after, facts, doubts)
    elif evidence.pod_after.uid == evidence.pod_before.uid:
        doubts.append(Reason(f"pod {evidence.pod_before.name} has the UID it had before the fault: it was not replaced"))
    else:
        before, after = evidence.pod_before, evidence.pod_after
        done = f"pod {before.name} was {evidence.report.mode.value.replace('-', ' ')}d"
        if after.name == before.name:
            facts.append(f"{done}: its UID went from {before.uid[:8]} to {after.uid[:8]}")
        else:
            facts.append(f"{done}, and {after.name} took its place")
    _prove_identity(evidence, facts, doubts)
    _prove_claims(evidence, facts, doubts)
    return KillProof(tuple(facts), tuple(doubts))


def _prove_sigkill(evidence: KillEvidence, after: Pod, facts: list[str], doubts: list[Reason]) -> None:
    report, before = evidence.report, evidence.pod_before
    old, new = before.container(evidence.container), after.container(evidence.container)
    if old is None or new is None:
        doubts.append(Reason(f"pod {after.name} has no container {evidence.container} (any more)"))
        return
    facts.append(f"{old.name} got SIGKILL (pid {report.process_id} on {report.node})")
    if not report.process_gone:
        doubts.append(Reason(f"the node still had process {report.process_id} after the signal"))
    if after.uid != before.uid:
        doubts.append(Reason("the pod was replaced meanwhile: its container's exit code is gone with it"))
        return
    if new.restarts != old.restarts + 1 or new.container_id == old.container_id:
        doubts.append(Reason(f"container {old.name} restarted {new.restarts - old.restarts} times where one restart was the fault's own"))
    pods = [pod for pod in (after, *evidence.pods_seen) if pod.uid == before.uid]
    records = [found for pod in pods if (found := pod.container(evidence.container)) is not None]
    ended = next((c for c in records if c.last_container_id == old.container_id), None)
    if ended is None:
        doubts.append(Reason("the exit code on record is not that of the container that was killed"))
    elif ended.last_exit_code != SIGKILL_EXIT_CODE:
        doubts.append(Reason(f"the container ended with exit code {ended.last_exit_code}, a SIGKILL leaves {SIGKILL_EXIT_CODE}"))
    elif ended.last_reason == "OOMKilled":
        doubts.append(Reason("the kernel killed the container for want of memory: the fault's own signal proves nothing"))
    else:
        facts.append(f"exit code {SIGKILL_EXIT_CODE}, restart {old.restarts} → {new.restarts}, same pod {after.uid[:8]}")
    if evidence.unclean_shutdown_line:
        facts.append(f"{evidence.server.partition(' ')[0] or 'mongod'} noted it: {evidence.unclean_shutdown_line}")
    elif not evidence.must_note_shutdown:
        said = "has no line in its log" if evidence.server.startswith("PostgreSQL ") else "writes no line"
        facts.append(f"{evidence.server} {said} about an unclean shutdown: the exit code stands alone")
    else:
        doubts.append(Reason("mongod's log has no line about an unclean shutdown", "shelterctl logs db"))


def _prove_identity(evidence: KillEvidence, facts: list[str], doubts: list[Reason]) -> None:
    """The application may write to another database than the one that was killed."""
    before, after = evidence.identity_before, evidence.identity_after
    still = before.is_still(after)
    if still is None:
        text = (
            "whether the database that was killed is the one that the application writes to cannot be told: it says neither which process "
            "it is nor how long it runs"
        )
        doubts.append(Reason(text, "shelterctl logs db"))
    elif still:
        text = (
            f"the database that the application reaches ({after.words}) is the process that it was before the fault: "
            "the pod that was killed is not the database that is written to"
        )
        doubts.append(Reason(text, "shelterctl logs app"))
    else:
        facts.append("the application reaches another database process than before")


def _prove_claims(evidence: KillEvidence, facts: list[str], doubts: list[Reason]) -> None:
    before = {(claim.namespace, claim.name): (claim.uid, claim.volume, claim.volume_uid) for claim in evidence.claims_before}
    after = {(claim.namespace, claim.name): (claim.uid, claim.volume, claim.volume_uid) for claim in evidence.claims_after}
    if not before:
        doubts.append(Reason("the database has no claim: nothing shows that its data outlive the pod"))
    elif before == after:
        claims = ", ".join(f"{name} (volume {volume})" for (_, name), (_, volume, _) in sorted(before.items()))
        facts.append(f"same claim and volume: {claims}")
    else:
        doubts.append(Reason("the claim or its volume is not the same object as before the fault"))
