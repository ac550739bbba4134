"""Asks DNS names from where it runs, and prints one JSON document. It runs inside a pod: `python -c <source> <json>`.

It needs the standard library, and nothing of shelterctl. It takes dnspython where the image has it, else `dns_wire.py`, which stands before
it then. It judges nothing.

Argument: {"queries": [...], "deadline_s": 60, "resolv_conf": "/etc/resolv.conf", "port": 53}. A query has the fields of
`shelterctl.core.dns.records.DnsQuery`, an answer those of `DnsAnswer` without `query`. Without queries it prints the resolver's
configuration.
Output: {"schema": 1, "resolver": {...}, "answers": [...], "error": ""}; answers in the queries' order, one each.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

POLL_S = 0.05
SILENT = ("TIMEOUT", "UNREACHABLE")
#: A repeated query is given up when so many attempts in a row, from the first on, got no response.
SILENT_LIMIT = 3
#: After so many questions in a row that the pod's own resolver left unanswered, its other questions are not asked any more.
UNANSWERED_LIMIT = 4
#: getaddrinfo cannot be interrupted: past its two attempts of 5 s (resolv.conf's defaults) nothing more is waited for.
LIBC_LIMIT_S = 12.0


def parse_resolv_conf(text: str) -> dict[str, Any]:
    """The settings of resolv.conf(5) that decide which names are asked where; the last `search` or `domain` counts."""
    config: dict[str, Any] = {"nameservers": [], "search": [], "ndots": 1}
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            config["nameservers"].append(words[1])
        elif words[0] in ("search", "domain"):
            config["search"] = [word.rstrip(".").lower() for word in words[1:] if word != "."]
        elif words[0] == "options":
            for word in words[1:]:
                if word.startswith("ndots:") and word[6:].isdigit():
                    config["ndots"] = min(int(word[6:]), 15)
    return config


def names_to_ask(query: dict[str, Any], config: dict[str, Any]) -> list[str]:
    name = query["name"].lower()
    literal = name.rstrip(".") + "."
    if query["via"] != "search" or name.endswith("."):
        return [literal]
    searched = [f"{name}.{suffix}." for suffix in config["search"]]
    return [*searched, literal] if name.count(".") < config["ndots"] else [literal, *searched]


def throttled_s() -> float:
    """How long the cgroup's CPU limit has held its threads back so far; 0 where that cannot be read."""
    # cgroup v2 counts in microseconds, v1 in nanoseconds.
    for path, key, units_per_s in (("cpu.stat", "throttled_usec", 1e6), ("cpu/cpu.stat", "throttled_time", 1e9)):
        try:
            for line in Path("/sys/fs/cgroup", path).read_text().splitlines():
                if line.split()[:1] == [key]:
                    return int(line.split()[1]) / units_per_s
        except (OSError, ValueError):
            continue
    return 0.0


