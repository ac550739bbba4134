"""`shelterctl prove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import fixed
from shelterctl.cli.options import MONGO_PASSWORD_FILE, MONGO_URI, with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session
    from shelterctl.core.claims import Claim

#: Enough for the autoscaler of the manifests to be called for, and little enough for a small machine.
_USERS = 150
CLAIMS = fixed("deploy", "scale", "data", "names")


@with_common_options("prove")
def command(
    session: Session,
    users: Annotated[int | None, typer.Option(help=f"Users of the load. [{_USERS}]", show_default=False)] = None,
    duration: Annotated[str, typer.Option(help="The longest that the load may take to decide about scaling.")] = "5m",
    only: Annotated[
        list[str] | None, typer.Option(autocompletion=CLAIMS, help="Only this claim: deploy, scale, data or names. Repeatable.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(autocompletion=CLAIMS, help="Not this claim. Repeatable.")] = None,
    junit: Annotated[str | None, typer.Option(help="Write the claims to this file as JUnit's XML.", show_default=False)] = None,
    summary: Annotated[
        str | None, typer.Option(help="Write them to this file as Markdown. [$GITHUB_STEP_SUMMARY]", show_default=False)
    ] = None,
    mongo_uri: Annotated[str | None, typer.Option(help=MONGO_URI, show_default=False)] = None,
    mongo_password_file: Annotated[str | None, typer.Option(help=MONGO_PASSWORD_FILE, show_default=False)] = None,
    down: Annotated[bool, typer.Option("--down", help="Take away what this run deployed.")] = False,
) -> int:
    """The whole job: deploy, scale under load, kill the database under that load, check the names; a verdict for each claim.

    \b
    Examples:
      shelterctl prove
      shelterctl prove --only deploy --only data
      shelterctl prove --junit proof.xml --down
    """
    from shelterctl.cli.proving import Proving
    from shelterctl.cli.render import prove as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.core.claims import Claim
    from shelterctl.errors import ExitCode
    from shelterctl.ops.prove import prove

    session.choose(mongo_uri=mongo_uri, mongo_password_file=mongo_password_file)
    claims = _chosen(only or [], skip or [])
    proving = Proving(session, (session.wiring.users_of_proof or _USERS) if users is None else users, duration, claims)
    proving.check()
    session.confirm_context("everything is proved here")
    if Claim.DEPLOYS in claims:
        session.tell_sources()
    session.open_folder("prove")
    place = session.wiring.place
    with session.lock("prove"), session.lock("prove", "load"):
        operation = prove(proving.parts(), proving.left_out(), session.wiring.clock, context=place.context, namespace=place.namespace)
        proof = session.drive(
            operation, render.ProveDisplay(session.terminal, proving.plan, session.wiring.place, own_names=session.wiring.owners)
        )
        if down:
            proving.take_away()
    for path, text in ((junit, render.junit(proof)), (summary or proving.github_summary(), render.summary(proof))):
        if path:
            proving.write(path, text)
    code = ExitCode.INTERRUPTED if proof.interrupted else exit_code(proof.judgement.verdict)
    ended = session.finish(proof, code, lambda: render.lines(proof, width=min(100, session.terminal.width)))
    _report(session)
    return ended


def _report(session: Session) -> None:
    """The proof as a file to hand in. What keeps it from being written is told, and changes nothing of the verdict."""
    from shelterctl.cli import reporting

    assert session.folder is not None
    try:
        told = f"Report: {reporting.of_proof(session.settings, session.folder.run_id)}"
    except Exception as error:  # noqa: BLE001 - the proof is done and kept: nothing about its report may take its verdict away
        told = f"no report was written ({error}): shelterctl report {session.folder.run_id}"
    # Where standard output is a document, the line goes beside it. Nobody may be there to read it: the file is.
    try:
        session.terminal.line(told, stderr=session.terminal.output != "table")
    except OSError:
        session.terminal.reader_is_gone()


def _chosen(only: list[str], skip: list[str]) -> frozenset[Claim]:
    """Raises UsageError."""
    from shelterctl.core.claims import Claim
    from shelterctl.errors import UsageError
    from shelterctl.settings import nearest

    known = {claim.value: claim for claim in Claim}
    for name in (*only, *skip):
        if name not in known:
            raise UsageError(f"no claim is called {name}{nearest(name, known)}", why="Known: " + ", ".join(known))
    chosen = frozenset(known[name] for name in only or known) - frozenset(known[name] for name in skip)
    if not chosen:
        raise UsageError("nothing is left to prove", next_command="shelterctl prove")
    return chosen
