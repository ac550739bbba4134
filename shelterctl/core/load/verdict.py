"""Judges a load: did the service serve, can the generator be believed, did the autoscaler scale, was the cluster in sight.

Each check stands for itself. A proven failure makes a FAIL; everything that keeps the run from proving anything makes it UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from shelterctl.core.load.busy import BUSY_CPU_PERCENT
from shelterctl.core.load.conditions import Held, fewest_for
from shelterctl.core.load.histogram import RELATIVE_ERROR
from shelterctl.core.load.plan import MAX_DURATION_S, Expectations, LoadPlan
from shelterctl.core.load.scaling import ScalingCheck, ScalingState
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import Disturbance, GeneratorEnd, GeneratorLoad, Traffic
from shelterctl.core.verdict import Judgement, Reason, Verdict, judge
from shelterctl.core.words import counted, percent

#: A generator at its limit for a tenth of the run shaped what was measured.
BUSY_RATIO = 0.1
#: A hundredth of the answers waited longer than this in the generator itself: a tenth of the mean think time of a second, so that
#: the users asked less than they should have, and the p99 is not the service's.
LAG_P99_LIMIT_MS = 100.0
#: Below this a 95th percentile is the largest value.
FEWEST_FOR_P95 = fewest_for(95)
#: So many of the swarm's mean pauses, but SILENCE_S at least, are never without an answer unless requests hang: with independent users
#: the chance is e^-10.
SILENT_PAUSES = 10.0
SILENCE_S = 10.0
#: A load that sent less than this share of its rate is another load than was asked for.
KEPT_RATE = 0.95
#: What the load had come to before another command changed the stack says something from so many requests on.
FEWEST_BEFORE = 100
#: One sync of the autoscaler (15 s) and a poll: in a longer blindness it can decide and take back unseen.
BLIND_S = 20.0


class CheckName(Enum):
    """What is judged."""

    SERVING = "serving"
    GENERATOR = "generator"
    CONDITIONS = "conditions"
    SCALING = "scaling"
    OBSERVATION = "observation"


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its judgement."""

    name: CheckName
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class LoadJudgement:
    """The verdict over the checks."""

    judgement: Judgement
    checks: tuple[Check, ...]


