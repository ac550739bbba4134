"""A pod made to ask names from: what it is, when it is made, and that it goes again. The API is a table of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shelterctl.adapters.kube.api import exit_code
from shelterctl.adapters.kube.asking import pod as asking
from shelterctl.adapters.kube.asking.pod import MadePods, body, lacks_python, python_image
from shelterctl.adapters.kube.dns import PodDnsProber
from shelterctl.core.serial import JsonValue
from shelterctl.core.state import Pod, StackState
from shelterctl.errors import ApiRejected, ApiUnreachable, ClusterError, WaitTimeout
from tests.core.stack_examples import DEPLOYMENT, NOW, POD

pytestmark = pytest.mark.unit

PODS = f"/api/v1/namespaces/{POD.namespace}/pods"
OWN: dict[str, Any] = {
    "metadata": {"name": POD.name, "namespace": POD.namespace, "labels": {"app": "web"}},
    "spec": {
        "nodeName": "minikube",
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.96.0.10"], "options": [{"name": "ndots", "value": "2"}]},
        "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["db"]}],
    },
}
IMAGES = [
    {"names": ["docker.io/library/python@sha256:1", "docker.io/library/python:3.13-slim"], "sizeBytes": 120},
    {"names": ["docker.io/library/python:3.12"], "sizeBytes": 900},
    {"names": ["docker.io/library/nginx:1.26"], "sizeBytes": 20},
]
RUNNING = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
ABSENT = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ErrImageNeverPull"}}}]}
NO_PYTHON = ApiRejected("a command in pod web-1 could not be started", why='exec: "python": executable file not found in $PATH: unknown')
RESOLVER: JsonValue = {
    "schema": 1, "error": "", "answers": [],
    "resolver": {"nameservers": ["10.96.0.10"], "search": ["shelter.svc.cluster.local"], "ndots": 5},
}  # fmt: skip


@dataclass
class Api:
    """Fulfils `asking.pod.Api` and `dns.ApiReader`."""

    status: Mapping[str, Any] = field(default_factory=lambda: RUNNING)
    images: Sequence[Any] = field(default_factory=lambda: IMAGES)
    old: Sequence[Any] = ()
    refuses: str = ""
    made: list[Mapping[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    interrupted: bool = False

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return self.request("GET", path, query=query)

    def request(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object | None = None) -> Mapping[str, Any]:
        if method == "POST":
            if self.refuses:
                raise ApiRejected("the API server refused POST pods (403)", status=403, why=self.refuses)
            assert isinstance(body, dict)
            self.made.append(body)
            return body
        if method == "DELETE":
            self.deleted.append(path.removeprefix(f"{PODS}/"))
            return {}
        if path == f"{PODS}/{POD.name}":
            return OWN
        if path.startswith(f"{PODS}/shelterctl-asks-"):
            if self.interrupted:
                raise KeyboardInterrupt
            return {"status": self.status}
        if path == "/api/v1/nodes/minikube":
            return {"status": {"images": self.images}}
        return {"items": self.old} if path == PODS and query else {"items": []}


@dataclass
class Host:
    """The application's image has no Python; what is made has."""

    failure: ApiRejected = NO_PYTHON
    ran: list[tuple[str, str]] = field(default_factory=list)
    gone: bool = False

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        return StackState(NOW, POD.namespace, (DEPLOYMENT,), (POD,), None, (), None)

    def run_in_pod(self, pod: Pod, container: str, program: str, arguments: Sequence[str], *, timeout_s: float) -> JsonValue:
        self.ran.append((pod.name, container))
        if pod.name == POD.name:
            raise self.failure
        if self.gone:
            raise ApiRejected("a command in pod could not be started", status=404)
        return RESOLVER


def prober(api: Api, host: Host, *, made: bool = True) -> PodDnsProber:
    return PodDnsProber(api, host, container=None, made=MadePods(api) if made else None)


def test_the_pod_asks_as_the_applications_does_and_is_small_and_ends() -> None:
    made = body(OWN, "shelterctl-asks-1", "python:3.13-slim")
    spec = made["spec"]
    for key in ("dnsPolicy", "dnsConfig", "hostAliases", "nodeName"):
        assert spec[key] == OWN["spec"][key]
    assert made["metadata"]["namespace"] == POD.namespace
    # No Service takes it for one of the application's.
    assert made["metadata"]["labels"] == {asking.LABEL: "names"}
    assert (spec["restartPolicy"], spec["activeDeadlineSeconds"], spec["automountServiceAccountToken"]) == ("Never", 600, False)
    (container,) = spec["containers"]
    assert container["imagePullPolicy"] == "Never"
    assert container["resources"]["requests"] == {"cpu": "10m", "memory": "32Mi"}
    assert spec["securityContext"]["runAsNonRoot"]


