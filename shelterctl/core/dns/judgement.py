"""Holds answers to expectations: a row and a verdict for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from shelterctl.core.dns.expectations import ANY_LABEL, EMPTY, Expectation
from shelterctl.core.dns.records import ANSWERED, SILENT, DnsAnswer, DnsRow, DnsScene, DnsService, Status, Via, full_name
from shelterctl.core.verdict import Verdict

#: What to run next.
COREDNS_LOGS = "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=20"
POLICIES = "kubectl get networkpolicies --all-namespaces"
AGAIN = "shelterctl dns check"
_NOT_ASKED = "not asked: the probe's time was over, or the pod's resolver had left several questions unanswered"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row, and whether a cache that lags behind a recent change could explain its failure."""

    row: DnsRow
    lagging: bool = False


def judge_record(expected: Expectation, answer: DnsAnswer | None) -> Judged:
    """The row of one expectation. A silence of the pod's own resolver fails; one of a server asked directly decides nothing."""
    row = _row(expected, answer)
    if answer is None or answer.status is Status.NOT_ASKED or answer.query != expected.query:
        return Judged(replace(row, reason=_NOT_ASKED, next_command=AGAIN))
    if expected.anything:
        return Judged(_judge_anything(expected, answer, row))
    if expected.query.via is Via.SEARCH and not expected.records:
        return _judge_absent_walk(expected, answer, row)
    if not expected.records and answer.status in expected.absent:
        return Judged(_right(expected, row))
    denied = _denied(expected, answer)
    if denied:
        return Judged(_failed(row, denied, _look(expected)), lagging=expected.may_lag)
    # libc does not tell a name that was denied inside the cluster from an upstream that failed after it.
    opaque = expected.query.via is Via.LIBC and expected.may_lag
    if answer.status in SILENT:
        return Judged(_silent(expected, answer, row), lagging=opaque)
    if answer.status not in ANSWERED:
        found = f"{answer.status.value} {answer.detail}".strip()
        sentence = f"getaddrinfo failed: {found}" if expected.query.via is Via.LIBC else f"the server answered {found}, not the name"
        return Judged(_failed(row, sentence, COREDNS_LOGS), lagging=opaque)
    problem = wrong_records(expected, answer) if expected.records else _wrong_absence(expected, answer)
    if problem:
        return Judged(_failed(row, problem, _look(expected)), lagging=expected.may_lag)
    return Judged(_right(expected, row))


def _judge_absent_walk(expected: Expectation, answer: DnsAnswer, row: DnsRow) -> Judged:
    """Nothing may answer anywhere; every name inside the cluster's domain must be denied, what lies outside need not answer."""
    if answer.status is Status.NOERROR:
        return Judged(
            _failed(row, f"{answer.asked_name} answers with {', '.join(answer.records)}: a wildcard, or another name of the same form"),
            lagging=expected.may_lag,
        )
    inside = [attempt for attempt in answer.attempts if attempt.name.endswith("." + full_name(expected.domain))]
    if not inside:
        return Judged(replace(row, reason="no name of the search path lies in the cluster's domain", next_command=AGAIN))
    wrong = next((attempt for attempt in inside if attempt.status not in expected.absent), None)
    if wrong is not None and wrong.status in SILENT:
        return Judged(_silent(expected, replace(answer, status=wrong.status), row))
    if wrong is not None:
        return Judged(_failed(row, f"{wrong.name} got {wrong.status.value}", COREDNS_LOGS))
    outside = [attempt for attempt in answer.attempts if attempt not in inside and attempt.status is not Status.NXDOMAIN]
    note = f"{outside[-1].name} outside the cluster got {outside[-1].status.value}, as good as no record" if outside else ""
    return Judged(_right(expected, row, note))


