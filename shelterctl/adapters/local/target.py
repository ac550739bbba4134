"""Fulfils `ports.target.Target`: what the commands ask of the stack, asked of its supervisor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from shelterctl.adapters.local import claim, engines, manifest, ports
from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.home import Home, read_json, write_json
from shelterctl.adapters.local.scaler import clock_readings, no_periods, set_settings
from shelterctl.adapters.local.spec import DatabaseSpec, LocalSpec, ReplicaSpec, ScalerSpec
from shelterctl.adapters.parts import pods_of_part
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.deploy.room import NodeRoom
from shelterctl.core.deploy.stack import ApplyReport, Change, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, ClusterEventSeen, Event, PodsSeen, UsageSeen, WatchDropped, WatchRestored
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.serial import from_json, to_json
from shelterctl.core.state import Autoscaler, Claim, Happening, Pod, PodName, Role, StackState, Usage, Workload
from shelterctl.errors import ApiUnreachable, UsageError

_WATCH_S = 0.25
#: How often a cluster's controller looks.
SYNC_PERIOD_S = 15.0
#: What a cluster's overlays and node ports are has no meaning here.
OVERLAY = "minikube"


class LocalHints:
    """What a person runs to look closer."""

    def logs(self, pod: Pod, container: str, *, previous: bool = False) -> str:
        return f"shelterctl logs {'app' if pod.role is Role.APP else 'db'}{' --previous' if previous else ''}"

    def describe(self, kind: str, namespace: str, name: str = "") -> str:
        return "shelterctl status"

    def replace(self, pod: Pod) -> str:
        return "shelterctl up"

    def restart(self, workload: Workload) -> str:
        return "shelterctl down, then shelterctl up   (the data are kept)"


@dataclass(frozen=True)
class Ingredients:
    """What a plan is made of beside its options: the project's folder, the Python, the database, and the folder of an image."""

    project: Callable[[], Path]
    python: Callable[[], Path | None]
    database: Callable[[], DatabaseSpec]
    image_folder: Callable[[str], Path]
    image_id: Callable[[str], str]


