"""Whether the cluster's own control plane was well while a test ran.

A machine that others keep from its CPU or its disk stops etcd for seconds at a time; what fails then says nothing of the tool. Such a test,
and no other, is run once more when the API server answers again; the run says so (`rerun`).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

#: As long as an API server takes to come back on a machine that is still busy.
BACK_TIMEOUT_S = 300.0
#: It is back when it answered for so long.
WELL_S = 15.0
#: A restart is told in whole seconds.
_SAME_S = 1.0
_CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def trouble_since(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]], since_s: float) -> str:
    """What befell the control plane since then (epoch seconds); empty where nothing did."""
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", ()):
            started = status.get("state", {}).get("running", {}).get("startedAt")
            if status["name"] in _CONTROL_PLANE and started is not None and _epoch_s(started) > since_s + _SAME_S:
                return f"{pod['metadata']['name']} was restarted at {started}"
    for event in events:
        name, last = event["involvedObject"].get("name", ""), event.get("lastTimestamp")
        if event.get("reason") == "Unhealthy" and name.startswith(_CONTROL_PLANE) and last is not None and _epoch_s(last) > since_s:
            return f"{name} at {last}: {event.get('message', '')}"
    return ""


class ControlPlane:
    """That of one profile; a test has to say when it begins."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.since_s = time.time()

    def was_unwell(self) -> bool:
        """Whether it was unwell since the test began; if so, waits until it is well again. Asked only where the test failed."""
        found = _trouble(self.context, self.since_s)
        if not found:
            return False
        print(f"the cluster itself was not well: {found}")
        return _back(self.context)


def _trouble(context: str, since_s: float) -> str:
    ready = _ask(context, "get", "--raw", "/readyz")
    if ready is None:
        return f"{context}: its API server does not answer"
    pods, events = (_ask(context, "-n", "kube-system", "get", kind, "-o", "json") for kind in ("pods", "events"))
    if pods is None or events is None:
        return f"{context}: its API server does not answer"
    said = trouble_since(json.loads(pods)["items"], json.loads(events)["items"], since_s)
    return f"{context}: {said}" if said else ""


def _back(context: str) -> bool:
    deadline_s, well_since_s = time.monotonic() + BACK_TIMEOUT_S, None
    while time.monotonic() < deadline_s:
        now_s = time.monotonic()
        if _ask(context, "get", "--raw", "/readyz") is None:
            well_since_s = None
        elif well_since_s is None:
            well_since_s = now_s
        elif now_s - well_since_s > WELL_S:
            return True
        time.sleep(1.0)
    return False


def _ask(context: str, *arguments: str) -> str | None:
    """What kubectl says; None where there is no answer in ten seconds."""
    command = ["kubectl", "--context", context, "--request-timeout=10s", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return None
    return done.stdout if done.returncode == 0 else None


def _epoch_s(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
