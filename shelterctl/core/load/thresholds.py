"""Conditions on what a load measures, as people write them: `p95 > 500ms`, `errors > 1%`, `rps{GET /data} < 100`, `scale-up > 120s`.

    condition = metric [ "{" request's name "}" ] operator value
    metric    = "p50" … "p99.9" | "max" | "errors" | "rps" | "requests" | "replicas" | "scale-up"
    operator  = ">" | ">=" | "<" | "<="
    value     = duration (percentiles, max, scale-up) | share such as 1% or 0.01 (errors) | number, "/s" may follow (rps) | whole number

A condition says when a run has failed. Whether it holds may be undecided: a percentile is known to a relative error and to the generator's
own lag, and what nobody watched has no replicas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.duration import parse_duration_s

_CONDITION = re.compile(r"\s*([A-Za-z][A-Za-z0-9.-]*)\s*(?:\{([^{}]*)\})?\s*(<=|>=|<|>|==|=|!=)\s*(\S.*?)\s*")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")


class Metric(Enum):
    """What is measured. The value is its word in a condition; of a percentile it is “p” and a number."""

    PERCENTILE = "p"
    MAX = "max"
    ERRORS = "errors"
    RATE = "rps"
    REQUESTS = "requests"
    REPLICAS = "replicas"
    SCALE_UP = "scale-up"


_TIMES = (Metric.PERCENTILE, Metric.MAX)
_BY_NAME = (Metric.PERCENTILE, Metric.MAX, Metric.ERRORS, Metric.RATE, Metric.REQUESTS)
_WORDS = "p95 (any percentile), max, errors, rps, requests, replicas, scale-up"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition. `value` is in ms for percentiles and max, a share for errors, 1/s for rps, s for scale-up, else a count.

    `percent` is a percentile's; `name` the request's, empty for all together.
    """

    text: str
    metric: Metric
    operator: str
    value: float
    percent: float = 0.0
    name: str = ""

    def holds(self, low: float, high: float) -> bool | None:
        """Whether it holds for a value that lies between two bounds; None where they do not decide it."""
        compare = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}[self.operator]
        answers = {compare(float(low), self.value), compare(float(high), self.value)}
        return answers.pop() if len(answers) == 1 else None


def parse_threshold(text: str) -> Threshold:
    """Raises ValueError, with a sentence for people, for what is no condition or can never decide anything."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(f"“{text}” is no condition: write 'p95 > 500ms', 'errors > 1%' or 'replicas < 3'")
    word, name, operator, value = found.groups()
    if operator not in (">", ">=", "<", "<="):
        raise ValueError(f"“{text}”: compare with >, >=, < or <=")
    metric, percent = _metric(text, word.lower())
    if name is not None and metric not in _BY_NAME:
        raise ValueError(f"“{text}”: {metric.value} is not a request's: leave {{{name}}} out")
    if name is not None and not name.strip():
        raise ValueError(f"“{text}”: between the braces stands a request's name, such as p95{{POST /data}}")
    return Threshold(" ".join(text.split()), metric, operator, _value(text, metric, value), percent, (name or "").strip())


def _metric(text: str, word: str) -> tuple[Metric, float]:
    percentile = _PERCENTILE.fullmatch(word)
    if percentile is not None:
        percent = float(percentile.group(1))
        if not 0 < percent < 100:
            raise ValueError(f"“{text}”: a percentile lies between 0 and 100")
        return Metric.PERCENTILE, percent
    found = next((metric for metric in Metric if metric.value == word and metric is not Metric.PERCENTILE), None)
    if found is None:
        raise ValueError(f"“{text}”: {word} is not measured; what is: {_WORDS}")
    return found, 0.0


def _value(text: str, metric: Metric, value: str) -> float:
    if metric in _TIMES or metric is Metric.SCALE_UP:
        if re.fullmatch(r"\d+(\.\d+)?", value):
            raise ValueError(f"“{text}”: {value} of what? Write {value}ms or {value}s")
        seconds = parse_duration_s(value)
        return 1000 * seconds if metric in _TIMES else seconds
    number = value.removesuffix("/s").strip() if metric is Metric.RATE else value
    share = metric is Metric.ERRORS and number.endswith("%")
    try:
        found = float(number.removesuffix("%").strip() if share else number)
    except ValueError:
        raise ValueError(f"“{text}”: {value} is no {_KIND[metric]}") from None
    found = found / 100 if share else found
    if not 0 <= found < float("inf") or (metric is Metric.ERRORS and found > 1):
        raise ValueError(f"“{text}”: {value} is no {_KIND[metric]}")
    if metric in (Metric.REPLICAS, Metric.REQUESTS) and found != int(found):
        raise ValueError(f"“{text}”: {value} is no whole number")
    return found


_KIND = {
    Metric.ERRORS: "share: write 1% or 0.01",
    Metric.RATE: "rate: write 100 or 100/s",
    Metric.REQUESTS: "number of requests",
    Metric.REPLICAS: "number of replicas",
}


def impossible(threshold: Threshold) -> str:
    """Why a condition can never hold, or always does; empty for one that decides something."""
    low = 0.0
    high = 1.0 if threshold.metric is Metric.ERRORS else float("inf")
    if threshold.operator in ("<", "<=") and (threshold.value < low or (threshold.value == low and threshold.operator == "<")):
        return f"“{threshold.text}” can never hold"
    if threshold.operator in (">", ">=") and (threshold.value > high or (threshold.value == high and threshold.operator == ">")):
        return f"“{threshold.text}” can never hold"
    if threshold.operator == ">=" and threshold.value <= low:
        return f"“{threshold.text}” always holds"
    return f"“{threshold.text}” always holds" if threshold.operator == "<=" and threshold.value >= high else ""
