"""`shelterctl loadtest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import fixed
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from shelterctl.cli.session import Session
    from shelterctl.core.events import Event
    from shelterctl.core.load.plan import LoadPlan
    from shelterctl.core.load.result import LoadResult
    from shelterctl.ops.load_inside import InsidePorts
    from shelterctl.ops.loadtest import LoadPorts
    from shelterctl.ports.target import Target


@with_common_options("loadtest")
def command(
    session: Session,
    locust_options: Annotated[list[str] | None, typer.Argument(help="After --: options of your Locust file.", show_default=False)] = None,
    users: Annotated[int | None, typer.Option(help="Concurrent users. [200]", show_default=False)] = None,
    spawn_rate: Annotated[float | None, typer.Option(help="Users started per second. [20]", show_default=False)] = None,
    duration: Annotated[str | None, typer.Option(help="How long, such as 90s or 4m. [5m]", show_default=False)] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            autocompletion=fixed("constant", "ramp", "steps", "spike", "soak"),
            help="constant, ramp, steps, spike or soak. [constant]",
            show_default=False,
        ),
    ] = None,
    stages: Annotated[
        list[str] | None, typer.Option("--stages", "--stage", help="Users over time: 30s:50,2m:200,30s:0.", show_default=False)
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help="Requests that begin per second, answered or not, such as 300/s; --users is the most at once.", show_default=False
        ),
    ] = None,
    think: Annotated[str | None, typer.Option(help="A user's mean pause between requests. [1s]", show_default=False)] = None,
    path: Annotated[str | None, typer.Option(help="One request, again and again: its path.", show_default=False)] = None,
    method: Annotated[str | None, typer.Option(help="Its method. [GET, with a body POST]", show_default=False)] = None,
    body: Annotated[str | None, typer.Option(help="Its body, or @FILE; {n} and {token} differ each time.", show_default=False)] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="A header of it, or of an own stack's load: 'Name: value'.", show_default=False)
    ] = None,
    write_share: Annotated[str | None, typer.Option(help="The share of requests that write, such as 10%.", show_default=False)] = None,
    locustfile: Annotated[str | None, typer.Option(help="Another Locust file. [locustfiles/shelter.py]", show_default=False)] = None,
    host: Annotated[
        str | None, typer.Option(help="A URL instead of the stack's Service; no cluster is watched.", show_default=False)
    ] = None,
    max_failures: Annotated[str, typer.Option(help="The share of failed requests that still passes.")] = "1%",
    max_p95: Annotated[str | None, typer.Option(help="The p95 that still passes, such as 300ms.", show_default=False)] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="What fails the run: 'p95{POST /data} > 300ms', 'errors > 1%', 'replicas < 3'.", show_default=False),
    ] = None,
    abort_on: Annotated[list[str] | None, typer.Option(help="The same, and it ends the run at once.", show_default=False)] = None,
    require_scale_up: Annotated[bool, typer.Option("--require-scale-up", help="No pass unless a scale-up was shown.")] = False,
    until_scaled: Annotated[
        bool, typer.Option("--until-scaled", help="End when scaling is decided, at the latest after --duration.")
    ] = False,
    watch_down: Annotated[bool, typer.Option("--watch-down", help="Stay until the HPA's minimum is reached again.")] = False,
    requests: Annotated[int | None, typer.Option(help="End after so many requests.", show_default=False)] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Users who never pause, all from the start: what `ab -c` does.", show_default=False)
    ] = None,
    processes: Annotated[int, typer.Option(help="Generator processes that share the load: one core each.")] = 1,
    workers: Annotated[
        str | None,
        typer.Option(
            help="Machines whose processes share it, started there with --worker-of; a number with --in-cluster.", show_default=False
        ),
    ] = None,
    in_cluster: Annotated[bool, typer.Option("--in-cluster", help="Run the generator as a Job in the cluster.")] = False,
    listen: Annotated[str, typer.Option(help="Where they come to.")] = "0.0.0.0:5557",
    worker_of: Annotated[str | None, typer.Option(help="Be a worker of the load at HOST:PORT.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Make the users' choices repeatable.", show_default=False)] = None,
    during: Annotated[
        str | None,
        typer.Option(autocompletion=fixed("up"), help="up: roll the sources out under the load.", show_default=False),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="A name for the run: every RUN may be said by it.", show_default=False)] = None,
    svg: Annotated[str | None, typer.Option("--svg", help="Write the last screen to this file at the end.", show_default=False)] = None,
) -> int:
    """Run a Locust swarm against the Service and watch the HPA: requests, latencies, replicas over time, a verdict.

    \b
    Examples:
      shelterctl loadtest --users 200 --duration 4m
      shelterctl loadtest --stages 1m:10,1m:100,2m:200,1m:10 --fail-on 'p95 > 500ms'
      shelterctl loadtest --until-scaled --require-scale-up
      shelterctl loadtest --requests 1000 --concurrency 100
      shelterctl loadtest --users 2000 --processes 2
      shelterctl loadtest --path /data --rate 300/s --abort-on 'errors > 5%'
      shelterctl loadtest --host http://127.0.0.1:8000 --users 20 --duration 30s
    """
    from contextlib import nullcontext
    from pathlib import Path

    from shelterctl.cli.loading import HELP, Asked, address_of, expectations_of, overruled, plan_of
    from shelterctl.cli.render import loadtest as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.cli.render.live_screen.picture import try_writing
    from shelterctl.cli.terminal import Line
    from shelterctl.errors import ExitCode, UsageError
    from shelterctl.ops.descent import followed_down
    from shelterctl.ops.guards import service_url, service_url_inside
    from shelterctl.ops.loadtest import LoadPorts, loadtest
    from shelterctl.ports.capabilities import required

    wiring = session.wiring
    if worker_of is not None:
        return wiring.generator().attach(*address_of("--worker-of", worker_of))
    asked = Asked(
        users, spawn_rate, duration, think, concurrency, requests, seed, shape, stages or (), rate, path, method, body, header or (),
        write_share, locustfile, locust_options or (), tag, processes,
        workers, listen, in_cluster,
    )  # fmt: skip
    expectations = expectations_of(max_failures, max_p95, fail_on or (), abort_on or (), require_scale_up=require_scale_up)
    plan = plan_of(asked, session.settings, host or "http://to-be-found", wiring.load_file(), wiring.request_file())
    if told := overruled(asked, session.settings):
        session.terminal.complain([Line(told, "dim")])
    if during is not None and (during != "up" or host is not None or until_scaled or watch_down):
        raise UsageError("--during up: of the stack's own Service, for the whole of --duration", next_command=HELP)
    if watch_down and host is not None:
        raise UsageError("--watch-down: with --host nothing is watched", next_command="leave --host out")
    if until_scaled and host is not None:
        raise UsageError("--until-scaled: with --host nothing is watched", next_command="leave --host out")
    if in_cluster and (host is not None or during is not None):
        raise UsageError("--in-cluster: of the stack's own Service, and not with --during", next_command=HELP)
    inside = required(wiring.load_inside()) if in_cluster else None
    for problem in (*plan.problems(), *expectations.problems()):
        raise UsageError(problem, next_command=HELP)
    if svg is not None:
        try_writing(Path(svg))
    if host is None:
        session.confirm_context("the load goes to the service here")
        state = wiring.target.state(with_usage=False)
        plan = plan.at(service_url_inside(state) if in_cluster else service_url(state))
    folder = session.open_folder("loadtest")
    plan = plan.marked(folder.run_id)
    if plan.tag:
        folder.tag(plan.tag)
    here = None if in_cluster or plan.workers else wiring.processor()
    if host is None:
        session.tell_place(folder)
        ports = LoadPorts(wiring.target, wiring.generator(), wiring.clock, folder.path, session.others(), machine=here)
    else:
        ports = LoadPorts(None, wiring.generator(), wiring.clock, folder.path, behind=lambda: _ready_pods(wiring.target), machine=here)
    place, picture = wiring.place if host is None else None, Path(svg) if svg else None
    display = render.LoadDisplay(session.terminal, plan, place, picture, own_names=wiring.owners)
    # One load at a time: what another one called for would be taken for this one's. A fault or a rollout may go on under it.
    if during is not None:
        from shelterctl.cli.deploying import deployed
        from shelterctl.cli.render.autoscaling.rollout import rollout_lines
        from shelterctl.ops.during import rolled_out

        session.confirm_context("the sources are rolled out here")
        with session.lock("loadtest", "load"), session.lock("up"):
            load = loadtest(ports, plan, expectations, rolls_out=True)
            # New pods have no measurement for a minute, and their autoscaler none: no user waits for that.
            both = session.drive(rolled_out(load, plan, lambda: deployed(session, wait_hpa=False)), display)
        code = ExitCode.INTERRUPTED if both.load.interrupted else exit_code(both.judgement.verdict)
        return session.finish(both, code, lambda: rollout_lines(both, folder.run_id))
    with session.lock("loadtest", "load") if host is None else nullcontext():
        work = _led(session, ports, inside, plan, lambda ports, plan: loadtest(ports, plan, expectations, until_scaled=until_scaled))
        result = session.drive(followed_down(work, ports) if watch_down else work, display)
    code = ExitCode.INTERRUPTED if result.interrupted else exit_code(result.judgement.verdict)
    return session.finish(result, code, lambda: render.lines(result, folder.run_id))


def _led(
    session: Session,
    ports: LoadPorts,
    inside: InsidePorts | None,
    plan: LoadPlan,
    load: Callable[[LoadPorts, LoadPlan], Generator[Event, None, LoadResult]],
) -> Generator[Event, None, LoadResult]:
    """The load, by the generator inside the cluster where that was asked for, once what acknowledges a write is known."""
    from dataclasses import replace

    from shelterctl.cli.loading_learned import with_learned
    from shelterctl.ops.load_inside import prepared

    if inside is not None:
        ports = replace(ports, generator=(yield from prepared(inside)))
    if ports.target is not None:
        plan = yield from with_learned(session.wiring, plan)
    return (yield from load(ports, plan))


def _ready_pods(target: Target) -> Sequence[str]:
    endpoint = target.state(with_usage=False).endpoint
    return endpoint.ready_pods if endpoint is not None else ()
