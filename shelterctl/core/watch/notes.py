"""What is worth telling when a pod, the autoscaler or a measurement is not as it was before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.state import Autoscaler, Pod, Usage, app_first
from shelterctl.core.watch.history import NOTICEABLE_POINTS

#: A container that waits with one of these does not wait for its turn.
_ORDINARY_WAITING = ("", "ContainerCreating", "PodInitializing")


@dataclass(frozen=True, slots=True)
class Note:
    """A change in words. `style` is good, bad, doubt, dim or plain.

    Of notes with the same `key` only the newest is worth a line on a screen; `count` says how many there were.
    """

    at_s: float
    subject: str
    text: str
    style: str = "plain"
    key: str = ""
    count: int = 1


def pod_notes(
    at_s: float, before: Sequence[Pod] | None, now: Sequence[Pod], been_ready: Collection[str], *, own_names: bool = False
) -> Iterator[Note]:
    """What changed between two looks at the pods; `been_ready` has the uids of those that were ready at any time before."""
    if before is None:
        if now:
            yield Note(at_s, "pods", ", ".join(_ready_counts(now, own_names=own_names)))
        return
    earlier = {pod.uid: pod for pod in before}
    for pod in now:
        yield from _one_pod(at_s, earlier.get(pod.uid), pod, pod.uid in been_ready)
    here = {pod.uid for pod in now}
    for pod in before:
        if pod.uid not in here:
            yield Note(at_s, f"pod {pod.name}", "gone")
    if before and not now:
        yield Note(at_s, "pods", "none is left", "doubt")


def _one_pod(at_s: float, before: Pod | None, pod: Pod, been_ready: bool) -> Iterator[Note]:
    subject = f"pod {pod.name}"
    if before is None and not pod.ready:
        yield Note(at_s, subject, "created")
    if before is not None and pod.restarts > before.restarts:
        yield Note(at_s, subject, f"restarted, {_last_end(pod)}, restart {pod.restarts}", "doubt")
    if pod.deleting:
        if before is None or not before.deleting:
            yield Note(at_s, subject, "is being deleted")
        return
    if pod.ready and (before is None or not before.ready):
        took = f"after {max(0.0, pod.ready_since_s - pod.created_at_s):.0f} s" if pod.ready_since_s is not None else "now"
        yield Note(at_s, subject, "ready again" if been_ready else f"ready {took}", "good")
    elif before is not None and before.ready and not pod.ready:
        yield Note(at_s, subject, "not ready any more", "doubt")
    trouble = pod_trouble(pod)
    if trouble and (before is None or trouble != pod_trouble(before)):
        yield Note(at_s, subject, trouble, "bad")


def pod_trouble(pod: Pod) -> str:
    """What keeps a pod from running, in the cluster's words; empty where nothing does."""
    if not pod.scheduled and pod.scheduling_message:
        return f"no node takes it: {pod.scheduling_message}"
    return next((c.reason for c in pod.every_container if c.state == "waiting" and c.reason not in _ORDINARY_WAITING), "")


def _last_end(pod: Pod) -> str:
    ended = [container for container in pod.every_container if container.last_finished_at_s is not None]
    if not ended:
        return "the reason is not known"
    last = max(ended, key=lambda container: container.last_finished_at_s or 0.0)
    code = "" if last.last_exit_code is None else f" with exit code {last.last_exit_code}"
    return f"{last.last_reason or 'ended'}{code}"


def _ready_counts(pods: Sequence[Pod], *, own_names: bool) -> Iterator[str]:
    for word, own in by_part(pods, own_names=own_names).items():
        yield f"{word} {sum(pod.ready and not pod.deleting for pod in own)} of {len(own)} ready"


def by_part(pods: Sequence[Pod], *, own_names: bool) -> dict[str, list[Pod]]:
    """The pods by the part of the stack that they are of: app, others by their workload's name, db; with `own_names` all by that."""
    found: dict[str, list[Pod]] = {}
    for pod in sorted(pods, key=app_first):
        if pod.role is not None:
            found.setdefault(pod.title(own_names=own_names), []).append(pod)
    return found


