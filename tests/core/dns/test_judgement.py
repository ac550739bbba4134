"""Answers held to expectations: every kind of wrong answer is named, and what decides nothing never passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.dns.expectations import EMPTY, Expectation, ServerExpectation
from shelterctl.core.dns.judgement import Judged, judge_record, slice_row
from shelterctl.core.dns.records import (
    DnsAnswer,
    DnsAttempt,
    DnsEndpoint,
    DnsPod,
    DnsQuery,
    DnsRow,
    DnsScene,
    DnsServer,
    DnsService,
    RecordType,
    ResolverConfig,
    Status,
    Via,
)
from shelterctl.core.dns.verdict import judge_report, judge_server, percentile, unknown_server_rows
from shelterctl.core.verdict import Reason, Verdict

pytestmark = pytest.mark.unit

NAME = "app.shelter.svc.cluster.local."
A = Expectation("service app.shelter", DnsQuery(NAME, RecordType.A), ("10.96.7.7",), hit=NAME, domain="cluster.local")
HEADLESS = replace(A, records=("10.244.0.9", "10.244.0.10"), may_lag=True)
NOBODY = Expectation(
    "no such name", DnsQuery(f"absent-1.{NAME}", RecordType.A), absent=frozenset({Status.NXDOMAIN}), domain="cluster.local"
)
ANYTHING = Expectation(
    "application's host mangodb", DnsQuery("mangodb", RecordType.ADDRESS, Via.LIBC), domain="cluster.local", anything=True
)
WALK = replace(A, query=DnsQuery("app", RecordType.A, Via.SEARCH))


def answered(expected: Expectation, status: Status, *records: str, **fields: object) -> DnsAnswer:
    attempt = DnsAttempt(expected.query.name, status, 0.002)
    base = DnsAnswer(expected.query, status, records, NAME, NAME, attempts=(attempt,), elapsed_s=0.002)
    return replace(base, **fields)  # type: ignore[arg-type]


def said(judged: Judged) -> tuple[Verdict, str, bool]:
    return judged.row.verdict, judged.row.reason, judged.lagging


def test_the_row_of_a_right_answer() -> None:
    assert judge_record(A, answered(A, Status.NOERROR, "10.96.7.7")).row == DnsRow(
        "service app.shelter", NAME, "A", "exact", "10.96.7.7", "10.96.7.7", 2.0, Verdict.PASS, queries=1, hit=NAME
    )


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (answered(ANYTHING, Status.NOERROR, "10.96.7.8"), Verdict.PASS, "something else answers to it"),
        (answered(ANYTHING, Status.NXDOMAIN, detail="Name or service not known"), Verdict.FAIL, "NXDOMAIN Name or service not known"),
        (answered(ANYTHING, Status.SERVFAIL), Verdict.FAIL, "no Service has the name by which the application looks for its database"),
        (answered(ANYTHING, Status.TIMEOUT, elapsed_s=4.0), Verdict.FAIL, "no answer: 1 try in 4.0 s"),
        (answered(ANYTHING, Status.NOT_ASKED), Verdict.UNKNOWN, "not asked"),
        (None, Verdict.UNKNOWN, "not asked"),
    ],
)
def test_a_name_that_the_application_uses_must_lead_somewhere(answer: DnsAnswer | None, verdict: Verdict, reason: str) -> None:
    row = judge_record(ANYTHING, answer).row
    assert (row.verdict, reason in row.reason) == (verdict, True), row


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(A, Status.NOERROR, "10.96.7.8"), "missing 10.96.7.7; surplus 10.96.7.8"),
        (answered(A, Status.NOERROR, "10.96.7.7", "10.96.7.8"), "surplus 10.96.7.8"),
        (answered(A, Status.NXDOMAIN), "NXDOMAIN, though the cluster has 10.96.7.7"),
        (answered(A, Status.NODATA), "NODATA, though the cluster has 10.96.7.7"),
        (answered(A, Status.SERVFAIL, detail="SERVFAIL"), "the server answered SERVFAIL SERVFAIL, not the name"),
        (answered(A, Status.REFUSED), "the server answered REFUSED, not the name"),
        (answered(A, Status.MALFORMED, detail="short header"), "the server answered MALFORMED short header, not the name"),
        (
            answered(A, Status.TIMEOUT, elapsed_s=4.0),
            "no answer: 1 try in 4.0 s; a program in the pod cannot resolve this name",
        ),
        (answered(A, Status.NOERROR, "10.96.7.7", aliases=("x.example.",)), "the records belong to the alias x.example."),
        (answered(A, Status.NOERROR, "10.96.7.7", varied=True), "the records differed from query to query"),
    ],
)
def test_wrong_answers_about_a_fixed_record_fail_and_no_cache_excuses_them(answer: DnsAnswer, reason: str) -> None:
    assert said(judge_record(A, answer)) == (Verdict.FAIL, reason, False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(HEADLESS, Status.NOERROR, "10.244.0.9"), "missing 10.244.0.10"),
        (answered(HEADLESS, Status.NOERROR, "10.244.0.10", "10.244.0.9", "10.244.0.8"), "surplus 10.244.0.8"),
        (answered(HEADLESS, Status.NXDOMAIN), "NXDOMAIN, though the cluster has 10.244.0.9, 10.244.0.10"),
    ],
)
def test_a_record_that_follows_pods_may_lag_behind(answer: DnsAnswer, reason: str) -> None:
    assert said(judge_record(HEADLESS, answer)) == (Verdict.FAIL, reason, True)


def test_an_error_of_the_server_is_no_lag() -> None:
    assert said(judge_record(HEADLESS, answered(HEADLESS, Status.SERVFAIL)))[::2] == (Verdict.FAIL, False)


@pytest.mark.parametrize("answer", [None, answered(A, Status.NOT_ASKED), answered(WALK, Status.NOERROR, "10.96.7.7")])
def test_what_was_not_asked_is_unknown(answer: DnsAnswer | None) -> None:
    assert said(judge_record(A, answer)) == (
        Verdict.UNKNOWN,
        "not asked: the probe's time was over, or the pod's resolver had left several questions unanswered",
        False,
    )


def test_a_timeout_of_a_throttled_pod_is_unknown() -> None:
    answer = answered(A, Status.TIMEOUT, elapsed_s=4.0, throttled_s=3.1)
    assert said(judge_record(A, answer)) == (
        Verdict.UNKNOWN,
        "no answer (1 try in 4.0 s), but the pod's CPU limit held it back for 3.1 s",
        False,
    )


def test_silence_of_a_server_asked_directly_is_unknown() -> None:
    direct = replace(HEADLESS, query=replace(HEADLESS.query, server="10.244.0.2"))
    judged = judge_record(direct, answered(direct, Status.TIMEOUT, elapsed_s=2.0))
    assert said(judged) == (Verdict.UNKNOWN, "no answer from 10.244.0.2 (1 try in 2.0 s): a NetworkPolicy may block it", False)
    assert judged.row.next_command == "kubectl get networkpolicies --all-namespaces"


def test_an_address_family_that_is_not_there_needs_nodata() -> None:
    other = replace(A, records=(), absent=frozenset({Status.NODATA}), query=DnsQuery(NAME, RecordType.AAAA))
    assert judge_record(other, answered(other, Status.NODATA)).row.verdict is Verdict.PASS
    assert said(judge_record(other, answered(other, Status.NXDOMAIN)))[:2] == (
        Verdict.FAIL,
        "NXDOMAIN denies the whole name, which has records of the other address family",
    )


@pytest.mark.parametrize("status", sorted(EMPTY, key=str))
def test_without_an_endpoint_both_denials_are_right_but_never_a_pass(status: Status) -> None:
    reason = Reason("no endpoint is ready", "kubectl get pods")
    empty = replace(HEADLESS, records=(), absent=EMPTY, nothing_shown=reason)
    row = judge_record(empty, answered(empty, status)).row
    assert (row.verdict, row.reason, row.next_command) == (Verdict.UNKNOWN, reason.text, reason.next_command)
    stale = judge_record(empty, answered(empty, Status.NOERROR, "10.244.0.9"))
    assert said(stale) == (Verdict.FAIL, "no such record should exist, found 10.244.0.9", True)


def test_a_name_that_must_not_exist() -> None:
    assert judge_record(NOBODY, answered(NOBODY, Status.NXDOMAIN)).row.verdict is Verdict.PASS
    assert said(judge_record(NOBODY, answered(NOBODY, Status.NODATA))) == (Verdict.FAIL, "NODATA, where NXDOMAIN is right", False)
    assert said(judge_record(NOBODY, answered(NOBODY, Status.NOERROR, "10.0.0.1"))) == (
        Verdict.FAIL,
        "no such record should exist, found 10.0.0.1",
        False,
    )


def walked(expected: Expectation, status: Status, *tried: tuple[str, Status], **fields: object) -> DnsAnswer:
    attempts = tuple(DnsAttempt(name, outcome, 0.001) for name, outcome in tried)
    return answered(expected, status, attempts=attempts, **fields)


NOBODY_WALK = replace(NOBODY, query=DnsQuery("absent-1", RecordType.A, Via.SEARCH))
INSIDE = ("absent-1.shelter.svc.cluster.local.", Status.NXDOMAIN)


@pytest.mark.parametrize("outside", [Status.SERVFAIL, Status.TIMEOUT])
def test_outside_of_the_cluster_a_missing_name_need_not_be_answered(outside: Status) -> None:
    judged = judge_record(NOBODY_WALK, walked(NOBODY_WALK, outside, INSIDE, ("absent-1.", outside)))
    assert said(judged) == (Verdict.PASS, f"absent-1. outside the cluster got {outside.value}, as good as no record", False)


def test_a_wildcard_on_the_search_path_fails_wherever_it_is() -> None:
    hijack = walked(NOBODY_WALK, Status.NOERROR, INSIDE, ("absent-1.", Status.NOERROR), asked_name="absent-1.", records=("203.0.113.1",))
    assert said(judge_record(NOBODY_WALK, hijack)) == (
        Verdict.FAIL,
        "absent-1. answers with 203.0.113.1: a wildcard, or another name of the same form",
        False,
    )


def test_inside_the_cluster_every_candidate_of_a_missing_name_must_be_denied() -> None:
    broken = walked(NOBODY_WALK, Status.SERVFAIL, INSIDE, ("absent-1.svc.cluster.local.", Status.SERVFAIL))
    assert said(judge_record(NOBODY_WALK, broken)) == (Verdict.FAIL, "absent-1.svc.cluster.local. got SERVFAIL", False)
    nowhere = walked(NOBODY_WALK, Status.NXDOMAIN, ("absent-1.", Status.NXDOMAIN))
    assert said(judge_record(NOBODY_WALK, nowhere))[0] is Verdict.UNKNOWN


def test_another_name_that_answers_a_search_fails_even_with_the_right_address() -> None:
    other = walked(WALK, Status.NOERROR, (NAME, Status.NOERROR), records=("10.96.7.7",), canonical_name="app.example.")
    assert said(judge_record(WALK, other)) == (Verdict.FAIL, f"app.example. answered in place of {NAME}", False)


def test_an_alias_that_ends_at_the_right_name_may_answer_a_search() -> None:
    """CoreDNS's autopath plug-in answers the first candidate so."""
    auto = walked(WALK, Status.NOERROR, ("app.x.svc.cluster.local.", Status.NOERROR), records=("10.96.7.7",), aliases=(NAME,))
    assert judge_record(WALK, auto).row.verdict is Verdict.PASS


