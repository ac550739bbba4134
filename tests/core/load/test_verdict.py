"""The verdict of a load test, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.conditions import Held
from shelterctl.core.load.plan import Expectations
from shelterctl.core.load.scaling import ScalingCheck, ScalingState
from shelterctl.core.load.timeline import Blindness, Timeline
from shelterctl.core.load.traffic import GeneratorEnd, GeneratorLoad, Traffic
from shelterctl.core.load.verdict import CheckName, judge_load
from shelterctl.core.verdict import Judgement, Reason, Verdict
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC

pytestmark = pytest.mark.unit

WATCHED = Timeline(observed_s=240.0, autoscaled=True, points=())
SCALED = ScalingCheck(ScalingState.SHOWN, Judgement(Verdict.PASS, (Reason("2 → 4 replicas"),)))
HALF = "shelterctl loadtest --users 100 --spawn-rate 20 --duration 240s"


def scaling(state: ScalingState, text: str = "why", command: str = "shelterctl status") -> ScalingCheck:
    verdict = Verdict.FAIL if state is ScalingState.FAILED else Verdict.UNKNOWN
    return ScalingCheck(state, Judgement(verdict, (Reason(text, command),)))


def judged(
    *,
    traffic: Traffic = TRAFFIC,
    generator: GeneratorLoad = GENERATOR,
    timeline: Timeline | None = WATCHED,
    check: ScalingCheck | None = SCALED,
    expectations: Expectations | None = None,
    interrupted: bool = False,
) -> Judgement:
    expected = expectations or Expectations()
    return judge_load(PLAN, expected, traffic, generator, timeline, check, interrupted=interrupted).judgement


def failing(failures: int) -> Traffic:
    return replace(TRAFFIC, failures=failures, failure_kinds={"HTTP 503": failures})


FAILED_2_PERCENT = Reason("2% of the requests failed (200 × HTTP 503); 1% is allowed", "shelterctl status")


def test_pass_with_every_check() -> None:
    held = (Held("errors > 1%", False, "0% of 10,000 requests"),)
    verdict = judge_load(PLAN, Expectations(max_p95_ms=300), TRAFFIC, GENERATOR, WATCHED, SCALED, interrupted=False, held=held)
    assert verdict.judgement == Judgement(Verdict.PASS)
    assert {check.name: check.judgement.verdict for check in verdict.checks} == dict.fromkeys(CheckName, Verdict.PASS)


def test_pass_of_a_service_without_a_cluster() -> None:
    verdict = judge_load(PLAN, Expectations(), TRAFFIC, GENERATOR, None, None, interrupted=False)
    assert verdict.judgement == Judgement(Verdict.PASS)
    assert [check.name for check in verdict.checks] == [CheckName.SERVING, CheckName.GENERATOR]


@pytest.mark.parametrize(("failures", "verdict"), [(0, Verdict.PASS), (100, Verdict.PASS), (101, Verdict.FAIL), (10_000, Verdict.FAIL)])
def test_one_percent_of_failures_is_allowed(failures: int, verdict: Verdict) -> None:
    assert judged(traffic=failing(failures)).verdict is verdict


def test_an_answer_in_other_words_is_no_failure_for_certain() -> None:
    """An application may have two ways to say yes, of which the marked writes met one."""
    odd = "HTTP 201 with another answer than the marked write's"
    found = judged(traffic=replace(failing(250), failure_kinds={odd: 200, "HTTP 503": 50}))
    assert found.verdict is Verdict.UNKNOWN
    assert "whether those writes were taken is not known" in found.reasons[0].text
    assert judged(traffic=replace(failing(350), failure_kinds={odd: 200, "HTTP 503": 150})).verdict is Verdict.FAIL
    busy = judged(generator=BUSY, traffic=replace(failing(350), failure_kinds={odd: 350}))
    assert busy.verdict is Verdict.UNKNOWN


def test_serving_fails() -> None:
    assert judged(traffic=failing(200)) == Judgement(Verdict.FAIL, (FAILED_2_PERCENT,))


def test_serving_too_slowly_fails_where_a_limit_was_given() -> None:
    assert judged(expectations=Expectations(max_p95_ms=200.0)) == Judgement(Verdict.FAIL, (Reason("p95 was 210 ms; 200 ms are allowed"),))
    assert judged(expectations=Expectations(max_p95_ms=213.0)) == Judgement(Verdict.PASS)


@pytest.mark.parametrize("limit_ms", [205.0, 208.0, 210.0, 212.0])
def test_a_limit_within_the_measurements_own_error_is_unknown(limit_ms: float) -> None:
    """1% of 210 ms either way, and the 3 ms that the generator was late itself count on the service's side."""
    (reason,) = judged(expectations=Expectations(max_p95_ms=limit_ms)).reasons
    assert judged(expectations=Expectations(max_p95_ms=limit_ms)).verdict is Verdict.UNKNOWN
    assert reason.text == (
        f"p95 was 210 ms, and {limit_ms:.0f} ms are allowed: too near to tell (measured to 1%, the generator's own lag p99 was 3 ms)"
    )
    assert reason.next_command == "shelterctl loadtest --users 100 --spawn-rate 20 --duration 240s"


