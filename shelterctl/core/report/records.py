"""The results of operations as a report reads them: the fields that it shows, whatever else a result has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shelterctl.core.claims import Evidence
from shelterctl.core.deploy.image import ImageChain, LoadReport
from shelterctl.core.deploy.scan import ScanReport
from shelterctl.core.deploy.stack import ApplyReport
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.proof import KillProof
from shelterctl.core.faults.recovery import RecoveryTimes
from shelterctl.core.faults.verdict import RiskWindow
from shelterctl.core.load.elasticity import Elasticity
from shelterctl.core.state import Autoscaler, Pod
from shelterctl.core.verdict import Judgement


@dataclass(frozen=True, slots=True)
class Deployed:
    """What `up` found (`ops.up.up.UpResult`)."""

    context: str
    namespace: str
    dry_run: bool
    changed: bool
    chain: ImageChain
    loads: tuple[LoadReport, ...]
    applied: ApplyReport
    endpoint: Endpoint | None
    pods: tuple[Pod, ...]
    autoscaler: Autoscaler | None
    elapsed_s: float
    caveats: tuple[str, ...] = ()
    scan: ScanReport | None = None


@dataclass(frozen=True, slots=True)
class NameRecovery:
    """When a pod's own name led to its new address (`ops.dns.follow.DnsRecovery`)."""

    name: str
    seconds: float | None
    resolution_s: float = 0.0
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Killed:
    """What `chaos kill-db` found (`ops.chaos.kill_db.KillDbResult`)."""

    run: str
    mode: KillMode
    judgement: Judgement
    attempts: int
    acknowledged: int
    rejected: int
    indeterminate: int
    prior: int
    found: Mapping[str, int]
    counts: Mapping[str, int]
    server: str
    proof: KillProof | None
    report: KillReport | None
    window: RiskWindow | None
    recovery: RecoveryTimes | None
    settle_s: float
    elapsed_s: float
    dns: tuple[NameRecovery, ...] = ()
    notes: tuple[str, ...] = ()
    data: Judgement | None = None
    service: Judgement | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """What `prove` found (`ops.prove.Proof`)."""

    context: str
    namespace: str
    judgement: Judgement
    claims: tuple[Evidence, ...]
    elapsed_s: float
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class TriedSetting:
    """The settings of a simulated autoscaler, as far as the table shows them."""

    target_percent: int
    minimum: int
    maximum: int
    behavior: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One simulated autoscaler (`core.autoscaling.simulate.Simulated`)."""

    setting: TriedSetting
    elasticity: Elasticity
    late_share: float
    pod_minutes: float
    replicas: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Simulated:
    """What `hpa simulate` found; `run` is the load that it rests on, the first result the run's own settings."""

    run: str
    objective: str = ""
    results: tuple[Tried, ...] = ()
    beaten: tuple[bool, ...] = field(default=())
