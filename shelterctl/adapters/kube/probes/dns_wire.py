"""DNS messages by the standard library alone, for a pod whose image has no dnspython (RFC 1035, 2782, 6891). Put before `dns_probe.py`.

What is asked here are single questions to a resolver of the cluster: A, AAAA, SRV, TXT, PTR and CNAME records, over UDP and TCP.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from typing import Any

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_CLASS_IN, _OPT, _PAYLOAD = 1, 41, 1232
#: A compressed name may point back once for each of its labels, and has at most 127 (RFC 1035, 2.3.4).
_MOST_POINTERS = 127


class Malformed(ValueError):
    """A response that contradicts itself, or ends too early."""


def question(number: int, name: str, rtype: str) -> bytes:
    """A recursive query with an EDNS payload of 1232 bytes."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    if any(len(label) > 63 for label in labels):
        raise Malformed(f"a label of {name} is longer than 63 bytes")
    asked = b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + struct.pack("!HH", TYPES[rtype], _CLASS_IN)
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 1) + asked + struct.pack("!BHHIH", 0, _OPT, _PAYLOAD, 0, 0)


def read_name(message: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, in lower case with its last dot, and the offset after it."""
    labels: list[str] = []
    after = pointers = 0
    try:
        while True:
            length = message[at]
            if length >= 0xC0:
                target = ((length & 0x3F) << 8) | message[at + 1]
                after = after or at + 2
                pointers += 1
                if pointers > _MOST_POINTERS or target >= at:
                    raise Malformed("a name points forward, or in a circle")
                at = target
            elif length > 63:
                raise Malformed("a label of an unknown kind")
            elif length == 0:
                return (".".join(labels) + "." if labels else "."), after or at + 1
            else:
                label = message[at + 1 : at + 1 + length]
                if len(label) < length:
                    raise Malformed("a name ends too early")
                labels.append(label.decode("ascii", "backslashreplace").lower())
                at += 1 + length
    except IndexError:
        raise Malformed("a name ends too early") from None


def parsed(message: bytes, number: int, name: str, rtype: str) -> dict[str, Any]:
    """A response as the probe tells it. Raises Malformed."""
    try:
        found, flags, questions, answers, _, _ = struct.unpack("!6H", message[:12])
        if found != number or not flags & 0x8000:
            raise Malformed("a response to another question")
        if flags & 0x0200:
            return {"status": "TRUNCATED"}
        code = CODES.get(flags & 0xF, str(flags & 0xF))
        if code not in ("NOERROR", "NXDOMAIN"):
            return {"status": code if code in ("SERVFAIL", "REFUSED") else "OTHER_RCODE", "detail": code, "asked_name": name}
        at = 12
        for _ in range(questions):
            _, at = read_name(message, at)
            at += 4
        records: list[tuple[str, int, int, bytes, int]] = []
        for _ in range(answers):
            owner, at = read_name(message, at)
            kind, _, ttl_s, length = struct.unpack("!HHIH", message[at : at + 10])
            at += 10
            if at + length > len(message):
                raise Malformed("a record ends too early")
            records.append((owner, kind, ttl_s, message[at : at + length], at))
            at += length
    except struct.error:
        raise Malformed("a response ends too early") from None
    return _chained(message, name, TYPES[rtype], code, records)


def _chained(message: bytes, name: str, wanted: int, code: str, records: list[tuple[str, int, int, bytes, int]]) -> dict[str, Any]:
    """Follows the aliases from the name that was asked to the records that were wanted."""
    here = name.lower().rstrip(".") + "."
    aliases: list[str] = []
    times: list[int] = []
    for _ in range(len(records) + 1):
        own = [record for record in records if record[0] == here and record[1] == wanted]
        if own:
            times += [ttl_s for _, _, ttl_s, _, _ in own]
            texts = sorted({_text(message, kind, data, at) for _, kind, _, data, at in own})
            return _told(code, texts, name, here, aliases, min(times))
        alias = next((record for record in records if record[0] == here and record[1] == TYPES["CNAME"]), None)
        if alias is None:
            break
        times.append(alias[2])
        here, _ = read_name(message, alias[4])
        aliases.append(here)
    return _told("NODATA" if code == "NOERROR" else code, [], name, here, aliases, None)


def _told(status: str, texts: list[str], name: str, canonical: str, aliases: list[str], ttl_s: int | None) -> dict[str, Any]:
    return {
        "status": status, "records": texts, "asked_name": name, "canonical_name": canonical, "aliases": aliases, "ttl_s": ttl_s,
    }  # fmt: skip


def _text(message: bytes, kind: int, data: bytes, at: int) -> str:
    """One record as `DnsAnswer.records` has it."""
    if kind in (TYPES["A"], TYPES["AAAA"]):
        try:
            return str(ipaddress.ip_address(data))
        except ValueError:
            raise Malformed("an address of the wrong length") from None
    if kind == TYPES["SRV"]:
        # The specification prescribes neither priority nor weight.
        _, _, port = struct.unpack("!3H", data[:6])
        return f"{port} {read_name(message, at + 6)[0]}"
    if kind == TYPES["TXT"]:
        texts, place = [], 0
        while place < len(data):
            texts.append(data[place + 1 : place + 1 + data[place]].decode("utf-8", "replace"))
            place += 1 + data[place]
        return "".join(texts)
    return read_name(message, at)[0]


def ask(name: str, rtype: str, server: str, *, tcp: bool, timeout_s: float, port: int) -> dict[str, Any]:
    """One question to one server. Raises OSError, TimeoutError, Malformed."""
    number = int.from_bytes(os.urandom(2), "big")
    asked = question(number, name, rtype)
    deadline = time.monotonic() + timeout_s
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect((server, port))
        if tcp:
            connection.sendall(struct.pack("!H", len(asked)) + asked)
            (length,) = struct.unpack("!H", _exactly(connection, 2, deadline))
            return parsed(_exactly(connection, length, deadline), number, name, rtype)
        connection.send(asked)
        while True:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            message = connection.recv(65535)
            # What answers another question is late, or somebody's who guesses.
            if message[:2] == struct.pack("!H", number):
                return parsed(message, number, name, rtype)
            if time.monotonic() > deadline:
                raise TimeoutError


def _exactly(connection: socket.socket, length: int, deadline: float) -> bytes:
    found = b""
    while len(found) < length:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        block = connection.recv(length - len(found))
        if not block:
            raise EOFError("the server closed the connection")
        found += block
    return found
