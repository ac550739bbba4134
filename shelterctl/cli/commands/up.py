"""`shelterctl up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import live
from shelterctl.cli.options import MONGO_PASSWORD_FILE, MONGO_URI, with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("up")
def command(
    session: Session,
    overlay: Annotated[
        str | None, typer.Option(autocompletion=live("overlays"), help="Overlay of manifests/overlays. [minikube]", show_default=False)
    ] = None,
    cpu_target: Annotated[int | None, typer.Option(help="The HPA's CPU target in percent of the request.", show_default=False)] = None,
    minimum: Annotated[int | None, typer.Option("--min", help="The HPA's least number of pods.", show_default=False)] = None,
    maximum: Annotated[int | None, typer.Option("--max", help="The HPA's greatest number of pods.", show_default=False)] = None,
    replicas: Annotated[int | None, typer.Option(help="A fixed number of pods, and no HPA.", show_default=False)] = None,
    node_port: Annotated[int | None, typer.Option(help="The Service's node port.", show_default=False)] = None,
    sync_period: Annotated[
        str | None, typer.Option(help="How often the autoscaler looks; on the local target only. [15s]", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="The service's port; on the local target only.", show_default=False)] = None,
    mongo_uri: Annotated[str | None, typer.Option(help=MONGO_URI, show_default=False)] = None,
    mongo_password_file: Annotated[str | None, typer.Option(help=MONGO_PASSWORD_FILE, show_default=False)] = None,
    adopt: Annotated[
        bool | None,
        typer.Option("--adopt/--no-adopt", help="Take a stack that runs already as it is: build and apply nothing.", show_default=False),
    ] = None,
    registry: Annotated[
        str | None, typer.Option(help="HOST/PATH to push the built images to, instead of loading them.", show_default=False)
    ] = None,
    pull_secret: Annotated[
        str | None, typer.Option(help="Make a Secret of this name, of what `docker login` keeps, to pull them with.", show_default=False)
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Look for vulnerabilities in the built images, by trivy, grype or docker scout.")
    ] = False,
    fail_on_severity: Annotated[
        str | None,
        typer.Option(help="Scan, and deploy nothing as bad as that: low, medium, high or critical.", show_default=False),
    ] = None,
    wait_hpa: Annotated[bool, typer.Option("--wait-hpa/--no-wait-hpa", help="Wait until the HPA has a metric.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change (asks the API server), change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force-conflicts", help="Take over fields that others have set.")] = False,
) -> int:
    """Build the image, load it, apply the manifests, wait, and prove that what was built is what answers.

    \b
    Examples:
      shelterctl up
      shelterctl up --cpu-target 50 --max 4
      shelterctl up --dry-run
      shelterctl up --fail-on-severity high
      shelterctl up --overlay minikube-two-namespaces --no-wait-hpa
    """
    session.choose(mongo_uri=mongo_uri, mongo_password_file=mongo_password_file, adopt=adopt, registry=registry, pull_secret=pull_secret)
    # Before the rest is so much as imported.
    session.wiring.foresee(overlay or session.settings.overlay)

    from shelterctl.cli.flags import seconds, severity
    from shelterctl.cli.render import up as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.cli.render.steps import StepsDisplay
    from shelterctl.core.deploy.stack import StackOptions
    from shelterctl.errors import UsageError
    from shelterctl.ops.up.up import UpPorts, UpRequest, up

    fail_on = None if fail_on_severity is None else severity("--fail-on-severity", fail_on_severity, "up")
    scan = scan or fail_on is not None
    if scan and (dry_run or adopt):
        asked = "--dry-run" if dry_run else "--adopt"
        raise UsageError(f"{asked} builds no image: there is nothing that --scan could look into", next_command="shelterctl up --scan")
    wiring, settings = session.wiring, session.settings
    wiring.check_choice()
    options = StackOptions(
        overlay or settings.overlay,
        "",
        cpu_target,
        minimum,
        maximum,
        node_port,
        replicas,
        None if sync_period is None else seconds("--sync-period", sync_period, "up"),
        port,
        settings.mongo_uri,
    )
    for problem in options.problems():
        raise UsageError(problem, next_command="shelterctl up --help")
    # A wrong folder is told before a machine is started for it.
    _ = wiring.project
    session.confirm_context("the stack is deployed here")
    session.tell_sources()
    folder = session.open_folder("up")
    ports = UpPorts(
        wiring.builder,
        wiring.preparation,
        wiring.images,
        wiring.policies,
        wiring.target,
        wiring.answers(),
        wiring.clock,
        wiring.publisher(),
        wiring.scanner,
        folder,
    )
    request = UpRequest(
        wiring.place, options, settings.timeout_s, wait_hpa, dry_run, force, among_others=settings.yes, scan=scan, fail_on=fail_on
    )
    with session.lock("up"):
        if settings.adopt is False and not dry_run:
            # Before anything is applied: what `down` may remove must not hang on how this ends.
            wiring.keep_choice()
        result = session.drive(up(ports, request), StepsDisplay(session.terminal))
        if settings.adopt and not dry_run:
            wiring.keep_choice()
    code = exit_code(result.scan.judgement.verdict) if result.scan is not None and result.scan.judgement is not None else 0
    return session.finish(result, code, lambda: render.lines(result))
