"""The autoscaler's settings, written into a stack that runs, and this machine's clock, which its readings are placed by."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace

from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.spec import LocalSpec
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.events import PeriodsSeen
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.serial import to_json
from shelterctl.core.state import Pod
from shelterctl.errors import Refused


def set_settings(client: Client, spec: LocalSpec | None, settings: ScalerSettings) -> str:
    """Hands the supervisor the settings. Returns the command that sets them back. Raises Refused without an autoscaler."""
    if spec is None or spec.scaler is None:
        raise Refused("nothing scales here: the stack has a fixed number of replicas, or is not up", next_command="shelterctl up")
    before = spec.scaler
    behavior = dict(before.behavior or {})
    if settings.down_window_s is not None:
        down = behavior.get("scaleDown")
        behavior["scaleDown"] = {**(down if isinstance(down, dict) else {}), "stabilizationWindowSeconds": settings.down_window_s}
    scaler = replace(
        before,
        minimum=settings.minimum,
        maximum=settings.maximum,
        cpu_target_percent=settings.cpu_target_percent,
        behavior=behavior or before.behavior,
    )
    client.ask("apply", spec=to_json(replace(spec, scaler=scaler)))
    return f"shelterctl up --min {before.minimum} --max {before.maximum} --cpu-target {before.cpu_target_percent}"


def clock_readings() -> tuple[ClockReading, ...]:
    """There is one clock: two readings of it, a moment apart, say so."""
    found = []
    for _ in range(2):
        now_s = time.time()
        found.append(ClockReading(socket.gethostname(), now_s, now_s, now_s))
        time.sleep(0.001)
    return tuple(found)


def no_periods(pods: Sequence[Pod]) -> PeriodsSeen:  # noqa: ARG001 - as the port has it
    """No kernel counts them here."""
    return PeriodsSeen((), "throttled periods are counted by a cluster's nodes: here the supervisor keeps processes to their limits")
