"""What acknowledges a write of a user's own stack, as shelterctl's other commands judge it: by the owner's rule, else as it was learned.

The same as `core/stack/exchange.py` and `core/stack/ok_rule.py`, which are not beside this file everywhere; a test holds them together.
"""

import json
import re

#: As `adapters/swarm/answers.py` has it.
ERROR_HEAD = re.compile(rb'\s*{\s*"errors?"')
VARYING = re.compile(
    r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b"
    r"|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,}){0,4}\b|\d+(?:[:.,T-]+\d+(?![0-9a-su-y_]))*Z?",
    re.IGNORECASE,
)
BESIDE = re.compile(r"#(?:[:.,T-]+#)+Z?")


def problem_of(rules, status: int, body: bytes, location: str, mark: str, *, whole: bool) -> str:
    """What keeps an answer below 400 from acknowledging a write, else empty. Without the `whole` of it its text says nothing."""
    if rules.get("ok") is not None:
        return unlike_rule(rules["ok"], status, body, mark, whole=whole)
    if rules.get("refused"):
        return f"HTTP {status}: {rules['refused']}"
    if rules.get("learned") is not None:
        return unlike_learned(rules["learned"], status, body, location, mark, whole=whole)
    return "an answer with an error in its JSON" if 200 <= status < 300 and whole and says_error(body) else ""


def unlike_rule(rule, status: int, body: bytes, mark: str, *, whole: bool) -> str:
    """How an answer differs from what the owner says."""
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


def unlike_learned(learned, status: int, body: bytes, location: str, mark: str, *, whole: bool) -> str:
    """How an answer differs from that of the marked write, which was found in the database."""
    if status != learned["status"]:
        return f"HTTP {status}, where the marked write got {learned['status']}"
    if same(location.replace(mark, "{token}")) != learned["location"]:
        return f"HTTP {status}, which leads elsewhere than the marked write's"
    if whole and skeleton_of(body, mark) != learned["skeleton"]:
        return f"HTTP {status} with another answer than the marked write's"
    return ""


def skeleton_of(body: bytes, mark: str) -> str:
    """An answer without what differs from write to write."""
    text = body.decode("utf-8", "replace").replace(mark, "{token}")
    try:
        return json.dumps(skeleton(json.loads(text)), sort_keys=True)
    except (ValueError, RecursionError):
        return same(text)


def same(text: str) -> str:
    return BESIDE.sub("#", VARYING.sub("#", text))


def skeleton(value):
    if isinstance(value, dict):
        return {key: skeleton(item) for key, item in value.items()}
    if isinstance(value, list):
        return [skeleton(item) for item in value[:1]]
    if isinstance(value, str):
        return same(value)
    if value is None or isinstance(value, bool) or value == 0:
        return value
    return type(value).__name__


def within(wanted, found, mark: str) -> bool:
    """Whether what is wanted is part of what is there; truth values are no numbers."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and within(value, found[key], mark) for key, value in wanted.items())
    if isinstance(wanted, str):
        return found == wanted.replace("{token}", mark)
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


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
