"""The load generator inside the cluster. Fulfils `ports.load.LoadGenerator` with a Job whose log is followed.

Several processes are in the Job's one pod where the cluster has one node for them: there they start once and share the image's memory, and
pods of their own would win nothing. Where it has more, the Job's pod is the master, and each worker a pod that is placed by itself.
"""

from __future__ import annotations

import json
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.swarm import objects
from shelterctl.adapters.kube.swarm.lifeline import Lifeline
from shelterctl.adapters.kube.swarm.maker import is_left_over
from shelterctl.adapters.kube.swarm.seen import HOPELESS, cause_of, forbidden, places
from shelterctl.adapters.kube.swarm.worker_pods import WorkerPods
from shelterctl.adapters.swarm.environment import ARRIVE_IN_CLUSTER_S
from shelterctl.adapters.swarm.runner import empty_files
from shelterctl.adapters.swarm.samples import Account, OneProcess, account_of, on_our_clock
from shelterctl.core.load.merge import EMPTY, SAME_CLOCK_S
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.errors import ApiRejected, ClusterError, LoadGeneratorFailed, Refused

#: Until the pod's container runs; the image is in the node before.
POD_TIMEOUT_S = 60.0
#: Until the generator begins, in a container that may be slow to start.
BEGIN_TIMEOUT_S = 60.0
#: The API server's log says nothing while nothing is written: a line comes each second.
SILENCE_S = 30.0
GONE_TIMEOUT_S = 30.0
_POLL_S = 0.2


