"""The lines that the generator's processes write, as samples of one load."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from shelterctl.core.load.merge import EMPTY, Merge
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.serial import JsonValue

#: Times are told to a tenth of a millisecond.
_NO_GAP_S = 0.01


class Account(Protocol):
    """Samples from lines."""

    def take(self, line: Mapping[str, JsonValue]) -> None:
        """Raises ValueError where the line is not one."""

    def samples(self) -> list[LoadSample]:
        """Those that are whole, each once."""

    def rest(self) -> list[LoadSample]:
        """What is left when no more lines come."""


def account_of(plan: LoadPlan) -> Account:
    """The account of a load's lines, by how many processes write them."""
    return OneProcess() if plan.generators == 1 and not plan.workers else SeveralProcesses()


class OneProcess:
    """The lines of a process that is alone: each sample is one of the load, and goes on where the one before it ended."""

    def __init__(self) -> None:
        self._found: list[LoadSample] = []
        self._until_s = 0.0

    def take(self, line: Mapping[str, JsonValue]) -> None:
        if line["kind"] != "sample":
            return
        sample = sample_from_json(line)
        from_s = sample.elapsed_s - sample.interval_s
        if from_s - self._until_s > _NO_GAP_S:
            text = f"the counts from {self._until_s:.0f} to {from_s:.0f} s did not arrive: its requests in them are not counted"
            wall_s = sample.wall_s - sample.interval_s
            self._found.append(replace(EMPTY, elapsed_s=from_s, wall_s=wall_s, users=sample.users, told=(text,)))
        self._until_s = sample.elapsed_s
        self._found.append(sample)

    def samples(self) -> list[LoadSample]:
        found, self._found = self._found, []
        return found

    def rest(self) -> list[LoadSample]:
        return self.samples()


class SeveralProcesses:
    """The lines that a master wrote for its workers, merged."""

    def __init__(self) -> None:
        self._merge: Merge | None = None
        self._refused: list[tuple[str, str]] = []

    def take(self, line: Mapping[str, JsonValue]) -> None:
        kind = line["kind"]
        if kind == "start":
            self._merge = Merge(_numbers(line, "workers"), _number(line, "wall_s"), int(_number(line, "expected")))
            for name, why in self._refused:
                self._merge.refuse(name, why)
        elif kind == "worker" and line.get("state") == "refused":
            name, why = str(line["worker"]), str(line["why"])
            if self._merge is None:
                self._refused.append((name, why))
            else:
                self._merge.refuse(name, why)
        elif self._merge is None:
            return
        elif kind == "worker" and line.get("state") == "back":
            self._merge.find_again(str(line["worker"]), _number(line, "wall_s"))
        elif kind == "worker":
            self._merge.lose(str(line["worker"]), str(line["why"]), _number(line, "wall_s"))
        elif kind == "sample":
            self._merge.add(str(line["worker"]), sample_from_json(line), _number(line, "arrived_s"), int(_number(line, "line")))
        elif kind == "end":
            self._merge.end()

    def samples(self) -> list[LoadSample]:
        return self._merge.take(time.time()) if self._merge is not None else []

    def rest(self) -> list[LoadSample]:
        return self._merge.rest() if self._merge is not None else []


def on_our_clock(line: Mapping[str, JsonValue], shift_s: float) -> Mapping[str, JsonValue]:
    """A line whose times of day are another clock's, which lacks `shift_s` to ours."""
    moved: dict[str, JsonValue] = {
        name: value + shift_s for name in ("wall_s", "arrived_s") if isinstance(value := line.get(name), int | float)
    }
    first = line.get("first_by_pod")
    if isinstance(first, dict):
        moved["first_by_pod"] = {pod: at_s + shift_s for pod, at_s in _numbers(line, "first_by_pod").items()}
    return {**line, **moved}


def sample_from_json(line: Mapping[str, JsonValue]) -> LoadSample:
    """A sample from a line that the bridge wrote. Raises ValueError where the line is not one."""
    last_answer_s = line.get("last_answer_s")
    return LoadSample(
        elapsed_s=_number(line, "elapsed_s"),
        wall_s=_number(line, "wall_s"),
        interval_s=_number(line, "interval_s"),
        users=int(_number(line, "users")),
        requests=int(_number(line, "requests")),
        failures=int(_number(line, "failures")),
        latency_bins={int(index): int(count) for index, count in _numbers(line, "latency_bins").items()},
        max_ms=_number(line, "max_ms"),
        cpu_s=_number(line, "cpu_s"),
        lag_bins={int(index): int(count) for index, count in _numbers(line, "lag_bins").items()},
        lag_max_ms=_number(line, "lag_max_ms"),
        by_pod={name: int(count) for name, count in _numbers(line, "by_pod").items()},
        first_by_pod=_numbers(line, "first_by_pod"),
        by_name={name: int(count) for name, count in _numbers(line, "by_name").items()},
        sized_by_name={name: int(count) for name, count in _numbers(line, "sized_by_name").items()},
        bins_by_name=_bins(line, "bins_by_name"),
        failures_by_name={name: int(count) for name, count in _numbers(line, "failures_by_name").items()},
        late=int(_number(line, "late")),
        bytes_by_name={name: int(count) for name, count in _numbers(line, "bytes_by_name").items()},
        failure_kinds={name: int(count) for name, count in _numbers(line, "failure_kinds").items()},
        own_kinds={name: int(count) for name, count in _numbers(line, "own_kinds").items()},
        oddities={name: int(count) for name, count in _numbers(line, "oddities").items()},
        tasks=int(_number(line, "tasks")),
        users_ended=int(_number(line, "users_ended")),
        failed_checks={name: int(count) for name, count in _numbers(line, "failed_checks").items()},
        task_errors={name: int(count) for name, count in _numbers(line, "task_errors").items()},
        last_answer_s=None if last_answer_s is None else _number(line, "last_answer_s"),
        final=line.get("final") is True,
    )


def _number(line: Mapping[str, JsonValue], name: str) -> float:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a load sample has {value!r} for {name}")
    return float(value)


def _bins(line: Mapping[str, JsonValue], name: str) -> dict[str, dict[int, int]]:
    value = line.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"a load sample has {value!r} for {name}")
    found = {}
    for key, bins in value.items():
        if not isinstance(bins, dict):
            raise ValueError(f"a load sample has {bins!r} for {key} in {name}")
        found[key] = {int(index): int(_number(bins, index)) for index in bins}
    return found


def _numbers(line: Mapping[str, JsonValue], name: str) -> dict[str, float]:
    value = line.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"a load sample has {value!r} for {name}")
    return {key: _number(value, key) for key in value}
