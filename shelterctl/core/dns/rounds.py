"""What several rounds of asking have decided: a row is final once its objects stood still and no cache can explain it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shelterctl.core.dns.expectations import (
    Expectation,
    ServerExpectation,
    direct_expectations,
    record_expectations,
    server_expectations,
)
from shelterctl.core.dns.judgement import judge_record, object_rows
from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsReport, DnsRow, DnsScene, DnsServerRow
from shelterctl.core.dns.verdict import judge_report, judge_server, unknown_server_rows
from shelterctl.core.verdict import Judgement, Reason, Verdict


@dataclass(frozen=True, slots=True)
class Expected:
    """Everything that one scene lets expect: of records, and of servers."""

    records: tuple[Expectation, ...]
    servers: tuple[ServerExpectation, ...]

    def queries(self) -> list[DnsQuery]:
        """What to ask, the servers first: they say why names get no answer."""
        return [item.expectation.query for item in self.servers] + [item.query for item in self.records]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one round, by what they were expected to be."""

    records: Mapping[Expectation, DnsAnswer]
    servers: Mapping[ServerExpectation, DnsAnswer]


def expect(scene: DnsScene, *, absent_label: str, repeat: int) -> Expected:
    """What the scene lets expect; nothing where its domain is not known. `absent_label` is a label that no name has."""
    if scene.cluster_domain is None:
        return Expected((), ())
    records = record_expectations(scene, scene.cluster_domain, absent_label)
    servers = server_expectations(scene, scene.cluster_domain, repeat=repeat)
    return Expected((*records, *direct_expectations(scene, records)), servers)


def matched(expected: Expected, answers: Sequence[DnsAnswer]) -> Answers:
    """The answers to `expected.queries()`, in their order; what is missing at the end has none."""
    servers = len(expected.servers)
    return Answers(
        dict(zip(expected.records, answers[servers:], strict=False)), dict(zip(expected.servers, answers[:servers], strict=False))
    )


def cannot_ask(scene: DnsScene) -> Reason | None:
    """Why nothing can be held to anything; None where something can."""
    if scene.cluster_domain is None:
        return Reason(
            f"the search path of {scene.client_pod} has no {scene.client_namespace}.svc.<domain>: the cluster's domain is not known",
            f"kubectl -n {scene.client_namespace} get pod {scene.client_pod} -o jsonpath={{.spec.dnsPolicy}}",
        )
    if not scene.services:
        return Reason(f"no Service was found in namespace {scene.client_namespace}: there is no record to hold DNS to", "shelterctl up")
    return None


@dataclass(slots=True)
class Rounds:
    """What is decided so far. `wrong` keeps a lagging row's first failure, and how often in a row it has been right since."""

    rows: dict[Expectation, DnsRow] = field(default_factory=dict)
    servers: dict[ServerExpectation, DnsServerRow] = field(default_factory=dict)
    wrong: dict[Expectation, tuple[DnsRow, int]] = field(default_factory=dict)
    queries: int = 0
    count: int = 0

    def pending(self, expected: Expected) -> Expected:
        """What is not decided yet."""
        return Expected(
            tuple(item for item in expected.records if item not in self.rows),
            tuple(item for item in expected.servers if item not in self.servers),
        )

    def decide(self, asked: Expected, answers: Answers, still: Expected, elapsed_s: float) -> None:
        """Keeps the rows that are final: those that are `still` expected after the round, and that no cache can explain."""
        records, servers = set(still.records), set(still.servers)
        self._decide_records(asked.records, answers.records, records, elapsed_s)
        for item in asked.servers:
            row = judge_server(item, answers.servers.get(item))
            self.queries += row.asked
            if item in servers:
                self.servers[item] = row

    def settled(self, before: DnsScene, after: DnsScene, expected: Expected) -> bool:
        """Whether nothing is left to ask, and the objects stood still and are in order."""
        objects = object_rows(after)
        steady = objects == object_rows(before) and not any(row.verdict is Verdict.FAIL for row in objects)
        return steady and not self.pending(expected).queries()

    def report(self, scene: DnsScene, expected: Expected, elapsed_s: float, doubts: Sequence[Reason] = ()) -> DnsReport:
        """The rows of the last scene, and every failure that was final though its objects went away later."""
        rows: list[DnsRow] = []
        servers: list[DnsServerRow] = []
        judgement = Judgement(Verdict.UNKNOWN, tuple(doubts))
        if self.count:
            rows = [*object_rows(scene), *(self._final(item, elapsed_s) for item in expected.records)]
            rows += [row for item, row in self.rows.items() if item not in expected.records and row.verdict is Verdict.FAIL]
            servers = [self.servers.get(item) or judge_server(item, None) for item in expected.servers]
            servers += [row for item, row in self.servers.items() if item not in expected.servers and row.verdict is Verdict.FAIL]
            servers += unknown_server_rows(scene)
            judgement = judge_report(rows, servers, doubts)
        return DnsReport(
            judgement,
            scene.client_pod,
            scene.client_namespace,
            scene.cluster_domain or "",
            scene.resolver,
            tuple(rows),
            tuple(servers),
            self.queries,
            self.count,
            elapsed_s,
            scene.notes,
        )

    def _decide_records(
        self, asked: Iterable[Expectation], answers: Mapping[Expectation, DnsAnswer], still: set[Expectation], elapsed_s: float
    ) -> None:
        for item in asked:
            judged = judge_record(item, answers.get(item))
            self.queries += judged.row.queries
            if item not in still:
                continue
            if judged.lagging:
                self.wrong[item] = (self.wrong.get(item, (judged.row, 0))[0], 0)
                continue
            first = self.wrong.get(item)
            if first is None or judged.row.verdict is not Verdict.PASS:
                self.rows[item] = judged.row
            elif first[1] == 0:
                # Right once may be another server's answer; it takes a second time.
                self.wrong[item] = (first[0], 1)
            else:
                found = first[0].found or "nothing"
                reason = f"right in two rounds running, {elapsed_s:.0f} s after the first found {found} (round {self.count})"
                self.rows[item] = replace(judged.row, reason=reason)

    def _final(self, item: Expectation, elapsed_s: float) -> DnsRow:
        if item in self.rows:
            return self.rows[item]
        if item in self.wrong:
            row, rights = self.wrong[item]
            if rights:
                reason = f"wrong at first ({row.reason}), right the last time"
                return replace(row, verdict=Verdict.UNKNOWN, reason=reason, next_command="shelterctl dns check")
            return replace(row, reason=f"{row.reason}; still so after {elapsed_s:.0f} s, longer than a cache may keep it")
        changed = judge_record(item, None).row
        return replace(changed, reason="its Service or endpoints changed each time it was asked", next_command="shelterctl dns check")
