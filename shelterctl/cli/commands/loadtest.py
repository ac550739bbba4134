"""`shelterctl loadtest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelterctl.cli.session import Session
    from shelterctl.ports.target import Target


@with_common_options("loadtest")
def command(
    session: Session,
    users: Annotated[int | None, typer.Option(help="Concurrent users. [200]", show_default=False)] = None,
    spawn_rate: Annotated[float | None, typer.Option(help="Users started per second. [20]", show_default=False)] = None,
    duration: Annotated[str | None, typer.Option(help="How long, such as 90s or 4m. [5m]", show_default=False)] = None,
    think: Annotated[str, typer.Option(help="A user's mean pause between requests.")] = "1s",
    locustfile: Annotated[str | None, typer.Option(help="Another Locust file. [locustfiles/shelter.py]", show_default=False)] = None,
    host: Annotated[
        str | None, typer.Option(help="A URL instead of the stack's Service; no cluster is watched.", show_default=False)
    ] = None,
    max_failures: Annotated[str, typer.Option(help="The share of failed requests that still passes.")] = "1%",
    max_p95: Annotated[str | None, typer.Option(help="The p95 that still passes, such as 300ms.", show_default=False)] = None,
    require_scale_up: Annotated[bool, typer.Option("--require-scale-up", help="No pass unless a scale-up was shown.")] = False,
    until_scaled: Annotated[
        bool, typer.Option("--until-scaled", help="End when scaling is decided, at the latest after --duration.")
    ] = False,
    requests: Annotated[int | None, typer.Option(help="End after so many requests.", show_default=False)] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Users who never pause, all from the start: what `ab -c` does.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Make the users' choices repeatable.", show_default=False)] = None,
) -> int:
    """Run a Locust swarm against the Service and watch the HPA: requests, latencies, replicas over time, a verdict.

    \b
    Examples:
      shelterctl loadtest --users 200 --duration 4m
      shelterctl loadtest --users 50 --duration 1m --max-p95 300ms
      shelterctl loadtest --until-scaled --require-scale-up
      shelterctl loadtest --requests 1000 --concurrency 100
      shelterctl loadtest --host http://127.0.0.1:8000 --users 20 --duration 30s
    """
    from contextlib import nullcontext

    from shelterctl.cli.flags import seconds
    from shelterctl.cli.render import loadtest as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.core.events import TargetChosen
    from shelterctl.core.load.plan import MAX_SPAWN_RATE, Expectations, LoadPlan
    from shelterctl.errors import ExitCode, UsageError
    from shelterctl.ops.guards import service_url
    from shelterctl.ops.loadtest import LoadPorts, loadtest

    if concurrency is not None and users is not None:
        raise UsageError("--users and --concurrency: one of them", next_command="shelterctl loadtest --help")
    wiring, settings = session.wiring, session.settings
    own_file, variables = wiring.load_file()
    plan = LoadPlan(
        host=host or "http://to-be-found",
        users=concurrency if concurrency is not None else settings.users if users is None else users,
        spawn_rate=spawn_rate if spawn_rate is not None else MAX_SPAWN_RATE if concurrency is not None else settings.spawn_rate,
        duration_s=settings.duration_s if duration is None else seconds("--duration", duration, "loadtest"),
        locustfile=locustfile or str(own_file),
        variables=variables,
        think_s=0.0 if concurrency is not None else seconds("--think", think, "loadtest"),
        seed=seed,
        requests=requests,
    )
    expectations = Expectations(
        max_failure_ratio=_ratio(max_failures),
        max_p95_ms=None if max_p95 is None else seconds("--max-p95", max_p95, "loadtest") * 1000,
        require_scale_up=require_scale_up,
    )
    if until_scaled and host is not None:
        raise UsageError("--until-scaled: with --host nothing is watched", next_command="leave --host out")
    for problem in (*plan.problems(), *expectations.problems()):
        raise UsageError(problem, next_command="shelterctl loadtest --help")
    if host is None:
        session.confirm_context("the load goes to the service here")
        plan = plan.at(service_url(wiring.target.state(with_usage=False)))
    folder = session.open_folder("loadtest")
    plan = plan.marked(folder.run_id)
    if host is None:
        # The first line: whoever reads along knows by it whose load this is.
        place = wiring.place
        folder.record(TargetChosen(place.context, place.namespace, place.profile, label=place.label))
        ports = LoadPorts(wiring.target, wiring.generator(), wiring.clock, folder.path, session.others())
    else:
        ports = LoadPorts(None, wiring.generator(), wiring.clock, folder.path, behind=lambda: _ready_pods(wiring.target))
    # One load at a time: what another one called for would be taken for this one's. A fault or a rollout may go on under it.
    with session.lock("loadtest", "load") if host is None else nullcontext():
        result = session.drive(loadtest(ports, plan, expectations, until_scaled=until_scaled), render.LoadDisplay(session.terminal, plan))
    code = ExitCode.INTERRUPTED if result.interrupted else exit_code(result.judgement.verdict)
    return session.finish(result, code, lambda: render.lines(result, folder.run_id))


def _ready_pods(target: Target) -> Sequence[str]:
    endpoint = target.state(with_usage=False).endpoint
    return endpoint.ready_pods if endpoint is not None else ()


def _ratio(text: str) -> float:
    from shelterctl.errors import UsageError

    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise UsageError(f"--max-failures {text}: a share such as 1% or 0.01") from None
