"""A target without a cluster, in memory: what a new kind of target has to bring. It says nothing about what the tool does to a real one.

Its replicas are a list, its service is a function, and it has neither nodes nor names nor policies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from shelterctl.adapters.http_client import HttpxClient
from shelterctl.adapters.http_question import Urllib3Client
from shelterctl.adapters.parts import pods_of_part
from shelterctl.core.checkup.check import Area, Check, Finding, Repair
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.room import NodeRoom
from shelterctl.core.deploy.stack import ApplyReport, Change, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.events import AutoscalerSeen, Event, PeriodsSeen, PodsSeen
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.state import Autoscaler, ContainerState, Place, Pod, PodName, Role, StackState, Usage, Workload
from shelterctl.errors import FaultFailed, PrerequisiteError
from shelterctl.ports.capabilities import Lacking
from shelterctl.ports.faults import DatabaseReader, FaultInjector
from shelterctl.ports.http import HttpAnswer
from shelterctl.ports.target import Ready
from shelterctl.wiring.parts import Wiring
from tests.fakes import HttpInMemory

NOW_S = 1_800_000_000.0
TAG = "0123456789ab"
REFERENCE = f"shelter-app:{TAG}"
IMAGE = LocalImage(REFERENCE, f"sha256:{TAG}", (), 0)
URL = "http://house:8000"


class HouseHints:
    """There is one command to look closer."""

    def logs(self, pod: Pod, container: str, *, previous: bool = False) -> str:
        return f"shelterctl logs {'app' if pod.role is Role.APP else 'db'}{' --previous' if previous else ''}"

    def describe(self, kind: str, namespace: str, name: str = "") -> str:
        return "shelterctl status"

    def replace(self, pod: Pod) -> str:
        return "shelterctl up"

    def restart(self, workload: Workload) -> str:
        return "house restart"


@dataclass
class House:
    """Runs one replica of each part as soon as it is asked to."""

    namespace: str
    noun: str = "the house"
    scale_up_within_s: float = 10.0
    hints: HouseHints = field(default_factory=HouseHints)
    running: str = ""

    def version(self) -> str:
        return ""

    def plan(self, options: StackOptions) -> StackPlan:
        return StackPlan(options, (), 2, True, ())

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        return (), ()

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        change = Change.UNCHANGED if self.running == plan.options.image else Change.CHANGED if self.running else Change.CREATED
        if not dry_run:
            self.running = plan.options.image
        return ApplyReport(tuple(ObjectChange(name, self.namespace, change) for name in ("process/app", "process/db")))

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:
        return ApplyReport(())

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        if not self.running:
            return StackState(NOW_S, self.namespace, (), (), None, (), None)
        pods = (self._pod("app-1", Role.APP, self.running), self._pod("db-0", Role.DATABASE, "mongod"))
        workloads = tuple(
            Workload("Process", pod.name[:-2], self.namespace, role, 1, 1, "1", 1, 1, 1, 1, 1, pod.containers[0].image)
            for pod, role in zip(pods, (Role.APP, Role.DATABASE), strict=True)
        )
        endpoint = Endpoint("app", 8000, "127.0.0.1", URL, ready_pods=(pods[0].name,))
        scaler = Autoscaler("app", 1, 3, 1, 1, 70, 5)
        return StackState(NOW_S, self.namespace, workloads, pods, scaler, (), endpoint)

    def restart(self, workload: Workload) -> None:
        """It has one replica of each part, and a restart is over at once."""

    def replace_pod(self, pod: Pod) -> None:
        """As above."""

    def set_autoscaler(self, scaler: Autoscaler, settings: ScalerSettings) -> str:
        """One replica stays one."""
        return ""

    def clocks(self) -> tuple[ClockReading, ...]:
        return ()

    def usage(self) -> tuple[Usage, ...]:
        return ()

    def periods(self, pods: Sequence[Pod]) -> PeriodsSeen:
        return PeriodsSeen((), "a house counts no periods")

    def rooms(self) -> tuple[NodeRoom, ...]:
        return ()

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        state = self.state()
        yield PodsSeen(state.pods)
        if state.autoscaler is not None:
            yield AutoscalerSeen(state.autoscaler)

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]:
        return ("a line",)

    def cut_off_s(self) -> float:
        return 0.0

    def follow_logs(self, part: str, *, follow: bool, previous: bool, lines: int) -> Iterator[tuple[PodName, str]]:
        pods = pods_of_part(self.state().pods, part)
        yield pods[0].name, "a line"

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        removed = ("process/app", "process/db") if self.running else ()
        self.running = ""
        yield RemovalReport(removed, ())

    def _pod(self, name: str, role: Role, image: str) -> Pod:
        image_id = IMAGE.image_id if image == REFERENCE else "sha256:db"
        container = ContainerState(role.value, True, 0, "running", "", "", image, image_id, f"{name}-1")
        return Pod(
            PodName(name),
            self.namespace,
            f"uid-{name}",
            role,
            "Running",
            True,
            False,
            "here",
            "127.0.0.1",
            "1",
            "",
            NOW_S,
            NOW_S,
            (container,),
        )


@dataclass
class Workbench:
    """Builds by saying so."""

    built: dict[str, LocalImage] = field(default_factory=dict)

    def check(self) -> str:
        return "a workbench"

    def reference(self) -> str:
        return REFERENCE

    def references(self) -> tuple[str, ...]:
        return (self.reference(),)

    def current(self, reference: str) -> bool:
        return reference == self.reference()

    def inspect(self, reference: str) -> LocalImage | None:
        return self.built.get(reference)

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        yield "sawing"
        self.built[reference] = replace(IMAGE, reference=reference)
        return self.built[reference]

    def forget(self, reference: str) -> None:
        del self.built[reference]

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        return f"Sources {image.reference.rpartition(':')[2]} {'made ready' if fresh else 'are ready'}"


class HousePreparation:
    """Always ready."""

    title = "Checking the house"
    left = "nothing"

    def work(self, *, dry_run: bool) -> Generator[str, None, Ready]:
        yield "looking around"
        return Ready("The house stands", "", False)


class HouseExaminer:
    """One check."""

    title = "Looking at the house"

    def examine(self) -> Generator[str, None, tuple[Finding, ...]]:
        yield "the roof"
        return (Check("roof", Area.HOST, "roof").ok("tight"),)

    def proof_of(self, repair: Repair) -> Collection[str]:
        return ()


class NoRepairs:
    def repair(self, finding: Finding) -> Iterator[str]:
        yield from ()


class HouseWiring(Wiring):
    """What the module of a new target has to fill in."""

    doubt = ""
    images = Lacking("a house has no nodes that images are sent to")
    names = Lacking(
        "names to resolve exist in a cluster only", "this target's processes find each other by port", "shelterctl up --context NAME"
    )
    policies = Lacking("a house has no network policies")
    preparation = HousePreparation()
    #: The house outlives the command, as a target does.
    HOUSE = House("shelter")
    BENCH = Workbench()

    @cached_property
    def place(self) -> Place:
        return Place("house", self.settings.namespace, label="Target")

    @property
    def target(self) -> House:
        return self.HOUSE

    @property
    def builder(self) -> Workbench:
        return self.BENCH

    @property
    def database(self) -> DatabaseReader:
        raise PrerequisiteError("nobody reads this database")

    def faults(self) -> FaultInjector:
        raise FaultFailed("nothing is killed in here")

    def check_running(self) -> None:
        pass

    def examiner(self) -> HouseExaminer:
        return HouseExaminer()

    def repairs(self) -> NoRepairs:
        return NoRepairs()

    def versions(self) -> Mapping[str, Callable[[], str]]:
        return {"house": lambda: "1"}

    def question(self) -> Urllib3Client:
        return HttpInMemory({"house:8000": self._answer})  # type: ignore[return-value]

    def http(self) -> HttpxClient:
        return HttpInMemory({"house:8000": self._answer})  # type: ignore[return-value]

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        version = {"image_tag": self.HOUSE.running.rpartition(":")[2], "git_revision": "1f", "pod": "app-1"}
        return HttpAnswer(200, {}, json.dumps(version).encode(), 0.001)
