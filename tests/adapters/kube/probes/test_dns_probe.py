"""The probe as it runs in a pod (`python -c <source> <json>`), against a name server on 127.0.0.1."""

from __future__ import annotations

import json
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from shelterctl.adapters.kube.dns import checked_document, probe_source, read_answers, read_resolver
from shelterctl.core.dns.records import DnsAnswer, DnsQuery, RecordType, ResolverConfig, Status, Via
from shelterctl.core.serial import to_json
from shelterctl.errors import ClusterError

pytestmark = pytest.mark.local

ZONE: dict[tuple[str, str], tuple[str, ...]] = {
    ("app.shelter.svc.test.", "A"): ("10.96.7.7",),
    ("dual.shelter.svc.test.", "A"): ("10.96.7.7",),
    ("dual.shelter.svc.test.", "AAAA"): ("FD00:0::7",),
    ("db.shelter.svc.test.", "A"): ("10.244.0.10", "10.244.0.9"),
    ("_http._tcp.app.shelter.svc.test.", "SRV"): ("10 100 80 App.Shelter.svc.test.",),
    ("7.7.96.10.in-addr.arpa.", "PTR"): ("app.shelter.svc.test.",),
    ("alias.shelter.svc.test.", "CNAME"): ("app.shelter.svc.test.",),
    ("nowhere.shelter.svc.test.", "CNAME"): ("absent.shelter.svc.test.",),
    ("dns-version.test.", "TXT"): ('"1.1" ".0"',),
    ("big.shelter.svc.test.", "A"): tuple(f"10.1.{n // 250}.{n % 250 + 1}" for n in range(400)),
}


@dataclass
class Server:
    """A name server for UDP and TCP on one port. `seen` lists what was asked; the first label `servfail`, `refused`, `silent`,
    `garbage` or `flapping` does what it says."""

    port: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    def reply(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, rtype = question.name.to_text().lower(), question.rdtype.name
        self.seen.append((name, rtype, transport))
        label = name.split(".")[0]
        if label == "silent":
            return None
        if label == "garbage":
            return wire[:2] + b"\x84\x00\xff\xff"
        response = dns.message.make_response(query)
        if label in ("servfail", "refused"):
            response.set_rcode(dns.rcode.from_text(label))
            return response.to_wire()
        if label == "flapping":
            response.answer.append(dns.rrset.from_text(name, 5, "IN", "A", f"10.0.0.{len(self.seen)}"))
            return response.to_wire()
        self.fill(response, name, rtype)
        wire_reply = response.to_wire(max_size=65535)
        if transport == "udp" and len(wire_reply) > 1232:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()
        return wire_reply

    def fill(self, response: dns.message.Message, name: str, rtype: str) -> None:
        records = ZONE.get((name, rtype))
        target = ZONE.get((name, "CNAME"))
        if records:
            response.answer.append(dns.rrset.from_text(name, 30, "IN", rtype, *records))
        elif target:
            response.answer.append(dns.rrset.from_text(name, 30, "IN", "CNAME", *target))
            self.fill(response, target[0], rtype)
        elif not any(owner == name for owner, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            reply = state.reply(data, "udp")
            if reply is not None:
                sock.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            reply = state.reply(self.rfile.read(length), "tcp")
            if reply is not None:
                self.wfile.write(struct.pack("!H", len(reply)) + reply)

    # TCP first: a port that UDP has free may still hold a closed TCP connection.
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp) as tcp:
        state.port = tcp.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", state.port), Udp) as udp:
            for listener in (udp, tcp):
                threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
            yield state
            udp.shutdown()
        tcp.shutdown()


#: With the environment's packages, and without any (-S): an image that has no dnspython asks by itself.
FLAGS = ["-I"]


@pytest.fixture(autouse=True, params=[["-I"], ["-I", "-S"]], ids=["dnspython", "standard library"])
def _flags(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "FLAGS", request.param)


@pytest.fixture
def resolv_conf(tmp_path: Path) -> Path:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# the kubelet's\nnameserver 127.0.0.1\nsearch old.example\n"
        "search shelter.svc.test svc.test test corp.example. ; the last one counts\noptions ndots:5 timeout:1\n"
    )
    return path