def test_a_stale_denial_of_the_right_name_lags_whatever_the_upstream_says_after_it() -> None:
    lagging = replace(WALK, may_lag=True)
    answer = walked(lagging, Status.SERVFAIL, (NAME, Status.NXDOMAIN), ("app.", Status.SERVFAIL))
    assert said(judge_record(lagging, answer)) == (Verdict.FAIL, f"{NAME} got NXDOMAIN, though the cluster has 10.96.7.7", True)
    libc = replace(lagging, query=DnsQuery("app", RecordType.ADDRESS, Via.LIBC))
    failed = answered(libc, Status.SERVFAIL, detail="Temporary failure in name resolution")
    assert said(judge_record(libc, failed)) == (
        Verdict.FAIL,
        "getaddrinfo failed: SERVFAIL Temporary failure in name resolution",
        True,
    )


def test_a_reverse_name_may_have_further_targets() -> None:
    reverse = replace(HEADLESS, records=("a.",), superset_allowed=True, query=DnsQuery("9.0.244.10.in-addr.arpa.", RecordType.PTR))
    assert judge_record(reverse, answered(reverse, Status.NOERROR, "a.", "b.")).row.verdict is Verdict.PASS
    assert said(judge_record(reverse, answered(reverse, Status.NOERROR, "b.")))[1] == "missing a.; surplus b."


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (("80 10-0-0-1.db.", "80 10-0-0-2.db."), ""),
        (("80 10-0-0-1.db.",), "missing 80 <id>.db."),
        (("80 10-0-0-1.db.", "80 a.b.db."), "missing 80 <id>.db.; surplus 80 a.b.db."),
        (("80 10-0-0-1.db.", "81 10-0-0-2.db."), "missing 80 <id>.db.; surplus 81 10-0-0-2.db."),
        (("80 x.db.", "80 y.db.", "80 z.db."), "surplus 80 z.db."),
    ],
)
def test_a_label_that_the_server_chooses_is_one_label(found: tuple[str, ...], reason: str) -> None:
    srv = replace(HEADLESS, records=("80 <id>.db.", "80 <id>.db."), query=DnsQuery("_x._tcp.db.", RecordType.SRV))
    assert judge_record(srv, answered(srv, Status.NOERROR, *found)).row.reason == reason


