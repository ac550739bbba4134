"""Why a pod found no node: what it asks for beside what the nodes have left, or a claim that nobody gave a volume to."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.core.deploy.rollout import Trouble
from shelterctl.core.deploy.room import shortage
from shelterctl.core.state import Claim, StackState
from shelterctl.errors import ShelterError
from shelterctl.ports.target import Target

#: It looks at the provisioner's own pod, and at the class that the claim names.
ASK_THE_DOCTOR = "shelterctl doctor"


def why_unplaced(target: Target, state: StackState, troubles: Iterable[Trouble]) -> str:
    """The cause with its numbers or its claim; empty where every pod found a node, or the cause is not known."""
    unplaced = [trouble for trouble in troubles if trouble.reason == "Unschedulable"]
    for trouble in unplaced:
        claim = unbound_claim(state, trouble)
        if claim is not None:
            return _waits(trouble, claim)
    short = next((trouble for trouble in unplaced if "Insufficient" in trouble.message), None)
    if short is None:
        return ""
    try:
        numbers = shortage(short.pod, target.rooms())
    except ShelterError:
        return ""
    return f"pod {short.pod.name} found no node: {numbers}" if numbers else ""


def unbound_claim(state: StackState, trouble: Trouble) -> Claim | None:
    """The claim without a volume that keeps a pod from a node. The scheduler's words are "unbound immediate PersistentVolumeClaims"."""
    if trouble.reason != "Unschedulable" or "PersistentVolumeClaim" not in trouble.message:
        return None
    own = [claim for claim in state.claims if claim.namespace == trouble.pod.namespace and claim.name in trouble.pod.claims]
    return next((claim for claim in own if claim.phase != "Bound"), None)


def _waits(trouble: Trouble, claim: Claim) -> str:
    of_class = f"class {claim.storage_class}" if claim.storage_class else "no class"
    return f"pod {trouble.pod.name} waits for claim {claim.name} ({of_class}), which got no volume: nothing provisions it, or not yet"
