"""`status` on one screen."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.render.stack import autoscaler_line, claim_lines, clock_time, pod_lines, short_id
from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.core.state import app_first
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import counted
from shelterctl.ops.status import StatusResult

_SHOWN_WARNINGS = 8
_WORDS = {
    Verdict.PASS: "everything runs as it was built",
    Verdict.FAIL: "not as it should be",
    Verdict.UNKNOWN: "what can be seen is as it should be, and not all can be seen",
}


def lines(result: StatusResult) -> Iterator[Line]:
    """The answer first: is the stack as it should be? Then the evidence."""
    state, judgement = result.state, result.health.judgement
    words = _WORDS[judgement.verdict]
    less = f" ({result.health.less})" if result.health.well and result.health.less else ""
    yield Line(f"{state.namespace} @ {result.context}: {words}{less}", verdict_style(judgement.verdict.value))
    for reason in judgement.reasons:
        yield Line(f"  {reason.text}", verdict_style(judgement.verdict.value))
    commands = dict.fromkeys(reason.next_command for reason in judgement.reasons if reason.next_command)
    if commands:
        yield Line(f"    Next: {', then '.join(commands)}")
    if result.chain.reference:
        yield from _image(result)
    if state.endpoint is not None:
        yield Line(f"service  {state.endpoint.url or state.endpoint.problem}   {len(state.endpoint.ready_pods)} ready endpoints")
    if state.autoscaler is not None:
        healthy = state.autoscaler.has_metric
        yield Line(autoscaler_line(state.autoscaler), "plain" if healthy else "doubt")
    yield from pod_lines(sorted(state.pods, key=app_first), state.usage)
    if state.usage_problem:
        yield Line(f"no usage: {state.usage_problem}", "doubt")
    yield from claim_lines(state.claims)
    for caveat in state.caveats:
        yield Line(f"note     {caveat}", "dim")
    yield from _warnings(result)


def _image(result: StatusResult) -> Iterator[Line]:
    chain = result.chain
    yield Line(f"image    {chain.reference}")
    running = ", ".join(short_id(image_id) for image_id in chain.running_ids) or "none"
    loaded = "" if chain.loaded_id is None else f"   loaded {short_id(chain.loaded_id) or 'unknown'}"
    built = "not here" if chain.built_id is None else short_id(chain.built_id) or "unknown"
    yield Line(f"         built {built}{loaded}")
    answering = "" if chain.answering_tag is None else f"   answering {chain.answering_tag or 'nothing'}"
    yield Line(f"         running {running}{answering}")
    if result.sources_changed:
        now = f" (they are {result.sources_tag} now)" if result.sources_tag != chain.tag else ""
        yield Line(f"         the sources have changed since{now}: shelterctl up", "doubt")


def _warnings(result: StatusResult) -> Iterator[Line]:
    """What still matters, line by line; what a pod has got over since is counted."""
    warnings = [h for h in result.state.happenings if h.warning]
    since = {f"pod/{pod.name}": pod.ready_since_s for pod in result.state.pods if pod.ready and pod.ready_since_s is not None}
    # The API's times are whole seconds.
    past = [h for h in warnings if h.subject in since and h.at_s <= since[h.subject] + 1]
    current = [h for h in warnings if h not in past]
    if current:
        yield Line("warnings of the last 10 minutes", "strong")
    for happening in current[-_SHOWN_WARNINGS:]:
        times = f" (×{happening.count})" if happening.count > 1 else ""
        yield Line(f"  {clock_time(happening.at_s)}  {happening.subject}  {happening.reason}: {happening.message}{times}", "doubt")
    if len(current) > _SHOWN_WARNINGS:
        yield Line(f"  and {len(current) - _SHOWN_WARNINGS} before them: shelterctl status --output json", "dim")
    if past:
        names = ", ".join(sorted({h.subject.removeprefix("pod/") for h in past}))
        yield Line(f"{counted(len(past), 'warning')} of the last 10 minutes before {names} became ready", "dim")
