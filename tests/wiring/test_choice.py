"""Which target a command gets where none is named, and what it says about that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.core.stack.service_routes import ServiceRoutes
from shelterctl.errors import UsageError
from shelterctl.ops.up.answer import NamedAnswers
from shelterctl.ops.up.marked import MarkedAnswers
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import load
from shelterctl.wiring import wire
from shelterctl.wiring.cluster import ClusterWiring
from shelterctl.wiring.container_nodes import ContainerNodesWiring
from shelterctl.wiring.local import LocalWiring, home_of
from shelterctl.wiring.minikube import MinikubeWiring
from shelterctl.wiring.own import OwnOnContainerNodes, OwnStack
from shelterctl.wiring.own_local import OwnLocal
from shelterctl.wiring.parts import Wiring

pytestmark = pytest.mark.local
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and a PATH with nothing on it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(here: Path, name: str) -> None:
    (here / "bin" / name).touch(mode=0o755)


def chosen(here: Path, **flags: object) -> Wiring:
    return wire(load(flags, {}, here))


def test_a_bare_machine_gets_the_embedded_one_and_is_told_why(here: Path) -> None:
    program(here, "docker")
    wiring = chosen(here)
    assert isinstance(wiring, LocalWiring)
    assert wiring.note.startswith("Target local: minikube is not on the PATH; a cluster: https://minikube.sigs.k8s.io/")


def test_docker_and_minikube_mean_a_cluster(here: Path) -> None:
    program(here, "docker")
    program(here, "minikube")
    assert isinstance(chosen(here), ClusterWiring)
    assert chosen(here).note == ""


def test_a_stack_that_is_up_here_decides(here: Path) -> None:
    program(here, "docker")
    program(here, "minikube")
    home = home_of(load({}, {}, here))
    home.make()
    home.supervisor.write_text("{}")
    wiring = chosen(here)
    assert isinstance(wiring, LocalWiring)
    assert wiring.note == ""
    assert not isinstance(chosen(here, namespace="other"), LocalWiring)


@pytest.mark.parametrize("flags", [{"context": "prod"}, {"profile": "plain"}, {"target": "minikube"}])
def test_whoever_names_a_cluster_gets_one(here: Path, flags: dict[str, object]) -> None:
    assert isinstance(chosen(here, **flags), ClusterWiring)


@pytest.mark.parametrize("context", ["kind-shop", "k3d-shop"])
def test_a_context_that_is_named_as_kinds_or_k3ds_is_asked_for_its_nodes(here: Path, monkeypatch: pytest.MonkeyPatch, context: str) -> None:
    wiring = chosen(here, context=context)
    assert isinstance(wiring, ContainerNodesWiring)
    asked: list[str] = []

    def items(_api: KubeApi, path: str) -> list[object]:
        asked.append(path)
        return []

    monkeypatch.setattr(KubeApi, "items", items)
    images = wiring.images
    assert isinstance(images, Lacking)
    assert images.what.endswith("and is none: the cluster has no nodes")
    assert wiring.images == images
    assert asked == ["/api/v1/nodes"]


def test_a_minikube_profile_of_such_a_name_is_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIKUBE_HOME", str(here))
    profile = here / ".minikube" / "profiles" / "kind-shop"
    profile.mkdir(parents=True)
    (profile / "config.json").write_text("{}")
    assert isinstance(chosen(here, context="kind-shop"), MinikubeWiring)


def test_whoever_names_the_embedded_one_is_told_nothing(here: Path) -> None:
    wiring = chosen(here, target="local")
    assert isinstance(wiring, LocalWiring)
    assert (wiring.note, list(wiring.options)) == ("", ["--target local"])


def test_an_unknown_target(here: Path) -> None:
    with pytest.raises(UsageError, match=r"target “locl” is not known \(did you mean local\?\)"):
        chosen(here, target="locl")


def test_from_within_a_project_its_stack_is_meant_and_from_elsewhere_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = here / "mine"
    (mine / "app" / "shelter_app").mkdir(parents=True)
    (mine / "app" / "Dockerfile").touch()
    (mine / "manifests" / "overlays").mkdir(parents=True)
    monkeypatch.chdir(mine / "app")
    assert home_of(load({}, {}, mine / "app")).folder == mine / ".shelterctl" / "local" / "shelter"
    assert home_of(load({"state_dir": "kept"}, {}, mine)).folder == mine / "app" / "kept" / "local" / "shelter"
    monkeypatch.chdir(here)
    assert home_of(load({}, {}, here)).folder == here / ".shelterctl" / "local" / "shelter"


def test_folders_of_the_same_names_are_no_copy_of_the_tools_project(here: Path) -> None:
    (here / "app").mkdir()
    (here / "app" / "Dockerfile").touch()
    (here / "manifests" / "overlays" / "dev").mkdir(parents=True)
    (here / "manifests" / "app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
    assert isinstance(chosen(here, target="local"), OwnLocal)


@pytest.mark.parametrize(("line", "kind"), [('accounting = "ids"', LocalWiring), ("", OwnLocal)])
def test_a_copy_of_the_project_says_how_its_writes_are_told_apart(here: Path, line: str, kind: type) -> None:
    (here / "app" / "shelter_app").mkdir(parents=True)
    (here / "app" / "Dockerfile").touch()
    (here / "manifests" / "overlays").mkdir(parents=True)
    (here / "shelterctl.toml").write_text(f"[stack]\nnamespace = 'shelter'\n{line}\n")
    assert type(chosen(here, target="local")) is kind


def test_a_stack_within_a_copy_of_the_project_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY / "examples" / "notes-001")
    found = chosen(REPOSITORY / "examples" / "notes-001", target="local")
    assert isinstance(found, OwnLocal)
    assert found.folder == REPOSITORY / "examples" / "notes-001"
    for folder in (REPOSITORY, REPOSITORY / "app", REPOSITORY / "docs"):
        monkeypatch.chdir(folder)
        assert type(chosen(folder, target="local")) is LocalWiring


def test_ids_are_of_the_tools_own_application_only(here: Path) -> None:
    (here / "shelterctl.toml").write_text('[stack]\naccounting = "ids"\n')
    with pytest.raises(UsageError, match="accounting = 'ids' is of the tool's own application"):
        chosen(here, target="local")


def test_a_stack_of_ones_own_is_taken_where_it_lies(here: Path) -> None:
    (here / "k8s").mkdir()
    (here / "k8s" / "app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
    (here / "app.py").touch()
    program(here, "docker")
    bare = chosen(here)
    assert isinstance(bare, OwnLocal)
    assert "minikube is not on the PATH" in bare.note
    assert bare.home.folder == here / ".shelterctl" / "local" / "shelter"
    program(here, "minikube")
    assert isinstance(chosen(here), OwnStack)
    assert isinstance(chosen(here, context="kind-shop"), OwnOnContainerNodes)
    assert not isinstance(chosen(here, context="prod"), OwnOnContainerNodes)
    assert isinstance(chosen(here, target="local"), OwnLocal)
    bare.home.make()
    bare.home.supervisor.write_text("{}")
    assert isinstance(chosen(here), OwnLocal)


def test_manifests_may_lie_deeper_where_the_dockerfile_is_here(here: Path) -> None:
    (here / "k8s" / "app").mkdir(parents=True)
    (here / "k8s" / "app" / "app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
    assert not isinstance(chosen(here), OwnLocal)
    (here / "Dockerfile").touch()
    assert isinstance(chosen(here), OwnLocal)


def test_in_an_empty_folder_the_application_that_comes_with_the_tool_is_meant_and_told(here: Path) -> None:
    (here / ".shelterctl").mkdir()
    (here / "proof.xml").touch()
    assert chosen(here, target="local").sources_meant() == "The application that comes with shelterctl: this folder has none"


@pytest.mark.parametrize("name", [".git/HEAD", "app.py", "k8s/deployment.yaml", "src/requirements.txt", "Dockerfile.dev"])
@pytest.mark.parametrize("target", ["local", "minikube"])
def test_where_somebodys_work_was_not_recognized_nothing_is_proved_of_another_application(here: Path, name: str, target: str) -> None:
    """A student's repository without a manifest would pass with a stack that is not theirs."""
    (here / name).parent.mkdir(exist_ok=True)
    (here / name).touch()
    with pytest.raises(UsageError) as caught:
        chosen(here, target=target).sources_meant()
    assert caught.value.why == f"this folder has files of its own ({name.partition('/')[0] if '.git' in name else name})"
    assert caught.value.next_command.startswith("shelterctl inspect")