class Asker:
    """Asks queries one after another until a deadline."""

    def __init__(self, config: dict[str, Any], port: int, deadline: float) -> None:
        self.config, self.port, self.deadline = config, port, deadline
        self.unanswered = 0

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        held, began = throttled_s(), time.monotonic()
        until = began + query["until_s"]
        repeats = query["repeat"] if query["server"] or self.unanswered < UNANSWERED_LIMIT else 0
        attempts: list[dict[str, Any]] = []
        result: dict[str, Any] = {"status": "NOT_ASKED"}
        first_records: list[str] | None = None
        varied = False
        while repeats > 0 and self.left() > 0:
            result = self.libc(query) if query["via"] == "libc" else self.walk(query)
            attempts += result.pop("attempts")
            records = result.get("records")
            if first_records is None:
                first_records = records
            varied = varied or (records is not None and records != first_records)
            if len(attempts) >= SILENT_LIMIT and all(item["status"] in SILENT for item in attempts):
                break
            if query["until_s"]:
                if result.get("records") == sorted(query["until"]) or time.monotonic() >= until:
                    break
                time.sleep(POLL_S)
            else:
                repeats -= 1
        if not query["server"] and attempts:
            self.unanswered = self.unanswered + 1 if result["status"] in SILENT else 0
        return {
            **result,
            "attempts": attempts,
            "varied": varied and not query["until_s"],
            "elapsed_s": time.monotonic() - began,
            "throttled_s": max(0.0, throttled_s() - held),
            "answered_at_s": time.time(),
        }

    def walk(self, query: dict[str, Any]) -> dict[str, Any]:
        """Tries the candidates in order, as glibc does: NXDOMAIN, NODATA and SERVFAIL go on to the next name, silence ends it."""
        attempts: list[dict[str, Any]] = []
        failed: dict[str, dict[str, Any]] = {}
        for name in names_to_ask(query, self.config):
            result = self.one_name(name, query, attempts)
            status = result["status"]
            if status not in ("NXDOMAIN", "NODATA", "SERVFAIL"):
                return {**result, "attempts": attempts}
            failed.setdefault(status, result)
        # glibc's res_search reports them in this order of precedence.
        chosen = next(failed[status] for status in ("NODATA", "SERVFAIL", "NXDOMAIN") if status in failed)
        return {**chosen, "attempts": attempts}

    def one_name(self, name: str, query: dict[str, Any], attempts: list[dict[str, Any]]) -> dict[str, Any]:
        """Asks the servers in turn until one answers the name."""
        servers = [query["server"]] if query["server"] else self.config["nameservers"]
        result: dict[str, Any] = {"status": "UNREACHABLE", "detail": "resolv.conf names no server"}
        for _ in range(query["tries"]):
            for server in servers:
                timeout_s = min(query["timeout_s"], self.left())
                if timeout_s <= 0:
                    return result if attempts else {"status": "NOT_ASKED"}
                result = self.send(name, query["rtype"], server, query["tcp"], timeout_s, attempts)
                if result["status"] not in ("TIMEOUT", "UNREACHABLE", "MALFORMED"):
                    return result
        return result

    def send(self, name: str, rtype: str, server: str, tcp: bool, timeout_s: float, attempts: list[dict[str, Any]]) -> dict[str, Any]:
        began = time.monotonic()
        result: dict[str, Any]
        try:
            result = self.exchange(name, rtype, server, tcp, timeout_s)
        except TimeoutError:
            result = {"status": "TIMEOUT"}
        except (OSError, EOFError) as error:
            result = {"status": "UNREACHABLE", "detail": str(error) or type(error).__name__}
        except ValueError as error:
            result = {"status": "MALFORMED", "detail": str(error) or type(error).__name__}
        truncated = result["status"] == "TRUNCATED"
        attempts.append(
            {
                "name": name,
                # A truncated answer is an answer of the server, if an unusable one; the TCP attempt that follows says the rest.
                "status": "NOERROR" if truncated else result["status"],
                "elapsed_s": time.monotonic() - began,
                "server": server,
                "tcp": tcp,
            }
        )
        if truncated:
            return {**self.send(name, rtype, server, True, timeout_s, attempts), "truncated": True}
        return result

    def exchange(self, name: str, rtype: str, server: str, tcp: bool, timeout_s: float) -> dict[str, Any]:
        """One question to one server. Raises OSError, TimeoutError, ValueError for what is no answer."""
        try:
            import dns.exception
            import dns.flags
            import dns.message
            import dns.query
        except ImportError:
            found: dict[str, Any] = globals()["ask"](name, rtype, server, tcp=tcp, timeout_s=timeout_s, port=self.port)
            return found
        try:
            message = dns.message.make_query(name, rtype, use_edns=0, payload=1232)
            send = dns.query.tcp if tcp else dns.query.udp
            response = send(message, server, timeout=timeout_s, port=self.port)
            if not tcp and response.flags & dns.flags.TC:
                return {"status": "TRUNCATED"}
            return self.read(name, response)
        except dns.exception.Timeout:
            raise TimeoutError from None
        except dns.exception.DNSException as error:
            raise ValueError(str(error) or type(error).__name__) from error

    def read(self, name: str, response: Any) -> dict[str, Any]:
        """The status, records and aliases of a response. Raises DNSException where it contradicts itself."""
        import dns.rcode
        import dns.rdatatype

        rcode = dns.rcode.to_text(response.rcode())
        if rcode not in ("NOERROR", "NXDOMAIN"):
            return {"status": rcode if rcode in ("SERVFAIL", "REFUSED") else "OTHER_RCODE", "detail": rcode, "asked_name": name}
        wanted = response.question[0].rdtype
        chain = response.resolve_chaining()
        aliases = [rdata.target.to_text().lower() for rrset in chain.cnames for rdata in rrset]
        status = "NXDOMAIN" if rcode == "NXDOMAIN" else "NOERROR" if chain.answer is not None else "NODATA"
        return {
            "status": status,
            "records": sorted({text(rdata, wanted) for rdata in chain.answer}) if chain.answer is not None else [],
            "asked_name": name,
            "canonical_name": chain.canonical_name.to_text().lower(),
            "aliases": aliases,
            "ttl_s": chain.minimum_ttl if chain.answer is not None else None,
        }

    def libc(self, query: dict[str, Any]) -> dict[str, Any]:
        """What getaddrinfo returns. It may block for longer than anything here, so a thread that nobody waits for runs it."""
        box: list[dict[str, Any]] = []

        def look_up() -> None:
            try:
                found = socket.getaddrinfo(query["name"], None, type=socket.SOCK_STREAM)
                addresses = {str(ipaddress.ip_address(str(item[4][0]).split("%")[0])) for item in found}
                box.append({"status": "NOERROR", "records": sorted(addresses)})
            except socket.gaierror as error:
                known = {socket.EAI_NONAME: "NXDOMAIN", getattr(socket, "EAI_NODATA", None): "NODATA", socket.EAI_AGAIN: "SERVFAIL"}
                box.append({"status": known.get(error.errno, "OTHER_RCODE"), "detail": str(error.strerror)})
            except (OSError, UnicodeError) as error:
                box.append({"status": "MALFORMED", "detail": str(error)})

        began = time.monotonic()
        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(min(LIBC_LIMIT_S, max(0.0, self.left())))
        result = box[0] if box else {"status": "TIMEOUT"}
        attempt = {"name": query["name"], "status": result["status"], "elapsed_s": time.monotonic() - began, "server": "", "tcp": False}
        return {**result, "attempts": [attempt]}