def run(server: Server, resolv_conf: Path, *queries: DnsQuery, deadline_s: float = 20.0) -> Any:
    argument = {
        "queries": [to_json(query) for query in queries],
        "deadline_s": deadline_s,
        "resolv_conf": str(resolv_conf),
        "port": server.port,
    }
    done = subprocess.run([sys.executable, *FLAGS, "-c", probe_source(), json.dumps(argument)], capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return json.loads(done.stdout)


def ask(server: Server, resolv_conf: Path, query: DnsQuery, **options: float) -> DnsAnswer:
    return read_answers([query], checked_document(run(server, resolv_conf, query, **options), "app-1"))[0]


def outcome(answer: DnsAnswer) -> tuple[Status, tuple[str, ...], tuple[str, ...]]:
    return answer.status, answer.records, answer.aliases


def tried(answer: DnsAnswer) -> list[tuple[str, Status, bool]]:
    return [(attempt.name, attempt.status, attempt.tcp) for attempt in answer.attempts]


def test_without_a_question_it_tells_the_resolvers_configuration(server: Server, resolv_conf: Path) -> None:
    document = checked_document(run(server, resolv_conf), "app-1")
    assert document == {
        "schema": 1,
        "resolver": {"nameservers": ["127.0.0.1"], "search": ["shelter.svc.test", "svc.test", "test", "corp.example"], "ndots": 5},
        "answers": [],
        "error": "",
    }
    assert read_resolver(document) == ResolverConfig(("127.0.0.1",), ("shelter.svc.test", "svc.test", "test", "corp.example"), 5)


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        ("app.shelter.svc.test.", RecordType.A, (Status.NOERROR, ("10.96.7.7",), ())),
        ("APP.shelter.svc.test.", RecordType.A, (Status.NOERROR, ("10.96.7.7",), ())),
        ("app.shelter.svc.test.", RecordType.AAAA, (Status.NODATA, (), ())),
        ("dual.shelter.svc.test.", RecordType.AAAA, (Status.NOERROR, ("fd00::7",), ())),
        ("db.shelter.svc.test.", RecordType.A, (Status.NOERROR, ("10.244.0.10", "10.244.0.9"), ())),
        ("_http._tcp.app.shelter.svc.test.", RecordType.SRV, (Status.NOERROR, ("80 app.shelter.svc.test.",), ())),
        ("7.7.96.10.in-addr.arpa.", RecordType.PTR, (Status.NOERROR, ("app.shelter.svc.test.",), ())),
        ("dns-version.test.", RecordType.TXT, (Status.NOERROR, ("1.1.0",), ())),
        ("alias.shelter.svc.test.", RecordType.A, (Status.NOERROR, ("10.96.7.7",), ("app.shelter.svc.test.",))),
        ("alias.shelter.svc.test.", RecordType.CNAME, (Status.NOERROR, ("app.shelter.svc.test.",), ())),
        ("nowhere.shelter.svc.test.", RecordType.A, (Status.NXDOMAIN, (), ("absent.shelter.svc.test.",))),
        ("absent.shelter.svc.test.", RecordType.A, (Status.NXDOMAIN, (), ())),
        ("servfail.shelter.svc.test.", RecordType.A, (Status.SERVFAIL, (), ())),
        ("refused.shelter.svc.test.", RecordType.A, (Status.REFUSED, (), ())),
        ("garbage.shelter.svc.test.", RecordType.A, (Status.MALFORMED, (), ())),
        (f"{'x' * 64}.test.", RecordType.A, (Status.MALFORMED, (), ())),
    ],
)
def test_one_question(
    server: Server, resolv_conf: Path, name: str, rtype: RecordType, expected: tuple[Status, tuple[str, ...], tuple[str, ...]]
) -> None:
    assert outcome(ask(server, resolv_conf, DnsQuery(name, rtype))) == expected


def test_silence_is_a_timeout_after_every_try(server: Server, resolv_conf: Path) -> None:
    answer = ask(server, resolv_conf, DnsQuery("silent.test.", RecordType.A, tries=2, timeout_s=0.2))
    assert tried(answer) == [("silent.test.", Status.TIMEOUT, False)] * 2
    assert answer.status is Status.TIMEOUT


def test_a_port_without_a_server_is_unreachable_over_tcp(server: Server, resolv_conf: Path) -> None:
    answer = ask(server, resolv_conf, DnsQuery("app.test.", RecordType.A, server="127.0.0.2", tcp=True, tries=1))
    assert (answer.status, answer.detail) == (Status.UNREACHABLE, "[Errno 111] Connection refused")


def test_an_answer_that_does_not_fit_a_datagram_comes_over_tcp(server: Server, resolv_conf: Path) -> None:
    answer = ask(server, resolv_conf, DnsQuery("big.shelter.svc.test.", RecordType.A))
    assert (answer.status, len(answer.records), answer.truncated) == (Status.NOERROR, 400, True)
    assert tried(answer) == [("big.shelter.svc.test.", Status.NOERROR, False), ("big.shelter.svc.test.", Status.NOERROR, True)]
    assert [transport for _, _, transport in server.seen] == ["udp", "tcp"]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("app", ["app.shelter.svc.test."]),
        ("app.shelter", ["app.shelter.shelter.svc.test.", "app.shelter.svc.test."]),
        ("app.shelter.svc", ["app.shelter.svc.shelter.svc.test.", "app.shelter.svc.svc.test.", "app.shelter.svc.test."]),
        ("app.shelter.svc.test.", ["app.shelter.svc.test."]),
    ],
)
def test_the_search_path_is_walked_as_ndots_says(server: Server, resolv_conf: Path, name: str, asked: list[str]) -> None:
    answer = ask(server, resolv_conf, DnsQuery(name, RecordType.A, Via.SEARCH))
    assert [attempt.name for attempt in answer.attempts] == asked
    assert [question for question, _, _ in server.seen] == asked
    assert (answer.records, answer.asked_name, answer.canonical_name) == (("10.96.7.7",), asked[-1], "app.shelter.svc.test.")


