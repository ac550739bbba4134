"""Examples that the tests of the embedded target share: a stack's spec, and a pod of it."""

from __future__ import annotations

import time
from pathlib import Path

from shelterctl.adapters.local.spec import DatabaseSpec, LocalSpec, ProbeSpec, ReplicaSpec
from shelterctl.adapters.local.supervisor.pods import KeptPod, Template
from shelterctl.core.state import PodName, Role

PROBE = ProbeSpec()
REPLICA = ReplicaSpec("shelter-app:1", "sha256:1", "/app", "python3", {}, 100, 500, 0, 35.0, PROBE, PROBE, PROBE)
SPEC = LocalSpec("shelter", REPLICA, DatabaseSpec("nx-27017", "0.8.1", ()), None, 2)


def pod(name: str, revision: str, *, ready: bool, deleting: bool = False) -> KeptPod:
    template = Template(
        Role.APP, "app", revision, "shelter-app:1", "sha256:1", (), {}, Path(), (), {}, PROBE, PROBE, None, 35.0
    )  # fmt: skip
    made = KeptPod(PodName(name), template, Path("/nowhere.log"))
    made.ready, made.deleting, made.ready_changed_at = ready, deleting, time.monotonic() - 60
    return made