def cpu_words(autoscaler: Autoscaler) -> str:
    """cpu 184% of 70%"""
    target = "no target" if autoscaler.cpu_target_percent is None else f"{autoscaler.cpu_target_percent}%"
    reading = "unknown" if autoscaler.cpu_percent is None or not autoscaler.has_metric else f"{autoscaler.cpu_percent}%"
    return f"cpu {reading} of {target}"


def metric_problem(autoscaler: Autoscaler) -> str:
    """Why the autoscaler does not scale, in its own words; empty where it does."""
    broken = next((c for c in autoscaler.conditions if c.type == "ScalingActive" and not c.status), None)
    return f"{broken.reason}: {broken.message}" if broken is not None else ""


def autoscaler_notes(
    at_s: float, before: Autoscaler | None, now: Autoscaler, told_percent: int | None, wanted: int | None
) -> Iterator[Note]:
    """What changed in the autoscaler. `told_percent` is the reading that was told last, `wanted` what the reading asks for."""
    subject = f"hpa {now.name}"
    beyond = wanted is not None and wanted > now.maximum
    limit = f", its maximum; it wants {wanted}" if beyond and now.desired >= now.maximum else ""
    if before is None:
        yield Note(at_s, subject, f"desired {now.desired}{limit}, {cpu_words(now)}, from {now.minimum} to {now.maximum} replicas")
    elif (before.minimum, before.maximum, before.cpu_target_percent) != (now.minimum, now.maximum, now.cpu_target_percent):
        yield Note(at_s, subject, f"was changed: {cpu_words(now)}, from {now.minimum} to {now.maximum} replicas")
    elif before.desired != now.desired:
        yield Note(at_s, subject, f"desired {before.desired} → {now.desired}{limit}, {cpu_words(now)}", "good")
    elif before.has_metric and not now.has_metric:
        yield Note(at_s, subject, f"has no metric: {metric_problem(now) or 'the reason is not told'}", "doubt")
    elif now.has_metric and not before.has_metric:
        yield Note(at_s, subject, f"has a metric: {cpu_words(now)}", "good")
    elif limit and not _limited(before):
        yield Note(at_s, subject, f"stays at {now.desired}{limit}, {cpu_words(now)}", "doubt")
    elif _noticeable(told_percent, now):
        yield Note(at_s, subject, f"reads {cpu_words(now)}", key=f"reading {now.name}")


def _limited(autoscaler: Autoscaler) -> bool:
    return any(c.type == "ScalingLimited" and c.status and c.reason == "TooManyReplicas" for c in autoscaler.conditions)


def _noticeable(told_percent: int | None, now: Autoscaler) -> bool:
    if now.cpu_percent is None or told_percent is None:
        return now.cpu_percent is not told_percent
    crossed = now.cpu_target_percent is not None and (told_percent > now.cpu_target_percent) != (now.cpu_percent > now.cpu_target_percent)
    return crossed or abs(now.cpu_percent - told_percent) >= NOTICEABLE_POINTS


def usage_note(at_s: float, before: Sequence[Usage], now: Sequence[Usage], pods: Sequence[Pod], *, own_names: bool = False) -> Note | None:
    """New samples, how long after those before, and what they say; None where they are not new."""
    if not now:
        return Note(at_s, "metrics", "nothing measures the pods any more", "doubt", key="metrics") if before else None
    newest = max(item.sampled_at_s for item in now)
    last = max((item.sampled_at_s for item in before), default=None)
    if last is not None and newest <= last:
        return None
    when = f"{newest - last:.0f} s after the last" if last is not None else f"{max(0.0, at_s - newest):.0f} s old"
    used = {item.pod: item.cpu_millicores for item in now}
    sums = []
    for word, part in by_part(pods, own_names=own_names).items():
        own = [used[pod.name] for pod in part if pod.name in used]
        if own:
            sums.append(f"{word} {sum(own)}m" + (f" in {len(own)} pods" if len(own) > 1 else ""))
    # The first word is the news: new samples, or the first that were seen.
    kind = "new samples" if last is not None else "samples"
    return Note(at_s, "metrics", ", ".join([f"{kind}, {when}", *sums]), "dim", key="metrics")