def test_a_search_without_a_hit_tries_everything_and_silence_ends_it(server: Server, resolv_conf: Path) -> None:
    absent = ask(server, resolv_conf, DnsQuery("absent", RecordType.A, Via.SEARCH))
    names = ["absent.shelter.svc.test.", "absent.svc.test.", "absent.test.", "absent.corp.example.", "absent."]
    assert tried(absent) == [(name, Status.NXDOMAIN, False) for name in names]
    failing = ask(server, resolv_conf, DnsQuery("servfail", RecordType.A, Via.SEARCH))
    assert (failing.status, len(failing.attempts)) == (Status.SERVFAIL, 5)
    silent = ask(server, resolv_conf, DnsQuery("silent", RecordType.A, Via.SEARCH, tries=1, timeout_s=0.2))
    assert tried(silent) == [("silent.shelter.svc.test.", Status.TIMEOUT, False)]


def test_a_repeated_question_counts_each_attempt(server: Server, resolv_conf: Path) -> None:
    for tcp in (False, True):
        answer = ask(server, resolv_conf, DnsQuery("app.shelter.svc.test.", RecordType.A, tcp=tcp, repeat=20, tries=1))
        assert tried(answer) == [("app.shelter.svc.test.", Status.NOERROR, tcp)] * 20
        assert not answer.varied
        assert 0 < max(attempt.elapsed_s for attempt in answer.attempts) <= answer.elapsed_s
    assert ask(server, resolv_conf, DnsQuery("flapping.test.", RecordType.A, repeat=3)).varied


def test_a_repeated_question_is_given_up_when_nothing_ever_answers(server: Server, resolv_conf: Path) -> None:
    answer = ask(server, resolv_conf, DnsQuery("silent.test.", RecordType.A, repeat=30, tries=1, timeout_s=0.1))
    assert tried(answer) == [("silent.test.", Status.TIMEOUT, False)] * 3


def test_it_waits_for_a_record_until_it_is_there(server: Server, resolv_conf: Path) -> None:
    until = ("10.0.0.4",)
    answer = ask(server, resolv_conf, DnsQuery("flapping.test.", RecordType.A, until=until, until_s=10.0))
    assert (answer.records, len(answer.attempts)) == (until, 4)
    missed = ask(server, resolv_conf, DnsQuery("app.shelter.svc.test.", RecordType.A, until=until, until_s=0.3))
    assert missed.records == ("10.96.7.7",)
    assert len(missed.attempts) > 1


def test_past_its_deadline_it_says_what_it_did_not_ask(server: Server, resolv_conf: Path) -> None:
    slow, late = DnsQuery("silent.test.", RecordType.A, timeout_s=5.0), DnsQuery("app.shelter.svc.test.", RecordType.A)
    answers = read_answers([slow, late], run(server, resolv_conf, slow, late, deadline_s=0.5))
    assert [(answer.status, len(answer.attempts)) for answer in answers] == [(Status.TIMEOUT, 1), (Status.NOT_ASKED, 0)]


def test_a_resolver_that_never_answers_is_not_waited_for_again_and_again(server: Server, resolv_conf: Path) -> None:
    silent = DnsQuery("silent.test.", RecordType.A, tries=1, timeout_s=0.1)
    direct = DnsQuery("app.shelter.svc.test.", RecordType.A, server="127.0.0.1")
    queries = [silent] * 5 + [direct]
    answers = read_answers(queries, run(server, resolv_conf, *queries))
    assert [answer.status.value for answer in answers] == ["TIMEOUT"] * 4 + ["NOT_ASKED", "NOERROR"]


def test_libc_is_asked_by_getaddrinfo(server: Server, resolv_conf: Path) -> None:
    known = ask(server, resolv_conf, DnsQuery("localhost", RecordType.ADDRESS, Via.LIBC))
    assert known.status is Status.NOERROR
    assert set(known.records) <= {"127.0.0.1", "::1"}
    assert known.records
    refused = ask(server, resolv_conf, DnsQuery("a" * 300, RecordType.ADDRESS, Via.LIBC))
    assert refused.status in (Status.NXDOMAIN, Status.MALFORMED)
    assert server.seen == []


def test_a_pod_without_a_resolv_conf_is_an_error(server: Server, tmp_path: Path) -> None:
    document = run(server, tmp_path / "absent", DnsQuery("app.", RecordType.A))
    with pytest.raises(ClusterError) as raised:
        checked_document(document, "app-1")
    assert raised.value.what == "the DNS probe in pod app-1 lacks what it needs"


@pytest.mark.parametrize("document", [None, [], "text", {"schema": 2}])
def test_other_output_is_an_error(document: Any) -> None:
    with pytest.raises(ClusterError):
        checked_document(document, "app-1")


def test_answers_that_cannot_be_matched_to_their_questions_are_an_error() -> None:
    with pytest.raises(ClusterError):
        read_answers([DnsQuery("app.", RecordType.A)], {"answers": []})
