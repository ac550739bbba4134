"""Users of any application, by rules that shelterctl found: what is written, what is read, what acknowledges a write.

Started by `shelterctl loadtest` where the stack is somebody's own. Environment: STACK_EXCHANGE (the rules, as JSON), and that of
lean_user.py.

Writes end at a ceiling: an application that answers with its whole collection answers more with each of them, and a load would measure its
own rows. A write counts where the owner's rule says so, else where it is answered as the marked write was that came first
(acknowledged.py). Each answer is read to its end and only its beginning kept: fifty users of one that answers 200 MB would take 10 GB here.
"""

import hashlib
import json
import os
from urllib.parse import urlencode

from acknowledged import problem_of
from lean_user import RUN, WRITE_SHARE, LeanUser
from locust import task

RULES = json.loads(os.environ["STACK_EXCHANGE"])
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


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


class StackUser(LeanUser):
    """One user: writes, reads and looks at the front page in the mix of the rules."""

    #: As much of an answer as tells whether it is an error that calls itself well.
    keep_bytes = 2**16
    _written = 0

    @task
    def act(self) -> None:
        kind = self.chance.choice(REQUESTS)
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
        own = {rule["key"]: mark} if rule.get("key") else {}
        headers = {**rule["headers"], **own, "Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        options = {"data": body, "headers": headers, "name": rule["path"], "catch_response": True, "allow_redirects": False}
        with self.client.request(rule["method"], rule["path"], **options) as answer:
            if not 0 < answer.status_code < 400:
                return
            content = answer.content or b""
            location = (answer.headers or {}).get("location", "")
            problem = problem_of(RULES, answer.status_code, content, location, mark, whole=len(content) < self.keep_bytes)
            if problem:
                answer.failure(problem)
            elif answer.status_code >= 300:
                # Where an application sends a browser on to after a write: what comes then is another request.
                answer.success()

    def look(self, path: str) -> None:
        self.client.get(path, name=path, headers=RULES.get("headers"))
