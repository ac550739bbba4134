"""Users of any application, by rules that shelterctl found: what is written, what is read, what acknowledges a write.

Started by `shelterctl loadtest` where the stack is somebody's own. Environment: STACK_EXCHANGE (the rules, as JSON), and that of
lean_user.py.

Writes end at a ceiling: an application that answers with its whole collection answers more with each of them, and a load would measure its
own rows. A write counts as well where the owner's rule says so; without one, where its status is below 400 and its JSON does not begin with
an error. Each answer is read to its end and only its beginning kept: fifty users of one that answers 200 MB would take 10 GB here.
"""

import hashlib
import json
import os
import re
from urllib.parse import urlencode

from lean_user import RUN, WRITE_SHARE, LeanUser
from locust import task

RULES = json.loads(os.environ["STACK_EXCHANGE"])
#: As `adapters/swarm/answers.py` has it, which is not beside this file everywhere.
ERROR_HEAD = re.compile(rb'\s*{\s*"errors?"')
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


def within(wanted, found, mark: str) -> bool:
    """Whether what is wanted is part of what is there; truth values are no numbers."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and within(value, found[key], mark) for key, value in wanted.items())
    if isinstance(wanted, str):
        return found == wanted.replace("{token}", mark)
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


def problem_of(rule, status: int, body: bytes, mark: str, *, whole: bool) -> str:
    """What keeps an answer below 400 from acknowledging a write, else empty. Without the `whole` of it its text says nothing."""
    if rule is None:
        return "an answer with an error in its JSON" if 200 <= status < 300 and whole and says_error(body) else ""
    if rule["statuses"] and status not in rule["statuses"]:
        return f"HTTP {status}, which [writes] ok does not name"
    if not whole:
        return ""
    good = rule["text"].replace("{token}", mark) in body.decode("utf-8", "replace")
    if good and rule["fields"]:
        try:
            good = within(rule["fields"], json.loads(body), mark)
        except (ValueError, RecursionError):
            good = False
    return "" if good else f"HTTP {status} without what [writes] ok says"


def says_error(body: bytes) -> bool:
    """Whether JSON names an error at its beginning. A number may be a count of them, and false, null and an empty text are none."""
    if not ERROR_HEAD.match(body):
        return False
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    said = [document.get(key) for key in ("error", "errors")]
    return any(each is True or (each and isinstance(each, str | list | dict)) for each in said)


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
            problem = problem_of(RULES.get("ok"), answer.status_code, content, mark, whole=len(content) < self.keep_bytes)
            if problem:
                answer.failure(problem)
            elif answer.status_code >= 300:
                # Where an application sends a browser on to after a write: what comes then is another request.
                answer.success()

    def look(self, path: str) -> None:
        self.client.get(path, name=path, headers=RULES.get("headers"))
