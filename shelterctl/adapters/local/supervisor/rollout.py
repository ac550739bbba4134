"""What a rolling update does next: which replicas to start and which to end. As a Deployment does it: surge, and none unavailable."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from shelterctl.adapters.local.spec import LocalSpec
from shelterctl.adapters.local.supervisor.pods import KeptPod


@dataclass(slots=True)
class Progress:
    """How far a rollout has come, since when it has not come farther (monotonic), and when it failed (epoch seconds)."""

    done: int = -1
    since_s: float = field(default_factory=time.monotonic)
    failed_s: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """How many replicas of the newest revision to start, and which pods to end."""

    start: int
    end: tuple[KeptPod, ...]


def available(pod: KeptPod, min_ready_s: float, now_s: float) -> bool:
    """Ready for as long as counts; `now_s` is monotonic."""
    return pod.ready and not pod.deleting and now_s - pod.ready_changed_at >= min_ready_s


def next_step(replicas: Sequence[KeptPod], revision: str, wanted: int, spec: LocalSpec, progress: Progress) -> Step:
    """Starts up to `max_surge` more than are wanted; an old one goes for each new one that is available, and one that is not ready at once.

    Notes in `progress` what has been reached, and that it fails where nothing is for `progress_deadline_s`.
    """
    now_s = time.monotonic()
    there = [pod for pod in replicas if not pod.deleting]
    new = [pod for pod in there if pod.template.revision == revision]
    old = [pod for pod in there if pod.template.revision != revision]
    new_available = sum(available(pod, spec.min_ready_s, now_s) for pod in new)
    _note(progress, new_available, wanted, now_s, spec.progress_deadline_s)
    start = max(0, min(wanted - len(new), wanted + spec.max_surge - len(there)))
    if not old:
        # Those that serve nothing go first, then the youngest: they have the least to finish.
        surplus = sorted(new, key=lambda pod: (pod.ready, -pod.created_s))[: max(0, len(new) - wanted)]
        return Step(start, tuple(surplus))
    broken = [pod for pod in old if not available(pod, spec.min_ready_s, now_s)]
    serving = [pod for pod in old if available(pod, spec.min_ready_s, now_s)]
    spare = max(0, new_available + len(serving) - wanted)
    # One that serves nothing is no loss, but for the stack's first moments, when none is ready yet.
    ending = broken if new_available or serving else []
    return Step(start, (*ending, *sorted(serving, key=lambda pod: -pod.created_s)[:spare]))


def _note(progress: Progress, done: int, wanted: int, now_s: float, deadline_s: float) -> None:
    if done > progress.done or done >= wanted:
        progress.done, progress.since_s, progress.failed_s = max(done, progress.done), now_s, None
    elif progress.failed_s is None and now_s - progress.since_s > deadline_s:
        progress.failed_s = time.time()
