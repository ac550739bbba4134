"""Users of any application, by rules that shelterctl found: what is written, what is read, what acknowledges a write.

Started by `shelterctl loadtest` where the stack is somebody's own. Environment: STACK_EXCHANGE (the rules, as JSON), SHELTER_THINK_S (mean
think time in seconds), SHELTER_RUN (marks what is written), SHELTER_SEED (makes the users' choices repeatable).

Users pause and change their connections as those of locustfiles/shelter.py do, and for the same reasons. Writes end at a ceiling: an
application that answers with its whole collection answers more with each of them, and a load would measure its own rows. Each answer is
read to its end and only its beginning kept: fifty users of one that answers 200 MB would take 10 GB here.
"""

import hashlib
import json
import os
import random
import time
import zlib
from urllib.parse import urlencode

import gevent
from locust import FastHttpUser, task
from locust.contrib.fasthttp import FastResponse

RULES = json.loads(os.environ["STACK_EXCHANGE"])
THINK_S = float(os.environ.get("SHELTER_THINK_S", "1"))
THINK_LIMIT = 10
RUN = os.environ.get("SHELTER_RUN", "locust")
SEED = os.environ.get("SHELTER_SEED", "")
WRITE_SHARE = os.environ.get("SHELTER_WRITE_SHARE", "")
CONNECTION_S = (10.0, 30.0)
IDLE_S = 1.9
PIECE_BYTES = 2**16
#: As much of an answer as tells whether it is an error that calls itself well.
KEPT_BYTES = 2**16
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

if SEED:
    random.seed(SEED)


def base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits.rjust(width, ALPHABET[0])[-width:]


MARK = base36(int.from_bytes(hashlib.sha256(RUN.encode()).digest()[:8], "big"), 11)


def filled(value, mark: str, number: int):
    if isinstance(value, str):
        return number if value == "{n}" else value.replace("{token}", mark).replace("{n}", str(number))
    if isinstance(value, dict):
        return {key: filled(item, mark, number) for key, item in value.items()}
    return value


def mixed() -> list[str]:
    """The requests, each as often as its share of the mix; SHELTER_WRITE_SHARE says what part of all of them writes."""
    others = [kind for kind, share in RULES["mix"].items() if kind != "write" for _ in range(share)] or ["read"]
    if not WRITE_SHARE:
        return ["write"] * RULES["mix"].get("write", 0) + (others if any(kind != "write" for kind in RULES["mix"]) else [])
    writes = round(1000 * float(WRITE_SHARE))
    return ["write"] * writes * len(others) + [kind for kind in others for _ in range(1000 - writes)]


REQUESTS = mixed()


class Answer(FastResponse):
    """An answer of any size: `content` is its beginning, `whole_bytes` what came of it, as it came."""

    whole_bytes = 0

    def _content(self):
        if self.headers is None:
            return None
        kept = bytearray()
        while piece := self._response.read(PIECE_BYTES):
            self.whole_bytes += len(piece)
            kept += piece[: KEPT_BYTES - len(kept)]
        self.release()
        packed = (self.headers.get("content-encoding") or "").lower()
        try:
            return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(kept, KEPT_BYTES) if packed in ("gzip", "deflate") else bytes(kept)
        except zlib.error:
            return bytes(kept)


class StackUser(FastHttpUser):
    """One user: writes, reads and looks at the front page in the mix of the rules."""

    connection_timeout = 5.0
    network_timeout = 10.0
    _count = 0
    _written = 0

    def __init__(self, environment) -> None:
        super().__init__(environment)
        StackUser._count += 1
        self.number = StackUser._count
        self.chance = random.Random(f"{SEED}/{self.number}" if SEED else None)
        self.reconnect_at = 0.0
        self.client.client.response_type = Answer
        self.requests = REQUESTS

    def on_start(self) -> None:
        gevent.sleep(self.chance.uniform(0, THINK_S))
        self.reconnect_at = time.monotonic() + self.chance.uniform(0, CONNECTION_S[1])

    def wait_time(self) -> float:
        now = time.monotonic()
        pause_s = min(self.chance.expovariate(1 / THINK_S), THINK_LIMIT * THINK_S) if THINK_S > 0 else 0.0
        due = now >= self.reconnect_at
        if due or pause_s > IDLE_S:
            self.client.client.close()
        if due:
            self.reconnect_at = now + self.chance.uniform(*CONNECTION_S)
        return pause_s

    @task
    def act(self) -> None:
        kind = self.chance.choice(self.requests)
        if kind == "write" and RULES["write"] is not None and StackUser._written < RULES["most_writes"]:
            self.write(RULES["write"])
        elif kind == "write" or kind == "read":
            self.look(RULES["read"] or "/")
        else:
            self.look(kind.partition(" ")[2])

    def write(self, rule) -> None:
        StackUser._written += 1
        number = StackUser._written
        mark = f"t{MARK}{base36(number, 12)}"
        values = {key: filled(value, mark, number) for key, value in rule["template"].items()}
        form = rule["body"] == "form"
        body = urlencode(values) if form else json.dumps(values)
        headers = {**rule["headers"], "Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        options = {"data": body, "headers": headers, "name": rule["path"], "catch_response": True, "allow_redirects": False}
        with self.client.request(rule["method"], rule["path"], **options) as answer:
            sized(answer)
            if 300 <= answer.status_code < 400:
                # Where an application sends a browser on to after a write: what comes then is another request.
                answer.success()

    def look(self, path: str) -> None:
        with self.client.get(path, name=path, catch_response=True) as answer:
            sized(answer)


def sized(answer) -> None:
    """Counts what came, and not what was kept."""
    answer.request_meta["response_length"] = getattr(answer, "whole_bytes", 0)