def test_what_the_generators_lag_can_explain_is_no_failure() -> None:
    late = replace(GENERATOR, lag_p99_ms=60.0)
    assert judged(generator=late, expectations=Expectations(max_p95_ms=160.0)).verdict is Verdict.UNKNOWN
    assert judged(generator=late, expectations=Expectations(max_p95_ms=140.0)).verdict is Verdict.FAIL


def test_a_handful_of_requests_has_no_p95() -> None:
    few = replace(TRAFFIC, requests=19)
    assert judged(traffic=few, expectations=Expectations(max_p95_ms=1.0)) == Judgement(
        Verdict.UNKNOWN, (Reason("19 requests are too few for a 95th percentile"),)
    )


def test_no_request_is_unknown_whatever_else_was_seen() -> None:
    none = replace(TRAFFIC, requests=0, p95_ms=None)
    assert judged(traffic=none, check=scaling(ScalingState.FAILED)) == Judgement(
        Verdict.UNKNOWN, (Reason("no request was answered: nothing can be said", "shelterctl status"),)
    )


def test_silence_at_the_end_is_unknown() -> None:
    assert judged(traffic=replace(TRAFFIC, silent_s=14.2)) == Judgement(
        Verdict.UNKNOWN, (Reason("nothing was answered in the last 14 s of the load", "shelterctl status"),)
    )


def test_a_few_users_who_think_for_long_are_silent_by_themselves() -> None:
    quiet = replace(TRAFFIC, silent_s=50.0)
    few = replace(PLAN, users=5, think_s=60.0)
    assert judge_load(few, Expectations(), quiet, GENERATOR, WATCHED, SCALED, interrupted=False).judgement.verdict is Verdict.PASS
    hanging = replace(TRAFFIC, silent_s=121.0)
    assert judge_load(few, Expectations(), hanging, GENERATOR, WATCHED, SCALED, interrupted=False).judgement.verdict is Verdict.UNKNOWN


BUSY = replace(GENERATOR, busy_ratio=0.4)
BUSY_REASON = Reason("the generator was at its own limit: 90% of a core or more for 40% of the run", HALF)


def test_a_generator_at_its_limit_is_unknown() -> None:
    assert judged(generator=BUSY) == Judgement(Verdict.UNKNOWN, (BUSY_REASON,))


def test_a_generator_at_its_limit_still_tells_the_failures() -> None:
    broken = replace(failing(200), failure_kinds={"ConnectionResetError ECONNRESET": 200})
    reset = Reason("2% of the requests failed (200 × ConnectionResetError ECONNRESET); 1% is allowed", "shelterctl status")
    assert judged(generator=BUSY, traffic=broken, check=scaling(ScalingState.FAILED)) == Judgement(
        Verdict.UNKNOWN, (BUSY_REASON, reset, Reason("why", "shelterctl status"))
    )


def timed_out(failures: int, max_ms: float) -> Traffic:
    return replace(TRAFFIC, failures=failures, failure_kinds={"TimeoutError": failures}, max_ms=max_ms)


@pytest.mark.parametrize(
    ("traffic", "lag_max_ms", "verdict"),
    [
        # An error's status is what the service said, however late it was read.
        (failing(200), 5_000.0, Verdict.FAIL),
        (failing(100), 20.0, Verdict.UNKNOWN),
        # Ten seconds without an answer are not the 300 ms that the generator was late; they may be its 3 s.
        (timed_out(200, 10_000.0), 300.0, Verdict.FAIL),
        (timed_out(200, 10_000.0), 3_000.0, Verdict.UNKNOWN),
        (timed_out(200, 500.0), 300.0, Verdict.UNKNOWN),
        # Nine in ten of them may be the generator's own doing.
        (replace(failing(200), failure_kinds={"HTTP 503": 20, "ConnectionResetError ECONNRESET": 180}), 20.0, Verdict.UNKNOWN),
    ],
)
def test_what_failed_whatever_the_generator_was_busy_with_fails(traffic: Traffic, lag_max_ms: float, verdict: Verdict) -> None:
    found = judged(generator=replace(BUSY, lag_max_ms=lag_max_ms), traffic=traffic)
    assert found.verdict is verdict
    assert BUSY_REASON in found.reasons
    if verdict is Verdict.FAIL:
        assert "2% of the requests failed" in found.reasons[0].text


def test_what_failed_while_the_way_to_the_service_was_broken_is_still_no_failure() -> None:
    assert judged(generator=replace(BUSY, cut_off_s=3.0), traffic=failing(200)).verdict is Verdict.UNKNOWN


