"""Looks for the proof of the kill: the pod before and after, its claim, and the database's own log."""

from __future__ import annotations

from collections.abc import Generator

from shelterctl.core.events import Outcome
from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.proof import KillEvidence, KillProof, prove
from shelterctl.core.state import Role, successor
from shelterctl.core.verdict import Reason
from shelterctl.errors import ShelterError
from shelterctl.ops.chaos import shutdown_line
from shelterctl.ops.chaos.run import KillRun
from shelterctl.ops.steps import Done


def gather(run: KillRun) -> Generator[str, None, Done[KillProof | None]]:
    """The proof; None where no fault was injected. What cannot be read is a doubt in it: what the account found stands all the same."""
    if run.report is None:
        return Done("No fault was injected", None, Outcome.SKIPPED)
    yield "the pod, its claim and the database's log"
    try:
        state = run.ports.target.state(with_usage=False)
    except ShelterError as error:
        doubt = Reason(f"the proof could not be read: {error.what}: {error.why}".rstrip(": "), "shelterctl status")
        return Done("The kill is not proved", KillProof((), (doubt,)), Outcome.FAILED)
    before = run.pod_before
    after = successor(state.pods_of(Role.DATABASE), before)
    server = server_name(run)
    proof = prove(
        KillEvidence(
            run.report,
            run.container.name,
            before,
            after,
            tuple(claim for claim in run.state_before.claims if claim.name in before.claims),
            tuple(claim for claim in state.claims if after is not None and claim.name in after.claims),
            server,
            shutdown_line.find(run.ports.target, after, run.container.name, server) if after is not None else "",
            must_note_shutdown=server.startswith("mongod "),
            identity_before=run.identity,
            identity_after=_identity(run),
            pods_seen=tuple(pod for at in run.history.seen() for pod in at.pods if pod.name == before.name),
        )
    )
    if proof.proved:
        return Done("The kill is proved", proof, Outcome.UNCHANGED)
    return Done("The kill is not proved", proof, Outcome.FAILED)


def _identity(run: KillRun) -> DatabaseIdentity:
    """What cannot be read is told as nothing, which is a doubt in the proof."""
    try:
        return run.ports.database.identity()
    except ShelterError:
        return DatabaseIdentity()


def server_name(run: KillRun) -> str:
    """The database's own name and version; empty where it does not say."""
    try:
        return run.ports.database.server()
    except ShelterError:
        return ""
