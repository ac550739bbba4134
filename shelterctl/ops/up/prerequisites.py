"""What a cluster needs before a stack can be deployed to it: the builder, a machine that runs, its metrics, an API server."""

from __future__ import annotations

from collections.abc import Generator

from shelterctl.errors import MinikubeUnavailable
from shelterctl.ports.build import Builder
from shelterctl.ports.capabilities import Machine
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Ready, Target


class ClusterPreparation:
    """Fulfils `ports.target.Preparation`. `machine` is None where the cluster's machines are not this host's."""

    title = "Checking Docker, the cluster and its metrics"
    left = "minikube may be half started: `minikube start` goes on"

    def __init__(self, builder: Builder, machine: Machine | None, target: Target, clock: Clock) -> None:
        self._clock = clock
        self._builder = builder
        self._machine = machine
        self._target = target

    def work(self, *, dry_run: bool) -> Generator[str, None, Ready]:
        words = [self._builder.check()]
        started, machine_started_s = False, None
        if self._machine is not None:
            machine = self._machine.state()
            if not machine.running:
                if dry_run:
                    raise MinikubeUnavailable(f"minikube profile {machine.profile} is not running", next_command="shelterctl up")
                yield f"minikube profile {machine.profile} is {'stopped' if machine.exists else 'absent'}: starting it, which takes minutes"
                machine_started_s = self._clock.wall_s()
                yield from self._machine.start()
                started = True
                machine = self._machine.state()
            if machine.metrics_enabled is False and not dry_run:
                yield "metrics-server is off: enabling it"
                self._machine.enable_metrics()
                started = True
            words.append(f"minikube profile {machine.profile} ({machine.driver})")
        version = self._target.version()
        words.append(f"Kubernetes {version}")
        return Ready(", ".join(words) + (" started" if started else ""), version, started, machine_started_s)