def _judge_anything(expected: Expectation, answer: DnsAnswer, row: DnsRow) -> DnsRow:
    """A name that the application uses and no Service of the stack has: somebody else's may answer."""
    row = replace(row, expected="an address")
    if answer.status is Status.NOERROR:
        return _right(expected, row, "no Service of the stack has this name: something else answers to it")
    if answer.status in SILENT:
        return _silent(expected, answer, row)
    found = f"{answer.status.value} {answer.detail}".strip()
    return _failed(row, f"no Service has the name by which the application looks for its database: {found}", "shelterctl inspect")


def _denied(expected: Expectation, answer: DnsAnswer) -> str:
    """Whether the right name of a search was denied, whatever the names after it got; a sentence or an empty string."""
    if expected.query.via is not Via.SEARCH or not expected.records or answer.status is Status.NOERROR:
        return ""
    own = next((attempt for attempt in reversed(answer.attempts) if attempt.name == expected.hit), None)
    if own is None or own.status not in EMPTY:
        return ""
    return f"{expected.hit} got {own.status.value}, though the cluster has {', '.join(expected.records)}"


def wrong_records(expected: Expectation, answer: DnsAnswer) -> str:
    """Why the records are not those expected, or an empty string."""
    if answer.status is not Status.NOERROR:
        return f"{answer.status.value}, though the cluster has {', '.join(expected.records)}"
    missing, surplus = _difference(expected.records, answer.records)
    parts = []
    if missing:
        parts.append(f"missing {', '.join(missing)}")
    if surplus and not (expected.superset_allowed and not missing):
        parts.append(f"surplus {', '.join(surplus)}")
    if parts:
        return "; ".join(parts)
    if answer.aliases and expected.query.via is Via.EXACT:
        return f"the records belong to the alias {answer.aliases[-1]}"
    if expected.query.via is Via.SEARCH and answer.canonical_name != expected.hit:
        return f"{answer.canonical_name} answered in place of {expected.hit}"
    return "the records differed from query to query" if answer.varied else ""


def _wrong_absence(expected: Expectation, answer: DnsAnswer) -> str:
    if answer.status is Status.NOERROR:
        return f"no such record should exist, found {', '.join(answer.records)}"
    if expected.absent == {Status.NODATA}:
        return "NXDOMAIN denies the whole name, which has records of the other address family"
    return f"{answer.status.value}, where {' or '.join(sorted(status.value for status in expected.absent))} is right"


