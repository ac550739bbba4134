"""Judges where the autoscaler's figures come from: the add-on, its API, the age of the samples, the kubelet's own pace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding, Repair
from shelterctl.core.checkup.cluster import SystemPod
from shelterctl.core.duration import format_duration, parse_duration_s

ADDON = Check("metrics-addon", Area.METRICS, "metrics-server", essential=True)
METRICS_API = Check("metrics-api", Area.METRICS, "metrics API", essential=True)
SAMPLES = Check("metrics-samples", Area.METRICS, "samples")
HOUSEKEEPING = Check("housekeeping", Area.METRICS, "kubelet's housekeeping")

ENABLE = "minikube addons enable metrics-server"
#: metrics-server's own default, where no argument says otherwise.
DEFAULT_RESOLUTION_S = 60.0
#: A kubelet that measures less often than this leaves metrics-server without two points to reckon a rate from.
SLOWEST_HOUSEKEEPING_S = 60.0
#: At an interval from here on the delay of the measurements is worth a word by itself.
SLOW_RESOLUTION_S = 30.0
#: What the kubelet's own sample may be older than metrics-server's look at it.
SAMPLE_SLACK_S = 45.0


@dataclass(frozen=True, slots=True)
class MetricsFacts:
    """What serves metrics.k8s.io.

    `addon_enabled` is None where no minikube profile tells it. `pods` are the server's own. `api_available` is None where the APIService is
    not registered, `api_message` its own words. `pods_age_s` is how long ago the youngest of the pods started; `resolution_s` is the
    server's argument, None where it cannot be seen. `sampled_at_s` are the times of the nodes' samples, `now_s` this machine's.
    """

    addon_enabled: bool | None
    pods: tuple[SystemPod, ...]
    pods_age_s: float
    api_available: bool | None
    api_message: str
    resolution_s: float | None
    sampled_at_s: tuple[float, ...]
    now_s: float
    profile: str = ""


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the profile starts the kubelet with: `extra` as in `--extra-config` (component.key=value)."""

    extra: tuple[str, ...]
    disable_metrics: bool


def judge_metrics(facts: MetricsFacts) -> Iterator[Finding]:
    """Server, API and samples. Where the add-on is off every one of them is mended by turning it on."""
    absent = not facts.pods and facts.api_available is None
    off = facts.addon_enabled is not None and not facts.api_available and (not facts.addon_enabled or absent)
    enable = f"{ENABLE} -p {facts.profile}" if facts.profile and facts.profile != "minikube" else ENABLE
    if facts.addon_enabled is None:
        enable = "see https://github.com/kubernetes-sigs/metrics-server#installation"
    repair = Repair.ENABLE_METRICS if off else None
    yield _judge_server(facts, enable, off, repair)
    yield _judge_api(facts, enable, repair)
    yield _judge_samples(facts, enable, repair)


def _judge_server(facts: MetricsFacts, enable: str, off: bool, repair: Repair | None) -> Finding:
    ready = [pod for pod in facts.pods if pod.ready]
    why = "without it the HPA's CPU stays <unknown>, and it never scales"
    if off and facts.addon_enabled:
        return ADDON.problem("the profile has the add-on, and nothing of it is in the cluster", why, enable, repair)
    if off:
        return ADDON.problem("the add-on is off", why, enable, repair)
    if not facts.pods:
        if facts.api_available:
            return ADDON.ok("not the add-on: another server answers metrics.k8s.io")
        return ADDON.problem("no pod of metrics-server is there", why, enable)
    if not ready:
        pod = facts.pods[0]
        found = f"{pod.name}: {pod.trouble or pod.phase + ', not ready'}"
        look = f"kubectl -n {pod.namespace} logs {pod.name}"
        if facts.pods_age_s < 2 * (facts.resolution_s or DEFAULT_RESOLUTION_S):
            return ADDON.warning(
                f"{found} for {format_duration(facts.pods_age_s)}", "it is ready after its first sample, 60 to 120 s", look
            )
        return ADDON.problem(found, why, look)
    pace = f", measures every {facts.resolution_s:g} s" if facts.resolution_s else ""
    return ADDON.ok(f"{ready[0].name} ready{pace}")