def judge_load(
    plan: LoadPlan,
    expectations: Expectations,
    traffic: Traffic,
    generator: GeneratorLoad,
    timeline: Timeline | None,
    scaling: ScalingCheck | None,
    *,
    interrupted: bool,
    held: Sequence[Held] = (),
    aborted: str = "",
    settled: str = "",
    disturbed: Disturbance | None = None,
) -> LoadJudgement:
    """The verdict of a run; `timeline` and `scaling` are None where no cluster was watched.

    No request at all is UNKNOWN, and so is a generator at its own limit (but see `Expectations.scaling_alone`), unless more failed than is
    allowed whatever it was busy with (`Traffic.failed_for_certain`). Otherwise a proven failure (of serving or of scaling) is a FAIL, and
    any doubt UNKNOWN. A load that called for no more pods, or that was too short to tell, decides nothing, unless a scale-up was required.
    `held` are the conditions of the caller's own, `aborted` the one that broke the load off, `settled` why it was ended before its time,
    when it had shown what it could. What failed once another command changed the stack (`disturbed`) is not put down to the service.
    """
    watched = timeline is not None
    fewer = plan.command(users=plan.users // 2, watched=watched)
    look = "shelterctl status" if watched else f"curl -i {plan.host}"
    serving = judge_serving(plan, expectations, traffic, lag_ms=generator.lag_p99_ms, look=look, fewer=fewer)
    excuse = None if disturbed is None else _excuse(plan, expectations, disturbed, again=plan.command(watched=watched))
    serving = _excused(serving, excuse)
    machine = judge_generator(traffic, generator, fewer=fewer)
    checks = [Check(CheckName.SERVING, serving), Check(CheckName.GENERATOR, machine)]
    unknowns: list[Reason] = []
    failures: list[Reason] = list(serving.reasons) if serving.verdict is Verdict.FAIL else []
    if interrupted:
        unknowns.append(Reason("the run was interrupted: it shows what happened until then"))
    unknowns += _incomplete(plan, traffic, generator, watched=watched, ended=interrupted or bool(aborted or settled))
    if serving.verdict is Verdict.UNKNOWN:
        unknowns += serving.reasons
    if aborted:
        broken_off = _excused(Judgement(Verdict.FAIL, (Reason(f"broken off: {aborted}", look),)), excuse)
        (failures if broken_off.verdict is Verdict.FAIL else unknowns).extend(broken_off.reasons)
    if held:
        conditions = _excused(judge_conditions(held, look=look), excuse)
        checks.append(Check(CheckName.CONDITIONS, conditions))
        (failures if conditions.verdict is Verdict.FAIL else unknowns).extend(conditions.reasons)
    if timeline is not None and scaling is not None:
        seen = judge_observation(timeline)
        scaled = _excused(scaling.judgement, excuse)
        checks += [Check(CheckName.SCALING, scaled), Check(CheckName.OBSERVATION, seen)]
        unknowns += seen.reasons
        if scaled.verdict is Verdict.FAIL:
            failures += scaled.reasons
        elif scaling.state in (ScalingState.UNKNOWN, ScalingState.FAILED):
            unknowns += scaled.reasons
        elif expectations.require_scale_up and scaling.state is not ScalingState.SHOWN:
            unknowns += [Reason(f"a scale-up was required: {r.text}", r.next_command) for r in scaling.judgement.reasons]
    elif expectations.require_scale_up:
        unknowns.append(Reason("a scale-up was required, and no cluster was watched: leave --host out"))
    unknowns = list(dict.fromkeys(unknowns))
    if not traffic.requests:
        overall = Judgement(Verdict.UNKNOWN, (*serving.reasons, *(r for r in unknowns if r not in serving.reasons)))
    elif machine.verdict is Verdict.UNKNOWN and not _slow_and_scaled(expectations, generator, traffic, scaling, serving):
        certain = excuse is None and not generator.cut_off_s and traffic.failed_for_certain(generator.lag_max_ms)
        failed = serving.verdict is Verdict.FAIL and certain > expectations.max_failure_ratio
        reasons = (*failures, *machine.reasons) if failed else (*machine.reasons, *failures)
        overall = Judgement(Verdict.FAIL if failed else Verdict.UNKNOWN, tuple(dict.fromkeys((*reasons, *unknowns))))
    else:
        overall = judge(failures, unknowns)
    return LoadJudgement(overall, tuple(checks))


def judge_serving(plan: LoadPlan, expectations: Expectations, traffic: Traffic, *, lag_ms: float, look: str, fewer: str) -> Judgement:
    """Whether enough requests succeeded, fast enough where a limit was given.

    `lag_ms` is how late the generator was itself: a response time may hold so much of it. `look` is the command that shows the service,
    `fewer` that of a smaller load.
    """
    if traffic.requests - traffic.own_failures <= 0:
        nothing = Reason("no request was answered: nothing can be said", look)
        return Judgement(Verdict.UNKNOWN, (nothing, *_failed_checks(expectations, traffic), *_raised(expectations, traffic)))
    failures, unknowns = _failed_checks(expectations, traffic), _raised(expectations, traffic)
    if traffic.failure_ratio > expectations.max_failure_ratio:
        text = f"{percent(traffic.failure_ratio)} of the requests failed ({_kinds(traffic.failure_kinds)})"
        if traffic.failure_ratio - traffic.odd_ratio > expectations.max_failure_ratio:
            failures.append(Reason(f"{text}; {percent(expectations.max_failure_ratio)} is allowed", look))
        else:
            unknowns.append(Reason(f"{text}: whether those writes were taken is not known", "[writes] ok in shelterctl.toml says it"))
    limit_ms = expectations.max_p95_ms
    if limit_ms is not None and traffic.untimed:
        text = f"a p95 of {limit_ms:.0f} ms is allowed, and {traffic.untimed:,} of {traffic.requests:,} requests have no response time"
        unknowns.append(Reason(f"{text}: the Locust file's users did not tell it"))
    elif limit_ms is not None and traffic.p95_ms is not None:
        if traffic.requests < FEWEST_FOR_P95:
            unknowns.append(Reason(f"{traffic.requests} requests are too few for a 95th percentile"))
        elif traffic.p95_ms / (1 + RELATIVE_ERROR) - lag_ms > limit_ms:
            failures.append(Reason(f"p95 was {traffic.p95_ms:.0f} ms; {limit_ms:.0f} ms are allowed"))
        elif traffic.p95_ms / (1 - RELATIVE_ERROR) > limit_ms:
            text = (
                f"p95 was {traffic.p95_ms:.0f} ms, and {limit_ms:.0f} ms are allowed: too near to tell "
                f"(measured to {percent(RELATIVE_ERROR)}, the generator's own lag p99 was {lag_ms:.0f} ms)"
            )
            unknowns.append(Reason(text, fewer))
    if traffic.silent_s > max(SILENCE_S, SILENT_PAUSES * plan.think_s / plan.users):
        unknowns.append(Reason(f"nothing was answered in the last {traffic.silent_s:.0f} s of the load", look))
    return judge(failures, unknowns)


def _excuse(plan: LoadPlan, expectations: Expectations, disturbed: Disturbance, *, again: str) -> Reason | None:
    """Why what failed is not the service's; None where it had failed before anybody else changed the stack."""
    before = disturbed.before
    if before is not None and before.requests >= FEWEST_BEFORE:
        served = judge_serving(plan, expectations, before, lag_ms=0.0, look="", fewer="")
        if served.verdict is Verdict.FAIL:
            return None
    text = f"{disturbed.who} worked on the stack from {disturbed.from_s:.0f} s on: what failed since may be its doing, not the service's"
    return Reason(text, again)


def _excused(found: Judgement, excuse: Reason | None) -> Judgement:
    return Judgement(Verdict.UNKNOWN, (excuse, *found.reasons)) if excuse is not None and found.verdict is Verdict.FAIL else found


def _failed_checks(expectations: Expectations, traffic: Traffic) -> list[Reason]:
    """Assertions of a Locust file of one's own are its word on the service: too many fail the run, as too many failed requests do.

    Locust itself ends with exit code 1 after a task that raised and after a failed request alike.
    """
    share = sum(traffic.failed_checks.values()) / max(traffic.tasks, 1)
    if share <= expectations.max_failure_ratio:
        return []
    text = f"{percent(share)} of the Locust file's tasks failed a check of its own ({_kinds(traffic.failed_checks)})"
    return [Reason(f"{text}; {percent(expectations.max_failure_ratio)} is allowed")]


def _raised(expectations: Expectations, traffic: Traffic) -> list[Reason]:
    """Any other exception may be the file's fault or the service's, and the rest of its task was never sent."""
    if traffic.users_ended:
        kinds = _kinds({**traffic.failed_checks, **traffic.task_errors})
        text = f"{counted(traffic.users_ended, 'user')} ended by an exception of the Locust file{f' ({kinds})' if kinds else ''}"
        return [Reason(f"{text}: the load was smaller")]
    share = sum(traffic.task_errors.values()) / max(traffic.tasks, 1)
    if share <= expectations.max_failure_ratio:
        return []
    text = f"{percent(share)} of the Locust file's tasks raised ({_kinds(traffic.task_errors)})"
    return [Reason(f"{text}: what they would have sent is not known")]


def _kinds(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} × {kind}" for kind, count in list(counts.items())[:3])


def _slow_and_scaled(
    expectations: Expectations, generator: GeneratorLoad, traffic: Traffic, scaling: ScalingCheck | None, serving: Judgement
) -> bool:
    """Whether only scaling was asked about, and came although the generator was slow: what it sent was enough then."""
    shown = scaling is not None and scaling.state is ScalingState.SHOWN
    whole = not generator.cut_off_s and not traffic.own_failures
    return expectations.scaling_alone and shown and whole and serving.verdict is Verdict.PASS


def judge_generator(traffic: Traffic, generator: GeneratorLoad, *, fewer: str) -> Judgement:
    """UNKNOWN where the generator was at its own limit: then it measured itself. `fewer` is the command for a smaller load."""
    doubts = []
    if generator.busy_ratio >= BUSY_RATIO:
        doubts.append(
            Reason(
                f"the generator{generator.named('busy_ratio')} was at its own limit: {BUSY_CPU_PERCENT:.0f}% of a core or more for "
                f"{percent(generator.busy_ratio)} of the run",
                fewer,
            )
        )
    if generator.lag_p99_ms > LAG_P99_LIMIT_MS:
        doubts.append(
            Reason(
                f"the generator{generator.named('lag_p99_ms')} was late itself: its loop lag p99 was {generator.lag_p99_ms:.0f} ms, so its "
                "latencies are no measure",
                fewer,
            )
        )
    if generator.cut_off_s > 0:
        doubts.append(
            Reason(
                f"the tunnel to the service was broken for {generator.cut_off_s:.1f} s of the load: what failed then is not the service's"
            )
        )
    if traffic.own_failures:
        kinds = ", ".join(traffic.own_kinds)
        doubts.append(Reason(f"{traffic.own_failures:,} requests failed on the generator's own machine ({kinds})", "ulimit -n"))
    return judge((), doubts)


def judge_conditions(held: Sequence[Held], *, look: str) -> Judgement:
    """FAIL for each condition that holds, a doubt for each that the measurement does not decide."""
    failures = [Reason(f"{item.condition}: it was {item.seen}", look) for item in held if item.holds]
    doubts = [Reason(f"{item.condition}: undecided, {item.seen}; {item.why}") for item in held if item.holds is None]
    return judge(failures, doubts)


def judge_observation(timeline: Timeline) -> Judgement:
    """UNKNOWN where the cluster told nothing for longer than it needs for a decision."""
    doubts = []
    for gap in timeline.blind:
        if gap.until_s is None:
            doubts.append(Reason(f"the cluster did not answer from {gap.from_s:.0f} s to the end: {gap.why}", "shelterctl status"))
        elif gap.until_s - gap.from_s > BLIND_S:
            doubts.append(
                Reason(f"the cluster did not answer from {gap.from_s:.0f} to {gap.until_s:.0f} s: {gap.why}", "shelterctl status")
            )
    return judge((), doubts)


def _incomplete(plan: LoadPlan, traffic: Traffic, generator: GeneratorLoad, *, watched: bool, ended: bool) -> list[Reason]:
    """What the load lacks of what was asked for; `ended` is whether that was broken off on purpose."""
    again = plan.command(watched=watched)
    reasons = [Reason(text, again) for text in generator.lost]
    if generator.end is GeneratorEnd.DIED:
        last = f": {_telling(generator.last_lines)}" if generator.last_lines else ""
        reasons.append(Reason(f"the generator ended by itself after {generator.seconds:.0f} of {plan.duration_s:.0f} s{last}"))
    elif generator.end is GeneratorEnd.STUCK:
        reasons.append(Reason("the generator did not end in time and was killed"))
    if plan.rate_per_s is not None and traffic.requests and traffic.requests_per_s < KEPT_RATE * plan.rate_per_s:
        text = (
            f"{traffic.requests_per_s:.0f} of {plan.rate_per_s:.0f} requests/s were sent: {plan.users:,} users were too few for "
            "answers that slow, or the generator was busy"
        )
        reasons.append(Reason(text, plan.command(users=2 * plan.users, watched=watched)))
    whole = generator.end is GeneratorEnd.FINISHED and not ended
    if plan.requests is not None and 0 < traffic.requests < plan.requests and whole:
        longer_s = min(MAX_DURATION_S, 1.5 * plan.duration_s * plan.requests / traffic.requests)
        reasons.append(
            Reason(
                f"{traffic.requests:,} of {plan.requests:,} requests were made in {plan.duration_s:.0f} s",
                replace(plan, duration_s=longer_s).command(watched=watched),
            )
        )
    if generator.users_reached < generator.users_asked and not ended and generator.end is not GeneratorEnd.DIED:
        reasons.append(
            Reason(
                f"{generator.users_reached:,} of {generator.users_asked:,} users were there at most",
                plan.command(duration_s=2 * plan.duration_s, watched=watched),
            )
        )
    return reasons


def _telling(lines: Sequence[str]) -> str:
    """The line that says what happened: the last one that names an error, else the last one."""
    errors = [line for line in lines if re.match(r"\s*[\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    return (errors or list(lines))[-1].strip()