def test_in_the_tools_own_project_and_for_a_named_one_nothing_is_asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(__file__).parents[2]
    (here / "app.py").touch()
    assert chosen(here, target="local", project_dir=str(project)).sources_meant() == ""
    monkeypatch.chdir(project / "app")
    assert wire(load({"target": "local"}, {}, project / "app")).sources_meant() == ""


@pytest.mark.parametrize(
    ("file", "key", "version"),
    [
        ("", "Idempotency-Key", "/version"),
        ("users = 7\n", "Idempotency-Key", "/version"),
        ('[stack]\naccounting = "ids"\n[writes]\nkey = "Request-Id"\n[reads]\nversion = "/about"\n', "Request-Id", "/about"),
    ],
)
def test_what_a_copy_of_the_project_leaves_out_is_as_in_the_tools_own(here: Path, file: str, key: str, version: str) -> None:
    (here / "app" / "shelter_app").mkdir(parents=True)
    (here / "app" / "Dockerfile").touch()
    (here / "manifests" / "overlays").mkdir(parents=True)
    (here / "shelterctl.toml").write_text(file)
    wiring = chosen(here, target="local")
    write, one = wiring.exchange.write, wiring.exchange.one
    assert write is not None
    assert one is not None
    assert (write.method, write.path, write.key, one.path, one.pointer) == ("POST", "/data", key, "/data/{id}", "/id")
    assert wiring.routes == ServiceRoutes(version, "/health/live", "/health")


