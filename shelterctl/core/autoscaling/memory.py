"""What the controller may remember from before a recording, and whether that explains what it did.

Its memory holds what it recommended and, with a behavior, what it changed. By the controller's own rules the first can only keep replicas
that it has (or with a window for scaling up put pods off), the second only moves what policies allow. A difference is put down to it
where the model, given such a memory, decides what the controller did; the rules judge as well how long that can last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shelterctl.core.hpa.algorithm import ReplicaProposal
from shelterctl.core.hpa.stabilization import History, Recommendation, ScaleEvent, Stabilizer
from shelterctl.core.hpa.sync import sync


def remembered(
    rules: Stabilizer, history: History, current: int, after: int, made: ReplicaProposal, *, at_s: float, first_s: float, first: int
) -> str:
    """The sentence that explains `after`; empty where no memory from before `first_s`, the recording's begin, does.

    `history` is what the model remembers before the pass, begun with a recommendation of the `first` replicas at `first_s`. It explains a
    step that the reading called for, or less of it, and none in a direction or of a size that the reading did not.
    """

    def decides(found: History) -> bool:
        return sync(rules, found, current, [made], at_s).replicas == after

    # A controller that remembers nothing at all takes what there is for a recommendation; this one had lower ones.
    later = tuple(item for item in history.recommendations if item.at_s > first_s)
    unseeded = replace(history, recommendations=(Recommendation(rules.min_replicas, first_s), *later))
    if after < current and decides(unseeded):
        return "the controller remembered no such recommendation from before the recording"
    if after <= current:
        for item in (after, current):
            held = replace(history, recommendations=(Recommendation(item, first_s), *history.recommendations))
            if decides(held):
                return "the controller remembered a higher recommendation from before the recording"
    if after >= current:
        lower = (Recommendation(current, first_s), Recommendation(after, first_s))
        if any(decides(replace(history, recommendations=(item, *history.recommendations))) for item in lower):
            return "the controller remembered a lower recommendation from before the recording, and waited to add pods"
    for base in (history, unseeded) if after < current else (history,):
        if any(decides(found) for found in _with_events(base, rules, first_s, first)):
            return "the controller remembered changes from before the recording, by which its policies allow another step"
    return ""


def _with_events(history: History, rules: Stabilizer, first_s: float, first: int) -> Iterator[History]:
    """The history with pods added, or taken away, just before the recording, by which there were `first`: none came to more than the
    maximum, and from 0 nothing scales. Without a behavior nothing of them is remembered."""
    if rules.behavior is None:
        return
    for change in range(1, first):
        yield replace(history, scale_ups=(ScaleEvent(change, first_s), *history.scale_ups))
    for change in range(1, rules.max_replicas - first + 1):
        yield replace(history, scale_downs=(ScaleEvent(change, first_s), *history.scale_downs))