@given(wanted=st.sets(st.integers(1, 9), min_size=1), found=st.sets(st.integers(1, 9), min_size=1))
def test_a_set_passes_exactly_when_it_is_the_same(wanted: set[int], found: set[int]) -> None:
    expected = replace(HEADLESS, records=tuple(sorted(f"10.0.0.{n}" for n in wanted)))
    answer = answered(expected, Status.NOERROR, *sorted(f"10.0.0.{n}" for n in found))
    assert (judge_record(expected, answer).row.verdict is Verdict.PASS) == (wanted == found)


@given(status=st.sampled_from(list(Status)), walk=st.sampled_from([A, WALK, HEADLESS]))
def test_only_an_answer_of_the_name_can_pass_where_records_are_expected(status: Status, walk: Expectation) -> None:
    answer = answered(walk, status, *(walk.records if status is Status.NOERROR else ()))
    assert (judge_record(walk, answer).row.verdict is Verdict.PASS) == (status is Status.NOERROR)


READY = DnsPod("db-0", ("10.244.0.9",), True)
UNREADY = DnsPod("db-1", ("10.244.0.10",), False)
LEAVING = DnsPod("db-2", ("10.244.0.11",), True, terminating=True)


@pytest.mark.parametrize(
    ("pods", "published", "endpoints", "verdict", "reason"),
    [
        ((READY, UNREADY), False, ("10.244.0.9",), Verdict.PASS, ""),
        ((READY, LEAVING), False, ("10.244.0.9",), Verdict.PASS, ""),
        ((READY, LEAVING), False, ("10.244.0.9", "10.244.0.11"), Verdict.PASS, ""),
        ((READY, UNREADY), True, ("10.244.0.9", "10.244.0.10"), Verdict.PASS, ""),
        ((READY, UNREADY), True, ("10.244.0.9",), Verdict.FAIL, "missing 10.244.0.10: the endpoints are not the ready pods"),
        ((READY,), False, (), Verdict.FAIL, "missing 10.244.0.9: the endpoints are not the ready pods"),
        ((READY,), False, ("10.244.0.9", "10.9.9.9"), Verdict.FAIL, "surplus 10.9.9.9: the endpoints are not the ready pods"),
        ((UNREADY,), False, (), Verdict.UNKNOWN, "no pod of mongodb.shelter is ready: nothing answers behind this name"),
        ((), False, (), Verdict.UNKNOWN, "no pod of mongodb.shelter is ready: nothing answers behind this name"),
    ],
)
def test_the_endpoints_are_the_ready_pods(
    pods: tuple[DnsPod, ...], published: bool, endpoints: tuple[str, ...], verdict: Verdict, reason: str
) -> None:
    slices = tuple(DnsEndpoint((address,), True) for address in endpoints)
    row = slice_row(DnsService("mongodb", "shelter", headless=True, publish_not_ready=published, endpoints=slices, pods=pods))
    assert row is not None
    assert (row.verdict, row.reason) == (verdict, reason)