@pytest.mark.parametrize(
    ("policy", "network", "asked"),
    [
        (None, False, "ClusterFirst"),
        ("Default", False, "Default"),
        ("ClusterFirst", True, "Default"),
        ("ClusterFirstWithHostNet", True, "ClusterFirst"),
        ("Default", True, "Default"),
        ("None", True, "None"),
    ],
)
def test_a_policy_means_what_it_means_for_the_application(policy: str | None, network: bool, asked: str) -> None:
    spec = {"nodeName": "minikube", "hostNetwork": network, **({"dnsPolicy": policy} if policy else {})}
    assert body({**OWN, "spec": spec}, "name", "image")["spec"]["dnsPolicy"] == asked


def test_the_smallest_python_of_the_node_is_taken_and_nothing_that_only_sounds_like_one() -> None:
    assert python_image(IMAGES) == "docker.io/library/python:3.13-slim"
    others = ["my/python-tools:3.13", "python:2.7", "python:3.6", "python:latest", "<none>@<none>", "mypython:3.12"]
    assert python_image([{"names": others, "sizeBytes": 1}]) == ""


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        (NO_PYTHON, True),
        (ApiRejected("a program failed with exit code 127", reason="ExitCode127"), True),
        (ApiRejected("a program failed with exit code 126", reason="ExitCode126", why="OCI runtime exec failed"), True),
        (ApiRejected("a program failed with exit code 1", reason="ExitCode1", why="SyntaxError: invalid syntax"), True),
        (ApiRejected("a program failed with exit code 1", reason="ExitCode1", why="[Errno 2] No such file or directory"), False),
        (ApiRejected("refused", status=403, why="pods/exec is forbidden"), False),
    ],
)
def test_an_image_without_python_is_known_by_what_its_runtime_says(error: ApiRejected, lacking: bool) -> None:
    assert lacks_python(error) is lacking


def test_a_pod_is_made_once_told_and_taken_away() -> None:
    api, host = Api(old=[{"metadata": {"name": "shelterctl-asks-old"}, "status": {"phase": "Failed"}}]), Host()
    asked = prober(api, host)
    scene = asked.scene()
    (made,) = api.made
    name = made["metadata"]["name"]
    assert scene.client_pod == name
    image = "docker.io/library/python:3.13-slim"
    assert scene.notes[0].startswith(f"asked from a pod made for it ({name}, {image}), not from the application's own")
    asked.scene()
    assert len(api.made) == 1
    assert host.ran == [(POD.name, POD.containers[0].name), (name, "ask")]
    assert api.deleted == ["shelterctl-asks-old"]
    asked.close()
    asked.close()
    assert api.deleted == ["shelterctl-asks-old", name]


def test_an_image_that_the_nodes_list_does_not_name_yet_is_tried() -> None:
    api = Api(images=IMAGES[2:])
    made = MadePods(api).make(POD, "web")
    assert made.image == api.made[0]["spec"]["containers"][0]["image"] == asking.USUAL_IMAGE


def test_nothing_is_made_where_the_application_has_python_or_fails_for_another_reason() -> None:
    api = Api()
    with pytest.raises(ApiRejected, match="forbidden"):
        prober(api, Host(ApiRejected("forbidden", status=403))).scene()
    with pytest.raises(ApiRejected, match="could not be started"):
        prober(api, Host(), made=False).scene()
    assert api.made == []


def test_a_pod_that_is_gone_is_made_anew_in_the_next_round() -> None:
    api, host = Api(), Host()
    asked = prober(api, host)
    asked.scene()
    host.gone = True
    asked._resolvers.clear()
    with pytest.raises(ApiRejected):
        asked.scene()
    host.gone = False
    assert asked.scene().client_pod == api.made[1]["metadata"]["name"]


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (Api(images=IMAGES[2:], status=ABSENT), "its node has no image that could"),
        (Api(refuses="exceeded quota: small"), "may not be made"),
        (Api(status={"containerStatuses": [{"state": {"waiting": {"reason": "ErrImageNeverPull"}}}]}), "does not start"),
        (Api(status={"phase": "Failed", "reason": "OutOfpods"}), "does not start"),
    ],
)
def test_what_stands_in_the_way_is_told(api: Api, said: str) -> None:
    with pytest.raises(ClusterError, match=said):
        prober(api, Host()).scene()
    # Whatever was made of it is gone.
    assert len(api.deleted) >= len(api.made)


def test_a_pod_that_never_starts_and_one_whose_start_is_broken_off_are_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "START_TIMEOUT_S", 0.0)
    late = Api(status={"phase": "Pending"})
    with pytest.raises(WaitTimeout, match="did not start within"):
        MadePods(late).make(replace(POD), "web")
    broken = Api(interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        MadePods(broken).make(replace(POD), "web")
    for api in (late, broken):
        assert api.deleted == [api.made[0]["metadata"]["name"]]


def test_an_exit_code_and_what_stands_in_its_place() -> None:
    failed = '{"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}}'
    assert (exit_code('{"metadata": {}, "status": "Success"}', "web"), exit_code(failed, "web")) == (0, 7)
    missing = '{"status": "Failure", "reason": "InternalError", "message": "exec: \\"python\\": executable file not found in $PATH"}'
    with pytest.raises(ApiRejected) as not_started:
        exit_code(missing, "web")
    assert lacks_python(not_started.value)
    with pytest.raises(ApiUnreachable):
        exit_code("", "web")
