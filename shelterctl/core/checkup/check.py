"""What `doctor` finds: one finding for each check, and what all of them together mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class CheckState(Enum):
    """How a check came out. UNKNOWN: it could not be made, or what it saw decides nothing. SKIPPED: there is nothing to check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Area(Enum):
    """What a check looks at, in the order in which the parts build on each other."""

    HOST = "This machine"
    MINIKUBE = "minikube"
    CLUSTER = "Cluster"
    METRICS = "Metrics"
    STACK = "Stack"
    SCALING = "Autoscaler"


#: A problem there is about what was deployed; anywhere else it is about what deploying needs.
STACK_AREAS = frozenset({Area.STACK, Area.SCALING})


#: The checks that have nothing to check only where nothing is deployed: on a cluster, of a stack of one's own, on this machine.
_SKIPPED_WITHOUT_A_STACK = frozenset({"deployed", "stack-parts", "supervisor"})


class Repair(Enum):
    """The mends that `doctor --fix` runs, in this order. None deletes data or changes what the user wrote."""

    START_MACHINE = "start the minikube profile"
    UPDATE_CONTEXT = "point the kubeconfig at the profile"
    ENABLE_METRICS = "enable metrics-server"
    REPLACE_STUCK_POD = "replace the stuck pod"


@dataclass(frozen=True, slots=True)
class StuckPod:
    """The pod that REPLACE_STUCK_POD deletes. `uid` keeps a newer pod of the same name safe."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it found.

    `why` says why that matters, `mend` is the command that mends it, `repair` what `--fix` does about it. `blocked_by` is the id of the
    check whose failure kept this one from being made. An `essential` check must not stay unknown.
    """

    check: str
    area: Area
    title: str
    state: CheckState
    found: str
    why: str = ""
    mend: str = ""
    repair: Repair | None = None
    stuck_pod: StuckPod | None = None
    blocked_by: str = ""
    essential: bool = False

    @property
    def fixable(self) -> bool:
        return self.repair is not None


@dataclass(frozen=True, slots=True)
class Check:
    """A check before it is made."""

    id: str
    area: Area
    title: str
    essential: bool = False

    def ok(self, found: str) -> Finding:
        return self._finding(CheckState.OK, found)

    def skipped(self, found: str) -> Finding:
        return self._finding(CheckState.SKIPPED, found)

    def unknown(self, found: str, mend: str = "", *, why: str = "", blocked_by: str = "") -> Finding:
        return self._finding(CheckState.UNKNOWN, found, why, mend, blocked_by=blocked_by)

    def warning(self, found: str, why: str, mend: str = "", repair: Repair | None = None) -> Finding:
        return self._finding(CheckState.WARNING, found, why, mend, repair)

    def problem(self, found: str, why: str, mend: str, repair: Repair | None = None, stuck_pod: StuckPod | None = None) -> Finding:
        return self._finding(CheckState.PROBLEM, found, why, mend, repair, stuck_pod)

    def _finding(
        self,
        state: CheckState,
        found: str,
        why: str = "",
        mend: str = "",
        repair: Repair | None = None,
        stuck_pod: StuckPod | None = None,
        blocked_by: str = "",
    ) -> Finding:
        return Finding(self.id, self.area, self.title, state, found, why, mend, repair, stuck_pod, blocked_by, self.essential)


@dataclass(frozen=True, slots=True)
class Mended:
    """A repair that `--fix` ran. `proven` where every check that asked for it is well since then; else `remains` says what is not."""

    repair: Repair
    proven: bool
    elapsed_s: float
    remains: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """All findings, in the order of the areas, and what `--fix` did before them."""

    context: str
    namespace: str
    findings: tuple[Finding, ...]
    mended: tuple[Mended, ...] = ()
    elapsed_s: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)

    def of(self, state: CheckState) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.state is state)

    @property
    def missing_prerequisites(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.of(CheckState.PROBLEM) if finding.area not in STACK_AREAS)

    @property
    def broken_stack(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.of(CheckState.PROBLEM) if finding.area in STACK_AREAS)

    @property
    def open_questions(self) -> tuple[Finding, ...]:
        """Checks that must not stay unknown, and did."""
        return tuple(finding for finding in self.of(CheckState.UNKNOWN) if finding.essential)

    @property
    def nothing_deployed(self) -> bool:
        return any(finding.check in _SKIPPED_WITHOUT_A_STACK for finding in self.of(CheckState.SKIPPED))


def count_states(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each state, every state named."""
    counted = Counter(finding.state for finding in findings)
    return {state.value: counted[state] for state in CheckState}


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by area; within an area as they came."""
    order = list(Area)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.area)))


def wanted_repairs(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """For each repair that some finding asks for, the first that does, in the order in which repairs are run."""
    first: dict[Repair, Finding] = {}
    for finding in findings:
        if finding.repair is not None and finding.state is not CheckState.OK:
            first.setdefault(finding.repair, finding)
    return tuple(first[repair] for repair in Repair if repair in first)


def minor_version(text: str) -> tuple[int, int] | None:
    """(1, 34) of `v1.34.4` or `1.34+`; None where the text is no version."""
    parts = text.strip().lstrip("v").split(".")
    if len(parts) < 2:
        return None
    digits = "".join(character for character in parts[1].split("-")[0] if character.isdigit())
    return (int(parts[0]), int(digits)) if parts[0].isdigit() and digits else None


def size(count_bytes: float) -> str:
    """12.3 GB, 640 MB"""
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes >= 1e9 else f"{count_bytes / 1e6:.0f} MB"