def test_other_families_of_a_pod_are_no_endpoints_of_a_single_stack_service() -> None:
    pod = DnsPod("app-1", ("10.244.0.9", "fd00::9"), True)
    slices = (DnsEndpoint(("10.244.0.9",), True),)
    row = slice_row(DnsService("app", "shelter", cluster_ips=("10.96.7.7",), endpoints=slices, pods=(pod,)))
    assert row is not None
    assert row.verdict is Verdict.PASS
    assert slice_row(DnsService("app", "shelter", selects=False)) is None


QUERY = DnsQuery(NAME, RecordType.A, server="10.244.0.2", repeat=4, tries=1)
DIRECT = ServerExpectation("coredns-1", "udp", True, replace(A, query=QUERY))


def served(*statuses: Status, **fields: object) -> DnsAnswer:
    attempts = tuple(DnsAttempt(NAME, status, (index + 1) / 1000) for index, status in enumerate(statuses))
    base = DnsAnswer(QUERY, statuses[-1], ("10.96.7.7",) if statuses[-1] is Status.NOERROR else (), attempts=attempts)
    return replace(base, **fields)  # type: ignore[arg-type]


GOOD = Status.NOERROR


@pytest.mark.parametrize(
    ("answer", "direct", "verdict", "reason"),
    [
        (served(GOOD, GOOD, GOOD, GOOD), True, Verdict.PASS, ""),
        (served(GOOD, Status.SERVFAIL, GOOD, GOOD), True, Verdict.FAIL, "of 4 queries 1 SERVFAIL"),
        (served(GOOD, Status.TIMEOUT, Status.UNREACHABLE, GOOD), True, Verdict.FAIL, "of 4 queries 1 timed out, 1 other errors"),
        (
            served(Status.TIMEOUT, Status.TIMEOUT, Status.TIMEOUT),
            True,
            Verdict.UNKNOWN,
            "no answer over UDP when asked directly: a NetworkPolicy may block it",
        ),
        (served(Status.TIMEOUT, Status.TIMEOUT, Status.TIMEOUT), False, Verdict.FAIL, "of 3 queries 3 timed out"),
        (
            served(GOOD, GOOD, GOOD, Status.TIMEOUT, throttled_s=1.5),
            True,
            Verdict.UNKNOWN,
            "1 of 4 timed out, but the pod's CPU limit held it back for 1.5 s",
        ),
        (
            served(GOOD, GOOD, GOOD, GOOD, throttled_s=0.21),
            True,
            Verdict.PASS,
            "its times include 0.21 s in which the asking pod's own CPU limit held it back",
        ),
        (served(GOOD, GOOD), True, Verdict.UNKNOWN, "the probe's time was over after 2 of 4 queries"),
        (served(GOOD, GOOD, GOOD, GOOD, records=("10.9.9.9",)), True, Verdict.FAIL, f"{NAME}: missing 10.96.7.7; surplus 10.9.9.9"),
        (served(GOOD, GOOD, GOOD, GOOD, varied=True), True, Verdict.FAIL, f"{NAME}: the records differed from query to query"),
        (None, True, Verdict.UNKNOWN, "the probe's time was over before this server was asked"),
    ],
)
def test_a_server_by_itself(answer: DnsAnswer | None, direct: bool, verdict: Verdict, reason: str) -> None:
    row = judge_server(replace(DIRECT, direct=direct), answer)
    assert (row.verdict, row.reason) == (verdict, reason)