def test_a_short_burst_of_the_generator_is_no_limit() -> None:
    assert judged(generator=replace(GENERATOR, busy_ratio=0.09, cpu_percent_peak=100.0)).verdict is Verdict.PASS


def test_a_generator_that_is_late_itself_is_unknown() -> None:
    assert judged(generator=replace(GENERATOR, lag_p99_ms=100.0)).verdict is Verdict.PASS
    assert judged(generator=replace(GENERATOR, lag_p99_ms=140.0)) == Judgement(
        Verdict.UNKNOWN,
        (Reason("the generator was late itself: its loop lag p99 was 140 ms, so its latencies are no measure", HALF),),
    )


@pytest.mark.parametrize(
    ("why", "requests", "verdict"), [("", 9_999, "UNKNOWN"), ("", 10_000, "PASS"), ("a scale-up was shown", 9_000, "PASS")]
)
def test_fewer_requests_than_asked_for_are_unknown_where_the_time_was_up(why: str, requests: int, verdict: str) -> None:
    """A load that was ended for another reason is told of by that."""
    plan, traffic = replace(PLAN, requests=10_000), replace(TRAFFIC, requests=requests)
    found = judge_load(plan, Expectations(), traffic, GENERATOR, None, None, interrupted=False, settled=why).judgement
    assert found.verdict is Verdict(verdict)
    if found.verdict is Verdict.UNKNOWN:
        assert found.reasons[0].text == "9,999 of 10,000 requests were made in 240 s"
        assert found.reasons[0].next_command.endswith("--duration 360s --requests 10000")


def test_users_that_were_not_there_yet_are_no_doubt_about_a_load_that_had_shown_what_it_could() -> None:
    few = replace(GENERATOR, users_reached=13)
    for why, verdict in (("", Verdict.UNKNOWN), ("the scale-up was shown, and a new pod answers", Verdict.PASS)):
        found = judge_load(PLAN, Expectations(), TRAFFIC, few, WATCHED, SCALED, interrupted=False, settled=why)
        assert found.judgement.verdict is verdict


SLOW = replace(GENERATOR, lag_p99_ms=109.0, busy_ratio=0.5)
ONLY = Expectations(require_scale_up=True, scaling_alone=True)


def test_a_slow_generator_leaves_no_doubt_where_only_scaling_is_asked_about_and_it_came() -> None:
    assert judged(generator=SLOW, expectations=ONLY) == Judgement(Verdict.PASS)
    assert judged(generator=SLOW).verdict is Verdict.UNKNOWN
    for doubted in (
        judged(generator=SLOW, expectations=ONLY, check=scaling(ScalingState.NOT_CALLED_FOR)),
        judged(generator=SLOW, expectations=ONLY, check=scaling(ScalingState.FAILED)),
        judged(generator=SLOW, expectations=ONLY, traffic=replace(failing(200), failure_kinds={"CannotSendRequest": 200})),
        judged(generator=SLOW, expectations=ONLY, traffic=replace(TRAFFIC, own_kinds={"OSError": 3})),
        judged(generator=replace(SLOW, cut_off_s=2.0), expectations=ONLY),
        judged(generator=replace(SLOW, users_reached=3), expectations=ONLY),
    ):
        assert doubted.verdict is Verdict.UNKNOWN


def test_failures_of_the_generators_machine_are_unknown_and_no_failure() -> None:
    own = replace(TRAFFIC, failures=500, own_kinds={"OSError EMFILE": 500}, failure_kinds={"OSError EMFILE": 500})
    assert judged(traffic=own) == Judgement(
        Verdict.UNKNOWN, (Reason("500 requests failed on the generator's own machine (OSError EMFILE)", "ulimit -n"),)
    )


def test_users_that_were_never_there_are_unknown() -> None:
    assert judged(generator=replace(GENERATOR, users_reached=150)) == Judgement(
        Verdict.UNKNOWN,
        (Reason("150 of 200 users were there at most", "shelterctl loadtest --users 200 --spawn-rate 20 --duration 480s"),),
    )


def test_a_generator_that_died_is_unknown() -> None:
    died = replace(GENERATOR, end=GeneratorEnd.DIED, seconds=31.0, users_reached=100, last_lines=("Traceback", "MemoryError"))
    reason = Reason("the generator ended by itself after 31 of 240 s: MemoryError")
    assert judged(generator=died) == Judgement(Verdict.UNKNOWN, (reason,))
    assert judged(generator=died, traffic=failing(200)) == Judgement(Verdict.FAIL, (FAILED_2_PERCENT, reason))