class LocalTarget:
    """One stack of this machine's."""

    noun = "the stack"
    periods = staticmethod(no_periods)
    #: Two measurements, two passes of the autoscaler, and a start that finds both cores busy.
    scale_up_within_s = 60.0

    def __init__(self, home: Home, namespace: str, ingredients: Ingredients) -> None:
        self._home = home
        self._client = Client(home)
        self._namespace = namespace
        self._ingredients = ingredients
        self.hints = LocalHints()

    def version(self) -> str:
        return ""

    def plan(self, options: StackOptions) -> StackPlan:
        if options.overlay != OVERLAY:
            raise UsageError(f"--overlay {options.overlay}: overlays are a cluster's", next_command="--target minikube")
        if options.node_port is not None:
            raise UsageError(f"--node-port {options.node_port}: node ports are a cluster's", next_command="shelterctl up")
        autoscaled = options.replicas is None and self._manifest().scaler is not None
        return StackPlan(options, (), 3 if autoscaled else 2, autoscaled, ())

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        self._home.make()
        return engines.make_passwords(self._home, self._ingredients.database()), ()

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        spec = self._spec(plan.options)
        before = self._running_spec()
        if spec.port is not None and spec.port != (self._home.port() if before is not None else None):
            ports.check(spec.port)
        parts: dict[str, tuple[object, object]] = {
            "process/db": (before and before.database, spec.database),
            "process/app": (before and _application(before), _application(spec)),
        }
        if spec.scaler is not None or (before is not None and before.scaler is not None):
            parts["autoscaler/app"] = (before and before.scaler, spec.scaler)
        changes = tuple(
            ObjectChange(name, self._namespace, _change(there=before is not None, old=old, new=new)) for name, (old, new) in parts.items()
        )
        if dry_run:
            return ApplyReport(changes)
        document = to_json(spec)
        assert isinstance(document, dict)
        if before is None:
            write_json(self._home.spec, document)
            for _ in self._client.start():
                pass
        elif before != spec:
            self._client.ask("apply", spec=document)
        return ApplyReport(changes)

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:
        return ApplyReport(())

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        found = self._client.state()
        if found is None:
            return StackState(time.time(), self._namespace, (), (), None, self._kept_claims(), None)
        recent = tuple(each for each in found.happenings if each.at_s >= warnings_since_s)
        return replace(found, happenings=recent, usage=found.usage if with_usage else ())

    def restart(self, workload: Workload) -> None:
        self._client.ask("restart")

    def replace_pod(self, pod: Pod) -> None:
        self._client.ask("delete", uid=pod.uid)

    def set_autoscaler(self, scaler: Autoscaler, settings: ScalerSettings) -> str:
        return set_settings(self._client, self._running_spec(), settings)

    def clocks(self) -> tuple[ClockReading, ...]:
        return clock_readings()

    def usage(self) -> tuple[Usage, ...]:
        return self.state().usage

    def rooms(self) -> tuple[NodeRoom, ...]:
        """Nothing is turned away here for want of room."""
        return ()

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        told: tuple[tuple[Pod, ...] | None, Autoscaler | None, bool, tuple[Usage, ...]] = (None, None, False, ())
        seen: set[tuple[str, str, str, int]] | None = None
        dropped_s: float | None = None
        while not stop():
            try:
                state = self.state()
            except ApiUnreachable as error:
                if dropped_s is None:
                    dropped_s = time.monotonic()
                    yield WatchDropped("supervisor", f"{error.what}: {error.why}")
                time.sleep(_WATCH_S)
                continue
            if dropped_s is not None:
                yield WatchRestored("supervisor", time.monotonic() - dropped_s)
                dropped_s = None
            pods, scaler, none, usage = told
            if state.pods != pods:
                yield PodsSeen(state.pods)
            if state.autoscaler is not None and state.autoscaler != scaler:
                yield AutoscalerSeen(state.autoscaler)
            elif state.autoscaler is None and (scaler is not None or not none):
                yield AutoscalerGone(scaler.name if scaler is not None else "")
            if state.usage != usage:
                yield UsageSeen(state.usage)
            told = (state.pods, state.autoscaler, state.autoscaler is None, state.usage)
            now = {_mark(each) for each in state.happenings}
            for each in state.happenings if seen is not None else ():
                if _mark(each) not in (seen or ()):
                    yield ClusterEventSeen(each.subject, each.reason, each.message, each.warning)
            seen = now
            time.sleep(_WATCH_S)

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]:
        log = self._log(pod.name, previous=previous)
        try:
            return tuple(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ()

    def cut_off_s(self) -> float:
        return 0.0

    def follow_logs(self, part: str, *, follow: bool, previous: bool, lines: int) -> Iterator[tuple[PodName, str]]:
        pods = pods_of_part(self.state(with_usage=False).pods, part)
        positions: dict[PodName, int] = {}
        for pod in pods:
            log = self._log(pod.name, previous=previous)
            positions[pod.name] = log.stat().st_size if log.exists() else 0
            yield from ((pod.name, line) for line in self.log_tail(pod, "", lines=lines, previous=previous))
        while follow and not previous:
            time.sleep(_WATCH_S)
            for pod in (pod for pod in self.state(with_usage=False).pods if pod.part == part):
                log, began = self._log(pod.name, previous=False), positions.get(pod.name, 0)
                size = log.stat().st_size if log.exists() else 0
                # It began anew: the pod restarted, or the log had grown too long.
                began = began if size >= began else 0
                if size > began:
                    with log.open("rb") as file:
                        file.seek(began)
                        text = file.read(size - began)
                    whole = text.rpartition(b"\n")[0]
                    yield from ((pod.name, line) for line in whole.decode("utf-8", "replace").splitlines())
                    positions[pod.name] = began + len(whole) + (1 if whole else 0)

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        removed: list[str] = []
        if self._home.supervisor.exists():
            spec = self._running_spec()
            removed = ["process/app", "process/db", *(["autoscaler/app"] if spec is None or spec.scaler is not None else [])]
            if self._client.find().runs:
                yield "its processes to end"
                self._client.end()
            self._client.clear()
        self._home.spec.unlink(missing_ok=True)
        kept: list[str] = []
        if self._home.data.exists() and any(self._home.data.iterdir()):
            if delete_data:
                import shutil

                shutil.rmtree(self._home.data, ignore_errors=True)
                removed.append("claim/data")
            else:
                kept.append("claim/data")
        yield RemovalReport(tuple(removed), tuple(kept))

    def _kept_claims(self) -> tuple[Claim, ...]:
        """The data that an earlier stack left."""
        data = self._home.data
        if not data.exists() or not any(data.iterdir()):
            return ()
        return (claim.record(data, self._namespace),)

    def _log(self, name: str, *, previous: bool) -> Path:
        return self._home.logs / (f"{name}.previous.log" if previous else f"{name}.log")

    def _running_spec(self) -> LocalSpec | None:
        """What the supervisor keeps; None where none runs."""
        if not self._client.find().runs:
            return None
        try:
            return from_json(LocalSpec, read_json(self._home.spec))
        except ValueError:
            return None

    def _manifest(self) -> manifest.Manifest:
        return manifest.read(self._ingredients.project())

    def _replica(self, options: StackOptions, found: manifest.Manifest) -> ReplicaSpec:
        ingredients = self._ingredients
        names = ("SHELTER_MONGO_HOST", "SHELTER_MONGO_PASSWORD_FILE")
        return ReplicaSpec(
            image=options.image,
            image_id=ingredients.image_id(options.image),
            folder=str(ingredients.image_folder(options.image)),
            python=str(ingredients.python() or ""),
            environment={key: value for key, value in found.settings.items() if key not in names},
            cpu_request_millicores=found.cpu_request_millicores,
            cpu_limit_millicores=found.cpu_limit_millicores,
            memory_request_bytes=found.memory_request_bytes,
            grace_s=found.grace_s,
            startup=found.startup,
            readiness=found.readiness,
            liveness=found.liveness,
        )

    def _spec(self, options: StackOptions) -> LocalSpec:
        before = read_json(self._home.spec)
        found = self._manifest()
        scaler, replicas = None, options.replicas or found.replicas
        if options.replicas is None and found.scaler is not None:
            written, replicas = found.scaler, None
            scaler = ScalerSpec(
                options.minimum or min(written.minimum, options.maximum or written.minimum),
                options.maximum or max(written.maximum, options.minimum or written.maximum),
                options.cpu_target_percent or written.cpu_target_percent,
                written.behavior,
            )
        return LocalSpec(
            namespace=self._namespace,
            replica=self._replica(options, found),
            database=self._ingredients.database(),
            scaler=scaler,
            replicas=replicas,
            max_surge=found.max_surge,
            min_ready_s=found.min_ready_s,
            progress_deadline_s=found.progress_deadline_s,
            sync_period_s=options.sync_period_s or SYNC_PERIOD_S,
            port=options.port if options.port is not None else before.get("port"),
            annotations=before.get("annotations") or {},
        )


def _application(spec: LocalSpec) -> tuple[object, ...]:
    return spec.replica, spec.replicas, spec.port


def _change(*, there: bool, old: object, new: object) -> Change:
    if not there:
        return Change.CREATED
    if new is None:
        return Change.PRUNED
    return Change.UNCHANGED if old == new else Change.CREATED if old is None else Change.CHANGED


def _mark(happening: Happening) -> tuple[str, str, str, int]:
    return happening.subject, happening.reason, happening.message, happening.count