def test_latencies_are_those_of_the_answers_alone() -> None:
    row = judge_server(DIRECT, served(GOOD, GOOD, Status.SERVFAIL, GOOD))
    assert (row.asked, row.answered, row.servfail, row.timeouts, row.p50_ms, row.p99_ms) == (4, 3, 1, 0, 2.0, 4.0)


@pytest.mark.parametrize(("values", "p50", "p99"), [([], None, None), ([7.0], 7.0, 7.0), ([float(n) for n in range(1, 101)], 50.0, 99.0)])
def test_percentiles_are_values_that_were_measured(values: list[float], p50: float | None, p99: float | None) -> None:
    assert (percentile(values, 50), percentile(values, 99)) == (p50, p99)


def test_dns_pods_that_were_not_asked_are_named() -> None:
    scene = DnsScene("app-1", "shelter", ResolverConfig((), (), 5), ())
    assert [row.reason for row in unknown_server_rows(scene)] == [
        "no pod of the cluster's DNS was found (label k8s-app=kube-dns in kube-system)"
    ]
    two = (DnsServer("coredns-1", "kube-system", ("10.0.0.2",), True), DnsServer("coredns-2", "kube-system", ("10.0.0.3",), False))
    assert [row.reason for row in unknown_server_rows(replace(scene, servers=two))] == ["coredns-2 is not ready: it was not asked"]


def test_the_verdict_over_everything() -> None:
    right = judge_record(A, answered(A, Status.NOERROR, "10.96.7.7")).row
    wrong = judge_record(A, answered(A, Status.NXDOMAIN)).row
    server, blocked = judge_server(DIRECT, served(GOOD, GOOD, GOOD, GOOD)), judge_server(DIRECT, served(*[Status.TIMEOUT] * 3))
    assert judge_report([right], [server]).verdict is Verdict.PASS
    assert judge_report([right], [blocked]).verdict is Verdict.UNKNOWN
    failed = judge_report([right, wrong], [blocked])
    assert (failed.verdict, failed.reasons[0].text) == (Verdict.FAIL, f"{NAME} A: NXDOMAIN, though the cluster has 10.96.7.7")
    other = replace(wrong, name="other.", kind="AAAA")
    assert [reason.text for reason in judge_report([right, wrong, other], [server]).reasons] == [
        f"{NAME} A and 1 more: NXDOMAIN, though the cluster has 10.96.7.7"
    ]
    assert judge_report([], [server]).reasons[0].text == "not one name was asked: nothing is known"
    assert judge_report([right], []).reasons[0].text == "no DNS server was asked by itself"