def text(rdata: Any, rtype: Any) -> str:
    """One record as `DnsAnswer.records` has it."""
    import dns.rdatatype

    if rtype == dns.rdatatype.SRV:
        # The specification prescribes neither priority nor weight.
        return f"{rdata.port} {rdata.target.to_text().lower()}"
    if rtype == dns.rdatatype.TXT:
        return "".join(part.decode("utf-8", "replace") for part in rdata.strings)
    if rtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        return str(ipaddress.ip_address(rdata.address))
    return str(rdata.to_text()).lower()


def main() -> None:
    request = json.loads(sys.argv[1])
    document: dict[str, Any] = {"schema": 1, "resolver": None, "answers": [], "error": ""}
    try:
        config = parse_resolv_conf(Path(request.get("resolv_conf", "/etc/resolv.conf")).read_text())
        document["resolver"] = config
        if request["queries"]:
            with suppress(ImportError):
                import dns.query  # noqa: F401 - its import is slow in a throttled pod: not a part of the first query's time

            asker = Asker(config, request.get("port", 53), time.monotonic() + request["deadline_s"])
            document["answers"] = [asker.answer(query) for query in request["queries"]]
    except OSError as error:
        document["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(document), flush=True)  # noqa: T201 - the output is what the program is for
    # A getaddrinfo that still hangs in its thread must not hold the process.
    os._exit(0)


if __name__ == "__main__":
    main()