def test_the_reason_of_a_generator_that_died_is_the_line_that_names_the_error() -> None:
    lines = ("Traceback (most recent call last):", "ValueError: no such path", "Aggregated  0  0(0.00%)")
    died = replace(GENERATOR, end=GeneratorEnd.DIED, seconds=31.0, last_lines=lines)
    assert judged(generator=died).reasons[0].text == "the generator ended by itself after 31 of 240 s: ValueError: no such path"


def test_a_generator_that_was_stuck_is_unknown() -> None:
    assert judged(generator=replace(GENERATOR, end=GeneratorEnd.STUCK)) == Judgement(
        Verdict.UNKNOWN, (Reason("the generator did not end in time and was killed"),)
    )


INTERRUPTED = Reason("the run was interrupted: it shows what happened until then")


def test_an_interrupted_run_is_unknown_unless_it_failed_already() -> None:
    stopped = replace(GENERATOR, end=GeneratorEnd.STOPPED, users_reached=20)
    assert judged(generator=stopped, interrupted=True) == Judgement(Verdict.UNKNOWN, (INTERRUPTED,))
    assert judged(generator=stopped, interrupted=True, traffic=failing(200)) == Judgement(Verdict.FAIL, (FAILED_2_PERCENT, INTERRUPTED))


def test_scaling_that_failed_fails() -> None:
    assert judged(check=scaling(ScalingState.FAILED, "no pod was added")) == Judgement(
        Verdict.FAIL, (Reason("no pod was added", "shelterctl status"),)
    )


def test_scaling_that_cannot_be_known_is_unknown() -> None:
    assert judged(check=scaling(ScalingState.UNKNOWN, "no metric", "shelterctl doctor")) == Judgement(
        Verdict.UNKNOWN, (Reason("no metric", "shelterctl doctor"),)
    )


@pytest.mark.parametrize("state", [ScalingState.NOT_CALLED_FOR, ScalingState.TOO_SHORT, ScalingState.AT_MAXIMUM])
def test_scaling_that_was_not_to_be_seen_decides_only_where_it_was_required(state: ScalingState) -> None:
    check = scaling(state, "the load was small", "shelterctl loadtest --users 400")
    assert judged(check=check) == Judgement(Verdict.PASS)
    assert judged(check=check, expectations=Expectations(require_scale_up=True)) == Judgement(
        Verdict.UNKNOWN, (Reason("a scale-up was required: the load was small", "shelterctl loadtest --users 400"),)
    )


def test_a_scale_up_that_was_required_and_shown_passes() -> None:
    assert judged(expectations=Expectations(require_scale_up=True)) == Judgement(Verdict.PASS)


def test_a_scale_up_that_was_required_without_a_cluster_is_unknown() -> None:
    assert judged(timeline=None, check=None, expectations=Expectations(require_scale_up=True)) == Judgement(
        Verdict.UNKNOWN, (Reason("a scale-up was required, and no cluster was watched: leave --host out"),)
    )


@pytest.mark.parametrize(
    ("gap", "judgement"),
    [
        (Blindness(10.0, 29.0, "timeout"), Judgement(Verdict.PASS)),
        (
            Blindness(31.0, 52.0, "connection refused"),
            Judgement(Verdict.UNKNOWN, (Reason("the cluster did not answer from 31 to 52 s: connection refused", "shelterctl status"),)),
        ),
        (
            Blindness(200.0, None, "connection refused"),
            Judgement(
                Verdict.UNKNOWN, (Reason("the cluster did not answer from 200 s to the end: connection refused", "shelterctl status"),)
            ),
        ),
    ],
)
def test_a_cluster_that_was_out_of_sight_is_unknown_even_where_scaling_was_shown(gap: Blindness, judgement: Judgement) -> None:
    assert judged(timeline=replace(WATCHED, blind=(gap,))) == judgement


def test_a_command_for_a_service_of_somebody_elses_names_its_host() -> None:
    assert judged(timeline=None, check=None, traffic=failing(200)).reasons[0].next_command == "curl -i http://127.0.0.1:30300"
    assert judged(timeline=None, check=None, generator=BUSY).reasons[0].next_command == (
        "shelterctl loadtest --host http://127.0.0.1:30300 --users 100 --spawn-rate 20 --duration 240s"
    )


def test_requests_without_a_response_time_pass_no_limit_on_it() -> None:
    limit = Expectations(max_p95_ms=300.0)
    untimed = replace(TRAFFIC, p50_ms=None, p95_ms=None, p99_ms=None, max_ms=None, untimed=10_000)
    for traffic in (untimed, replace(TRAFFIC, untimed=9_000)):
        judged = judge_load(PLAN, limit, traffic, GENERATOR, None, None, interrupted=False).judgement
        assert judged.verdict is Verdict.UNKNOWN
        assert "requests have no response time" in judged.reasons[0].text
    assert judge_load(PLAN, Expectations(), untimed, GENERATOR, None, None, interrupted=False).judgement.verdict is Verdict.PASS
