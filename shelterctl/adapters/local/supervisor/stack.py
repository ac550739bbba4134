"""The stack that is kept: what each turn of the loop does about it, and how it is told."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import replace

from shelterctl.adapters.local import claim
from shelterctl.adapters.local.home import Home, write_json
from shelterctl.adapters.local.identity import ProcessIdentity
from shelterctl.adapters.local.spec import MARIADB, LocalSpec, caveats
from shelterctl.adapters.local.supervisor import replica, rollout
from shelterctl.adapters.local.supervisor.autoscaler import NAME, Metrics, Scaler
from shelterctl.adapters.local.supervisor.database import template as database_template
from shelterctl.adapters.local.supervisor.journal import Journal
from shelterctl.adapters.local.supervisor.pods import KeptPod, Template
from shelterctl.adapters.local.supervisor.replica import listening
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.state import PodName, Role, StackState, Workload, app_first

DATABASE_POD = PodName("db-0")


class Stack:
    """Everything that runs, and what it should be."""

    def __init__(self, home: Home, spec: LocalSpec, listener: socket.socket, database_port: int) -> None:
        self.home = home
        self.spec = spec
        self._revision = replica.revision(spec)
        self.node = socket.gethostname()
        self.listener = listener
        self.retired: list[socket.socket] = []
        self.database_port = database_port
        self.journal = Journal()
        self.metrics = Metrics()
        self.pods: list[KeptPod] = []
        self.scaler = self._scaler(None)
        self.generation = 1
        self.progress = rollout.Progress()

    # What is asked of it.

    def apply(self, spec: LocalSpec) -> None:
        """Another stack from now on; the loop makes it so."""
        if spec.port is not None and spec.port != self.listener.getsockname()[1]:
            # Before all else: where the port is taken, nothing has changed yet. The replicas that run serve on theirs until replaced.
            opened = listening(spec.port)
            self.retired.append(self.listener)
            self.listener = opened
            self.remember_ports()
        revision = replica.revision(spec)
        if revision != self._revision:
            self.generation += 1
            self.progress = rollout.Progress()
        before, self.spec, self._revision = self.scaler, spec, revision
        self.scaler = self._scaler(before)

    def remember_ports(self) -> None:
        """For a supervisor that starts anew."""
        write_json(self.home.ports, {"http": self.listener.getsockname()[1], "database": self.database_port})

    def delete(self, uid: str) -> bool:
        """Ends one pod; what owns it makes another. False where there is none."""
        pod = next((each for each in self.pods if each.uid == uid), None)
        if pod is None:
            return False
        self.journal.add(f"pod/{pod.name}", "Killing", f"Stopping container {pod.template.container}")
        pod.end()
        return True

    def restart(self) -> None:
        """Replaces every replica, as a new revision does."""
        stamp = secrets.token_hex(4)
        self.apply(replace(self.spec, annotations={**self.spec.annotations, "restarted": stamp}))

    def end(self) -> None:
        for pod in self.pods:
            pod.end()

    # What each turn does.

    def turn(self) -> bool:
        """One turn of the loop. True where processes came or went."""
        changed = False
        for pod in self.pods:
            if pod.reap():
                changed = True
                self._tell_end(pod)
        gone = [pod for pod in self.pods if pod.gone]
        for pod in gone:
            self.pods.remove(pod)
            pod.close()
        for listener in [each for each in self.retired if not any(each.fileno() in pod.template.sockets for pod in self.pods)]:
            self.retired.remove(listener)
            listener.close()
        now_s = time.monotonic()
        self._keep_database()
        self._keep_replicas()
        for pod in self.pods:
            if pod.running is None and not pod.deleting and now_s >= pod.start_due:
                pod.start()
                changed = True
                self.journal.add(f"pod/{pod.name}", "Started", f"Started container {pod.template.container}")
            if pod.deleting and now_s >= pod.kill_due:
                pod.send(9)
        self.metrics.step(self.replicas(), now_s)
        if self.scaler is not None:
            for reason, message in self.scaler.step(self.replicas(), self.metrics.usage, now_s, time.monotonic() - self.metrics.taken_at):
                self.journal.add(f"horizontalpodautoscaler/{NAME}", reason, message, warning=reason != "SuccessfulRescale")
        return changed or bool(gone)

    def replicas(self) -> list[KeptPod]:
        return [pod for pod in self.pods if pod.template.role is Role.APP]

    def processes(self) -> list[ProcessIdentity]:
        return [pod.identity for pod in self.pods if pod.identity is not None]

    @property
    def moving(self) -> bool:
        """Whether anything is on its way to what it should be."""
        unsettled = any(pod.deleting or pod.running is None or not pod.ready for pod in self.pods)
        return unsettled or len(self.replicas()) != self.wanted

    @property
    def wanted(self) -> int:
        """How many replicas there should be: the autoscaler's word, or the fixed number."""
        return self.scaler.replicas if self.scaler is not None else self.spec.replicas or 1

    # How it is told.

    def state(self) -> StackState:
        found = [replace(pod.record(self.node), namespace=self.spec.namespace) for pod in self.pods]
        pods = tuple(sorted(found, key=app_first))
        replicas = self.replicas()
        own = [pod for pod in replicas if pod.template.revision == self.revision]
        host, port = self.listener.getsockname()[:2]
        database = self.spec.database
        endpoint = Endpoint(
            "app", port, host, f"http://{host}:{port}", ready_pods=tuple(pod.name for pod in replicas if pod.ready and not pod.deleting)
        )
        return StackState(
            time.time(),
            self.spec.namespace,
            (self._app(own, replicas), *([self._database()] if database.own else [])),
            pods,
            self.scaler.record(len([pod for pod in replicas if not pod.deleting])) if self.scaler is not None else None,
            (claim.record(self.home.data, self.spec.namespace),) if database.own else (),
            endpoint,
            self.journal.all(),
            self.metrics.usage,
            caveats=(*caveats(database), *self.spec.deviations),
            database_elsewhere=database.hosts,
        )

    @property
    def revision(self) -> str:
        """The newest template's name: what its pods carry."""
        return self._revision

    def _app(self, own: Iterable[KeptPod], replicas: Iterable[KeptPod]) -> Workload:
        own = [pod for pod in own if not pod.deleting]
        there = [pod for pod in replicas if not pod.deleting]
        now_s = time.monotonic()
        failed_s = self.progress.failed_s
        return Workload(
            kind="Process",
            name="app",
            namespace=self.spec.namespace,
            role=Role.APP,
            generation=self.generation,
            observed_generation=self.generation,
            revision=self.revision,
            desired=self.wanted,
            updated=len(own),
            ready=sum(pod.ready for pod in there),
            available=sum(rollout.available(pod, self.spec.min_ready_s, now_s) for pod in there),
            total=len(there),
            image=self.spec.replica.image,
            failure="" if failed_s is None else f"ProgressDeadlineExceeded: no progress for {self.spec.progress_deadline_s:g} s",
            failed_at_s=failed_s,
        )

    def _database(self) -> Workload:
        pods = [pod for pod in self.pods if pod.template.role is Role.DATABASE and not pod.deleting]
        ready = sum(pod.ready for pod in pods)
        template = self._database_template()
        return Workload(
            "Process",
            "db",
            self.spec.namespace,
            Role.DATABASE,
            1,
            1,
            template.revision,
            1,
            len(pods),
            ready,
            ready,
            len(pods),
            template.image,
        )

    # What it is made of.

    def _keep_database(self) -> None:
        there = [pod for pod in self.pods if pod.template.role is Role.DATABASE]
        wanted = self.spec.database if self.spec.database.own else None
        for pod in there:
            # Another engine cannot share the folder with the one that runs, and ends it first.
            if not pod.deleting and (wanted is None or pod.template.image != wanted.title):
                pod.end()
        if not there and wanted is not None:
            template = self._database_template()
            self.pods.append(KeptPod(DATABASE_POD, template, self.home.logs / f"{DATABASE_POD}.log"))

    def _keep_replicas(self) -> None:
        replicas = self.replicas()
        if not replicas and self.spec.database.kind == MARIADB and not self._database_answers():
            # Its first start makes its data folder, and an application that connects while it begins would end meanwhile.
            return
        step = rollout.next_step(replicas, self.revision, self.wanted, self.spec, self.progress)
        for _ in range(step.start):
            self._add_replica()
        for pod in step.end:
            self.journal.add(f"pod/{pod.name}", "Killing", f"Stopping container {pod.template.container}")
            pod.end()

    def _database_answers(self) -> bool:
        return any(pod.ready for pod in self.pods if pod.template.role is Role.DATABASE)

    def _add_replica(self) -> None:
        name = PodName(f"app-{self.revision}-{secrets.token_hex(3)[:5]}")
        template = replica.template(self.spec, name, self.listener, self.database_port)
        self.pods.append(KeptPod(name, template, self.home.logs / f"{name}.log"))
        self.journal.add("process/app", "SuccessfulCreate", f"Created pod: {name}")

    def _database_template(self) -> Template:
        return database_template(self.spec.database, self.home, self.database_port)

    def _scaler(self, before: Scaler | None) -> Scaler | None:
        spec = self.spec.scaler
        if spec is None:
            return None
        if before is None:
            there = len([pod for pod in self.replicas() if not pod.deleting])
            return Scaler(spec, max(spec.minimum, min(there, spec.maximum)), self.spec.sync_period_s)
        before.change(spec)
        before.sync_period_s = self.spec.sync_period_s
        before.replicas = max(spec.minimum, min(before.replicas, spec.maximum))
        return before

    def _tell_end(self, pod: KeptPod) -> None:
        if pod.deleting:
            return
        why = f"container {pod.template.container} ended with exit code {pod.last_code}"
        self.journal.add(f"pod/{pod.name}", "BackOff" if pod.crashes > 1 else "Ended", why, warning=True)