class JobGenerator:
    """One load. `image` is in the nodes, `namespace` where the Job goes, `application` the labels of the pods that it keeps away from.

    `spread` says whether several processes are pods of their own; None for where more than one node takes them.

    Its times of day are the node's. What the target does is stamped by this machine's clock, and a load that seems to have begun earlier
    than it did would be taken for the cause of what was there before: its times are moved by the smallest (heard − told) of its beginning.
    That is the clocks' difference and the log's delay, so that it never begins too early.
    """

    def __init__(self, api: KubeApi, namespace: str, image: str, application: Mapping[str, str], *, spread: bool | None = None) -> None:
        self._api, self._namespace, self._image, self._application = api, namespace, image, application
        self._spread = spread
        self._workers: WorkerPods | None = None
        self._last = EMPTY
        self._name = ""
        self._account: Account = OneProcess()
        self._lines: deque[Mapping[str, Any]] = deque()
        self._known: set[int] = set()
        self._begun = self._sampled = False
        self._ahead_s = math.inf
        self._shift_s: float | None = None
        self._ended: Mapping[str, Any] | None = None
        self._lost = self._cause = ""
        self._pod = ""
        self._samples_path = self._log_path = Path()
        self._follower: threading.Thread | None = None
        self._lifeline: Lifeline | None = None
        self._break_off: Callable[[], None] = lambda: None

    def start(self, plan: LoadPlan, folder: Path) -> None:
        """Makes the Job and waits until its users begin. Raises LoadGeneratorFailed, ApiRejected, ApiUnreachable."""
        self._samples_path, self._log_path = empty_files(folder)
        self._account = account_of(plan)
        self._alone()
        self._name = f"shelterctl-load-{secrets.token_hex(4)}"
        spread = plan.processes > 1 and (places(self._api) > 1 if self._spread is None else self._spread)
        made = objects.job(self._name, self._namespace, plan.run or self._name, self._image, plan, self._application, master=spread)
        try:
            kept = self._api.request("POST", self._jobs, body=made)
            self._lifeline = Lifeline(self._api, f"{self._jobs}/{self._name}", float(made["spec"]["activeDeadlineSeconds"]))
            if spread:
                self._workers = WorkerPods(self._api, kept, self._image, plan, self._application)
                plan = replace(plan, processes=1, workers=self._workers.names, listen=f"0.0.0.0:{objects.PORT}")
            key = secrets.token_hex(16) if spread else ""
            told = objects.secret(kept, objects.load_file(plan), key)
            self._api.request("POST", f"/api/v1/namespaces/{self._namespace}/secrets", body=told)
            address = self._await_pod()
            if self._workers is not None:
                self._make_workers(self._workers, address)
            self._follower = threading.Thread(target=self._follow, daemon=True)
            self._follower.start()
            self._await_begin()
        except BaseException:
            self.remove()
            raise

    def samples(self) -> Sequence[LoadSample]:
        """The samples since the last call."""
        running = self.running()
        if self._shift_s is None and (self._sampled or not running):
            self._shift_s = self._ahead_s if SAME_CLOCK_S <= abs(self._ahead_s) < math.inf else 0.0
        while self._lines and self._shift_s is not None:
            self._account.take(on_our_clock(self._lines.popleft(), self._shift_s))
        found = [*self._account.samples(), *(() if running else self._account.rest())]
        if self._workers is not None:
            if not running:
                self._workers.close()
            found = self._with(self._workers.told(), found, running=running)
        return found

    def running(self) -> bool:
        """Whether its log goes on."""
        return self._follower is not None and self._follower.is_alive()

    def stop(self) -> None:
        """Lets the users finish, takes their last counts, and removes the Job; harmless where it has ended."""
        try:
            if self.running() and self._pod:
                with suppress(ClusterError):
                    self._api.request("DELETE", f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}")
            if self._follower is not None:
                self._follower.join(objects.GRACE_S + 5.0)
            if self._workers is not None:
                self._workers.close()
        finally:
            self.remove()

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of Locust's own output, or what kept the pod from being heard."""
        if self._ended is not None:
            return tuple(str(line) for line in self._ended.get("lines") or ())
        return (self._lost,) if self._lost else ()

    def remove(self) -> None:
        """Removes the Job and all that it owns; waits until they are gone."""
        if not self._name:
            return
        self._break_off()
        if self._workers is not None:
            self._workers.let_go()
        if self._lifeline is not None:
            self._lifeline.let_go()
        path = f"{self._jobs}/{self._name}"
        with suppress(ApiRejected):
            self._api.request("DELETE", path, query={"propagationPolicy": "Foreground"})
        deadline = time.monotonic() + GONE_TIMEOUT_S
        while time.monotonic() < deadline and self._api.get_or_none(path) is not None:
            time.sleep(_POLL_S)

    def _alone(self) -> None:
        """Removes what loads left that were killed. Raises Refused where another one is at work: two would be taken for one."""
        for job in self._api.items(self._jobs, {"labelSelector": objects.LABEL}):
            name = str(job["metadata"]["name"])
            if not is_left_over(job):
                raise Refused(
                    f"another load runs in the cluster: job {name}, since {job['metadata'].get('creationTimestamp', '')}",
                    why="its requests would be taken for those of this one; it ends by itself",
                    next_command=f"kubectl -n {self._namespace} delete job {name}",
                )
            with suppress(ApiRejected):
                self._api.request("DELETE", f"{self._jobs}/{name}", query={"propagationPolicy": "Background"})

    @property
    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self._namespace}/jobs"

    def _with(self, told: tuple[str, ...], found: list[LoadSample], *, running: bool) -> list[LoadSample]:
        """What was seen of the workers' pods, with the samples: it belongs to the account."""
        if told and found:
            found[-1] = replace(found[-1], told=(*found[-1].told, *told))
        elif told:
            last = self._last
            more = replace(EMPTY, elapsed_s=last.elapsed_s, wall_s=last.wall_s, users=last.users if running else 0, told=told)
            found = [replace(more, final=last.final)]
        self._last = found[-1] if found else self._last
        return found

    def _make_workers(self, workers: WorkerPods, address: str) -> None:
        try:
            workers.make(address)
        except ApiRejected as error:
            raise self._failure("a worker of the load may not be made", error.why or error.what) from error

    def _await_pod(self) -> str:
        """Until its container runs; returns its address."""
        said = "no pod was made for it"
        deadline = time.monotonic() + POD_TIMEOUT_S
        while time.monotonic() < deadline:
            pods = self._api.items(f"/api/v1/namespaces/{self._namespace}/pods", {"labelSelector": f"job-name={self._name}"})
            if not pods and (why := forbidden(self._api, self._namespace, self._name)):
                raise self._failure("the load's pod may not be made", why)
            for pod in pods:
                self._pod = str(pod["metadata"]["name"])
                status = pod.get("status") or {}
                for container in status.get("containerStatuses") or ():
                    waiting = (container.get("state") or {}).get("waiting") or {}
                    said = f"{waiting.get('reason', '')}: {waiting.get('message', '')}".strip(": ") or said
                    if waiting.get("reason") in HOPELESS:
                        raise self._failure(f"pod {self._pod} cannot start", said)
                    if not waiting:
                        return str(status.get("podIP", ""))
                conditions = [c for c in status.get("conditions") or () if c["type"] == "PodScheduled" and c["status"] == "False"]
                unplaced = [str(c.get("message", "")) for c in conditions]
                said = unplaced[0] if unplaced else said
            time.sleep(_POLL_S)
        raise self._failure(f"the load's pod did not start within {POD_TIMEOUT_S:g} s", said)

    def _await_begin(self) -> None:
        within_s = BEGIN_TIMEOUT_S + (ARRIVE_IN_CLUSTER_S if self._workers is not None else 0.0)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self._begun:
                return
            of_workers = self._workers.words() if self._workers is not None else ""
            if not self.running():
                ended = self._ended or {}
                what = str(ended.get("what") or "the load generator ended before the load began")
                raise self._failure(what, "; ".join(filter(None, (str(ended.get("why") or self._lost), of_workers))))
            if self._workers is not None and (why := self._workers.hopeless()):
                raise self._failure("no worker of the load can start", why)
            time.sleep(_POLL_S)
        raise self._failure(f"the load generator did not begin within {within_s:g} s", self._lost or of_workers)

    def _failure(self, what: str, why: str) -> LoadGeneratorFailed:
        return LoadGeneratorFailed(
            what, why=why or "it said nothing", next_command=f"kubectl -n {self._namespace} get events", details=self.last_lines()
        )

    def _follow(self) -> None:
        """Reads the log to its end. Where the connection breaks, it is read again, and what was heard already is passed over."""
        over = False
        with self._samples_path.open("a", encoding="utf-8") as samples, self._log_path.open("a", encoding="utf-8") as log:
            while self._ended is None:
                try:
                    for raw in self._log():
                        text = raw.decode("utf-8", "replace")
                        if not text.startswith("{"):
                            log.write(f"{text}\n")
                        elif self._hear(text):
                            samples.write(f"{text}\n")
                            samples.flush()
                except ClusterError as error:
                    self._lost = self._lost if over else f"{error.what}: {error.why}"
                if self._ended is None and over:
                    self._lost = self._lost or f"its pod was gone before it said that it ended{self._cause}"
                    return
                # What it said last may not have been read when it ended: once more.
                over = over or (self._ended is None and self._is_over())
                time.sleep(_POLL_S)

    def _hear(self, text: str) -> bool:
        """Takes a line in; False for one that was heard before, or that a broken connection cut off.

        Lines are known by themselves and not by their number: the kubelet gives a log from its latest file on, once that is full.
        """
        if hash(text) in self._known:
            return False
        try:
            line: Mapping[str, Any] = json.loads(text)
        except ValueError:
            return False
        self._known.add(hash(text))
        if line["kind"] == "ended":
            self._ended = line
            return True
        if not self._sampled and isinstance(wall_s := line.get("wall_s"), int | float):
            self._ahead_s = min(self._ahead_s, time.time() - wall_s)
        self._lines.append(line)
        if self._workers is not None:
            self._workers.hear(line)
        self._begun = self._begun or line["kind"] == "start"
        self._sampled = self._sampled or line["kind"] == "sample"
        return True

    def _log(self) -> Generator[bytes, None, None]:
        def opened(break_off: Callable[[], None]) -> None:
            self._break_off = break_off

        path = f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}/log"
        yield from self._api.stream_lines(path, {"follow": "true", "container": objects.CONTAINER}, read_timeout_s=SILENCE_S, opened=opened)

    def _is_over(self) -> bool:
        """Whether its pod can say nothing more. Where that cannot be seen it may still."""
        try:
            pod = self._api.get_or_none(f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}")
        except ClusterError:
            return False
        cause = cause_of(pod) if pod is not None else ""
        self._cause = f": pod {self._pod} {cause}" if cause else self._cause
        return pod is None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
