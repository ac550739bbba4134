"""The pods of one part of a stack, by the name that people give it."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.core.state import Pod, Role
from shelterctl.errors import NotDeployed, UsageError
from shelterctl.settings import nearest


def pods_of_part(pods: Iterable[Pod], part: str) -> list[Pod]:
    """`part` is app, db or another workload's name. Raises UsageError for a part that no stack like this has, NotDeployed."""
    found = [pod for pod in pods if pod.role is not None]
    parts = dict.fromkeys((Role.APP.value, Role.DATABASE.value, *(pod.part for pod in found)))
    if part not in parts:
        told = f"{', '.join([*parts][:-1])} or {[*parts][-1]}"
        raise UsageError(f"logs of what? {told}, not “{part}”{nearest(part, parts)}", next_command="shelterctl logs --help")
    chosen = [pod for pod in found if pod.part == part]
    if not chosen:
        raise NotDeployed(f"no pod of the {part} is there", next_command="shelterctl up")
    return chosen