def _judge_api(facts: MetricsFacts, enable: str, repair: Repair | None) -> Finding:
    if facts.api_available:
        return METRICS_API.ok("v1beta1.metrics.k8s.io is Available")
    why = "the HPA asks there; while it is away every scaling decision is put off"
    look = "kubectl describe apiservice v1beta1.metrics.k8s.io"
    if facts.api_available is None:
        return METRICS_API.problem("v1beta1.metrics.k8s.io is not registered", why, enable, repair)
    if repair is None and facts.pods and facts.pods_age_s < 2 * (facts.resolution_s or DEFAULT_RESOLUTION_S):
        return METRICS_API.warning(f"not Available yet: {facts.api_message}", "metrics-server has only just started", look)
    return METRICS_API.problem(f"not Available: {facts.api_message}", why, enable if repair else look, repair)


def _judge_samples(facts: MetricsFacts, enable: str, repair: Repair | None) -> Finding:
    resolution_s = facts.resolution_s or DEFAULT_RESOLUTION_S
    if not facts.api_available:
        if repair is not None:
            return SAMPLES.problem("none: nothing measures", "the HPA's CPU is <unknown>", enable, repair)
        return SAMPLES.unknown("the metrics API does not answer", blocked_by=METRICS_API.id)
    if not facts.sampled_at_s:
        why = "the first comes after two measurements of the kubelet, 60 to 120 s after the start"
        if facts.pods_age_s < 2 * resolution_s + SAMPLE_SLACK_S:
            return SAMPLES.warning(
                f"none yet, {format_duration(facts.pods_age_s)} after the server's start", why, "kubectl top nodes", repair
            )
        return SAMPLES.problem(
            f"none, {format_duration(facts.pods_age_s)} after the server's start",
            "the kubelet gives no rates, as with a housekeeping interval of minutes (kubernetes/minikube#13969)",
            "minikube start --extra-config=kubelet.housekeeping-interval=10s",
        )
    age_s = facts.now_s - max(facts.sampled_at_s)
    if age_s > 2 * resolution_s + SAMPLE_SLACK_S:
        return SAMPLES.warning(
            f"the newest is {format_duration(age_s)} old, at one each {resolution_s:g} s",
            "the HPA decides on old figures",
            "kubectl -n kube-system rollout restart deployment metrics-server",
        )
    late = f"; load shows {resolution_s:g} to {2 * resolution_s:g} s late" if resolution_s >= SLOW_RESOLUTION_S else ""
    return SAMPLES.ok(f"the newest is {max(age_s, 0.0):.0f} s old{late}")


def judge_housekeeping(kubelet_flags: Sequence[str] | None, start: StartOptions) -> Finding:
    """The interval at which the kubelet measures containers: its flag, or what the profile starts it with next time.

    minikube 1.25 set 5m, and `minikube start --disable-metrics` still does: metrics-server then finds no rate
    (kubernetes/minikube#13969, #13802).
    """
    mend = "minikube start --extra-config=kubelet.housekeeping-interval=10s"
    why = "metrics-server needs two measurements for a rate: the HPA's CPU stays <unknown> or is minutes old"
    configured = _interval(start.extra)
    if kubelet_flags is None:
        return HOUSEKEEPING.unknown("the kubelet's command line was not seen", "minikube ssh -- pgrep -a kubelet")
    running = _interval(kubelet_flags)
    try:
        running_s = parse_duration_s(running) if running else None
        configured_s = parse_duration_s(configured) if configured else None
    except ValueError as error:
        return HOUSEKEEPING.unknown(str(error), mend)
    if running_s is not None and running_s > SLOWEST_HOUSEKEEPING_S:
        return HOUSEKEEPING.problem(f"the kubelet measures every {format_duration(running_s)}", why, mend)
    if start.disable_metrics or (configured_s is not None and configured_s > SLOWEST_HOUSEKEEPING_S):
        setting = "--disable-metrics" if start.disable_metrics else f"housekeeping-interval={configured}"
        return HOUSEKEEPING.warning(f"the profile has {setting}, for its next start", why, mend)
    return HOUSEKEEPING.ok(f"every {format_duration(running_s)}" if running_s is not None else "not set: the kubelet's own, every 10 s")


def _interval(options: Sequence[str]) -> str:
    """The option's value in `--housekeeping-interval=5m`, `--housekeeping-interval 5m` or minikube's `kubelet.housekeeping-interval=5m`."""
    for option, following in zip(options, (*options[1:], ""), strict=False):
        name, equals, value = option.lstrip("-").partition("=")
        if name.removeprefix("kubelet.") == "housekeeping-interval":
            return value if equals else following
    return ""
