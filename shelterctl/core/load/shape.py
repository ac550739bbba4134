"""How many users a load has over time: stages, as k6 writes them, and the named shapes that are made of stages.

A stage `30s:200` brings the users evenly to 200 within 30 s; `2m:200` after it keeps them; `0s:50` sets them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shelterctl.core.duration import parse_duration_s

_STAGE = re.compile(r"\s*([0-9.]+\s*(?:ms|s|m|h)?(?:[0-9.]+\s*(?:s|m))?)\s*:\s*(\d+)\s*")
#: A step needs a measurement, a reading of it and a pod: what is shorter shows nothing of one.
STEPS = 4
NAMES = ("constant", "ramp", "steps", "spike", "soak")
SOAK_S = 3600.0
MOST_STAGES = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """The users become `users`, evenly, within `duration_s`."""

    duration_s: float
    users: int

    def __str__(self) -> str:
        return f"{self.duration_s:g}s:{self.users}"


def parse_stages(texts: Iterable[str]) -> tuple[Stage, ...]:
    """Stages such as `30s:200`, several with commas between them. Raises ValueError with a sentence for people."""
    found = []
    for text in (part for each in texts for part in each.split(",")):
        match = _STAGE.fullmatch(text)
        if match is None:
            raise ValueError(f"“{text.strip()}” is no stage: write 30s:200, how long and to how many users")
        found.append(Stage(parse_duration_s(match.group(1).replace(" ", "")), int(match.group(2))))
    if len(found) > MOST_STAGES:
        raise ValueError(f"{len(found)} stages: at most {MOST_STAGES}")
    if found and not any(stage.users for stage in found):
        raise ValueError("no stage has a user")
    return tuple(found)


def named(shape: str, users: int, duration_s: float) -> tuple[Stage, ...]:
    """The stages of a named shape over `duration_s`; none for constant and soak, whose users just start and stay.

    ramp: evenly up, the whole time. steps: up in four equal steps and down again. spike: a tenth, all of them for the middle fifth, a
    tenth again. Raises ValueError for a name that is none.
    """
    if shape not in NAMES:
        raise ValueError(f"--shape {shape}: {', '.join(NAMES)}")
    if shape == "ramp":
        return (Stage(duration_s, users),)
    if shape == "steps":
        heights = [max(1, round(users * number / STEPS)) for number in (*range(1, STEPS), *range(STEPS, 0, -1))]
        each_s = duration_s / len(heights)
        return tuple(stage for height in heights for stage in (Stage(0.0, height), Stage(each_s, height)))
    if shape == "spike":
        few = max(1, users // 10)
        return (
            Stage(0.0, few), Stage(0.4 * duration_s, few), Stage(0.0, users), Stage(0.2 * duration_s, users),
            Stage(0.0, few), Stage(0.4 * duration_s, few),
        )  # fmt: skip
    return ()


def users_at(stages: Sequence[Stage], at_s: float) -> int:
    """The users at a time after the load's begin; after the last stage none."""
    begin_s, before = 0.0, 0
    for stage in stages:
        if at_s < begin_s + stage.duration_s:
            return round(before + (stage.users - before) * (at_s - begin_s) / stage.duration_s)
        begin_s, before = begin_s + stage.duration_s, stage.users
    return 0


def length_s(stages: Sequence[Stage]) -> float:
    return sum(stage.duration_s for stage in stages)


def cut(stages: Sequence[Stage], end_s: float) -> tuple[Stage, ...]:
    """The stages until a time after the load's begin, the last one as far as it had come by then."""
    found, begin_s, before = list[Stage](), 0.0, 0
    for stage in stages:
        left_s = end_s - begin_s
        if stage.duration_s > left_s:
            share = left_s / stage.duration_s
            return (*found, Stage(left_s, round(before + (stage.users - before) * share))) if left_s > 0 else tuple(found)
        found.append(stage)
        begin_s, before = begin_s + stage.duration_s, stage.users
    return tuple(found)


def plateau_s(stages: Sequence[Stage]) -> tuple[float, float]:
    """From when until when the users are at their most for the first time (seconds)."""
    most = max(stage.users for stage in stages)
    begin_s, before = 0.0, 0
    for number, stage in enumerate(stages):
        end_s = begin_s + stage.duration_s
        if stage.users == most:
            until_s = end_s
            for later in stages[number + 1 :]:
                if later.users != most:
                    break
                until_s += later.duration_s
            return (begin_s if before == most else end_s), until_s
        begin_s, before = end_s, stage.users
    return 0.0, begin_s