@pytest.mark.parametrize(("line", "kind"), [("", MarkedAnswers), ('version = "/about"', NamedAnswers)])
def test_a_stack_of_ones_own_is_asked_for_its_image_where_it_says_how(here: Path, line: str, kind: type) -> None:
    (here / "k8s").mkdir()
    (here / "k8s" / "app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
    (here / "app.py").touch()
    (here / "shelterctl.toml").write_text(f'[writes]\nrequest = "POST /notes"\nkey = "Request-Id"\n[reads]\n{line}\n')
    for name in ("docker", "minikube"):
        program(here, name)
    assert type(chosen(here).answers()) is kind
    assert type(chosen(here, target="local").answers()) is MarkedAnswers
    rules = json.loads(chosen(here).load_file()[1]["STACK_EXCHANGE"])
    assert rules["write"]["key"] == "Request-Id"


def stack_of_ones_own(here: Path, toml: str) -> None:
    (here / "k8s").mkdir()
    (here / "k8s" / "app.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
    (here / "app.py").touch()
    (here / "shelterctl.toml").write_text(toml)


def test_headers_of_a_load_are_filled_when_it_is_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = '{ Authorization = "Bearer {env:NOTES_TOKEN}" }'
    stack_of_ones_own(
        here,
        f'[writes]\nrequest = "POST /notes"\nheaders = {{ authorization = "Basic {{env:NOTES_TOKEN}}" }}\n[load]\nheaders = {headers}\n',
    )
    wiring = chosen(here, target="local")
    with pytest.raises(UsageError, match="headers: the variable NOTES_TOKEN is not set"):
        wiring.load_file()
    monkeypatch.setenv("NOTES_TOKEN", "t7")
    rules = json.loads(wiring.load_file()[1]["STACK_EXCHANGE"])
    assert rules["headers"] == {"Authorization": "Bearer t7"}
    assert rules["write"]["headers"] == {"authorization": "Basic t7"}
    assert wiring.exchange.write is not None
    assert wiring.exchange.write.headers == {"authorization": "Basic t7"}


def test_this_machine_has_no_secrets_to_fill_a_header_with(here: Path) -> None:
    stack_of_ones_own(here, '[writes]\nrequest = "POST /notes"\n[load]\nheaders = { X-Key = "{secret:api-keys/reader}" }\n')
    with pytest.raises(UsageError, match=r"\{secret:api-keys/reader\}: this target has no Secrets"):
        chosen(here, target="local").load_file()