def _difference(expected: Sequence[str], found: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is missing and what is surplus. A pattern with ANY_LABEL takes one record with one label in that place."""
    plain = [record for record in expected if ANY_LABEL not in record]
    missing = [record for record in plain if record not in found]
    left = [record for record in found if record not in plain]
    for pattern in (record for record in expected if ANY_LABEL in record):
        head, tail = pattern.split(ANY_LABEL)
        fitting = (r for r in left if r.startswith(head) and r.endswith(tail) and "." not in r[len(head) : len(r) - len(tail)])
        taken = next(fitting, None)
        if taken is None:
            missing.append(pattern)
        else:
            left.remove(taken)
    return missing, left


def _silent(expected: Expectation, answer: DnsAnswer, row: DnsRow) -> DnsRow:
    tried = f"{len(answer.attempts)} {'try' if len(answer.attempts) == 1 else 'tries'} in {answer.elapsed_s:.1f} s"
    if expected.query.server:
        return replace(row, reason=f"no answer from {expected.query.server} ({tried}): a NetworkPolicy may block it", next_command=POLICIES)
    if answer.throttled_s > answer.elapsed_s / 2:
        return replace(
            row,
            reason=f"no answer ({tried}), but the pod's CPU limit held it back for {answer.throttled_s:.1f} s",
            next_command=AGAIN,
        )
    return _failed(row, f"no answer: {tried}; a program in the pod cannot resolve this name", COREDNS_LOGS)


def _right(expected: Expectation, row: DnsRow, note: str = "") -> DnsRow:
    if expected.nothing_shown is not None:
        return replace(row, reason=expected.nothing_shown.text, next_command=expected.nothing_shown.next_command)
    return replace(row, verdict=Verdict.PASS, reason=note)


def _failed(row: DnsRow, reason: str, next_command: str = "") -> DnsRow:
    return replace(row, verdict=Verdict.FAIL, reason=reason, next_command=next_command)


def _row(expected: Expectation, answer: DnsAnswer | None) -> DnsRow:
    """The row before its verdict: UNKNOWN."""
    query = expected.query
    wanted = ", ".join(expected.records)
    if not wanted:
        wanted = "no record" if len(expected.absent) > 2 else " or ".join(sorted(status.value for status in expected.absent))
    if answer is None:
        return DnsRow(expected.subject, query.name, query.rtype.value, query.via.value, wanted, "", None, Verdict.UNKNOWN)
    found = ", ".join(answer.records) if answer.status is Status.NOERROR else answer.status.value
    asked = answer.status is not Status.NOT_ASKED
    return DnsRow(
        expected.subject,
        query.name,
        query.rtype.value,
        query.via.value,
        wanted,
        found,
        round(answer.elapsed_s * 1000, 3) if asked else None,
        Verdict.UNKNOWN,
        queries=len(answer.attempts),
        hit=answer.asked_name if answer.status is Status.NOERROR else "",
    )


def _look(expected: Expectation) -> str:
    name, _, namespace = expected.subject.removeprefix("service ").partition(".")
    if expected.subject.startswith("service "):
        return f"kubectl -n {namespace} get service,endpointslices -l kubernetes.io/service-name={name} -o wide"
    return COREDNS_LOGS


def object_rows(scene: DnsScene) -> tuple[DnsRow, ...]:
    """What the cluster's objects themselves must hold, for right records to lead anywhere: no name is asked for these rows."""
    slices = (slice_row(service) for service in scene.services)
    unserved = (
        DnsRow(
            f"service {label}",
            label,
            "Service",
            "api",
            "a Service for its pods",
            "none",
            None,
            Verdict.FAIL,
            "no Service leads to this workload: it has no name to be found by",
            "shelterctl up",
        )
        for label in scene.unserved
    )
    return (*unserved, *(row for row in slices if row is not None))


def slice_row(service: DnsService) -> DnsRow | None:
    """The EndpointSlices against the pods that the Service selects, both ways; None where it selects none by design.

    `publishNotReadyAddresses` makes every pod count as ready; a pod that is terminating may be there or not.
    """
    if not service.selects or service.external_name:
        return None
    versions = {4 if family == "IPv4" else 6 for family in service.ip_families}

    def in_families(addresses: Iterable[str]) -> set[str]:
        return {str(ip_address(address)) for address in addresses if ip_address(address).version in versions}

    lasting = [pod for pod in service.pods if not pod.terminating]
    wanted = in_families(a for pod in lasting if pod.ready or service.publish_not_ready for a in pod.addresses)
    allowed = wanted | in_families(a for pod in service.pods if pod.terminating for a in pod.addresses)
    found = in_families(a for endpoint in service.ready_endpoints for a in endpoint.addresses)
    row = DnsRow(
        f"service {service.label}",
        service.label,
        "EndpointSlice",
        "api",
        ", ".join(sorted(wanted)) or "no ready pod",
        ", ".join(sorted(found)) or "no ready endpoint",
        None,
        Verdict.UNKNOWN,
    )
    look = f"kubectl -n {service.namespace} get pods,endpointslices -o wide"
    missing, surplus = sorted(wanted - found), sorted(found - allowed)
    if missing or surplus:
        parts = [f"{word} {', '.join(items)}" for word, items in (("missing", missing), ("surplus", surplus)) if items]
        return _failed(row, "; ".join(parts) + ": the endpoints are not the ready pods", look)
    if not wanted:
        return replace(row, reason=f"no pod of {service.label} is ready: nothing answers behind this name", next_command=look)
    return replace(row, verdict=Verdict.PASS)
