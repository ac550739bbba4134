"""Stacks that are packaged with Kustomize: what is taken, where each fact is written, and what does not build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shelterctl.adapters import kustomize
from shelterctl.adapters.stack import reader
from shelterctl.core.stack.documents import Document
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Weight
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import ProgramMissing, UsageError
from tests.adapters.stack.packaged import BASE, MONGO, SOURCES, WEB, needs_kustomize, written

pytestmark = pytest.mark.local

PATCH_OF_NOTHING = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: wbe\n"
OVERLAYS = {
    "overlays/dev/kustomization.yaml": "resources:\n  - ../../base\n",
    "overlays/prod/kustomization.yaml": "resources:\n  - ../../base\npatches:\n  - path: more.yaml\n",
    "overlays/prod/more.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 4\n",
}


def keys(stack: Stack) -> list[str]:
    return sorted(document.key for document in stack.documents)


def one(stack: Stack, key: str) -> Document:
    (found,) = [document for document in stack.documents if document.key.startswith(key)]
    return found


@needs_kustomize
def test_of_overlays_over_a_base_one_is_meant_and_asked_for(tmp_path: Path) -> None:
    stack = reader.read(written(tmp_path, SOURCES, BASE, OVERLAYS))
    assert keys(stack) == ["Deployment/web", "Service/mongo", "Service/web", "StatefulSet/mongo"]
    assert stack.manifests.folders == ("overlays/dev",)
    (question,) = stack.questions
    assert (question.setting, question.choices) == ("stack.manifests", ("overlays/dev", "overlays/prod"))
    assert not [finding for finding in stack.findings if finding.code in ("object-twice", "file-not-named", "file-unreadable")]


@needs_kustomize
@pytest.mark.parametrize(
    ("named", "replicas", "origin"),
    [("overlays/prod", 4, "overlays/prod/more.yaml:6"), ("./overlays/dev/", 1, "base/web.yaml:6"), ("base", 1, "base/web.yaml:6")],
)
def test_a_folder_that_is_named_is_asked_for_no_more(tmp_path: Path, named: str, replicas: int, origin: str) -> None:
    stack = reader.read(written(tmp_path, SOURCES, BASE, OVERLAYS), manifests=(named,))
    (web,) = [workload for workload in stack.workloads if workload.name == "web"]
    assert (web.replicas, str(web.replicas_origin), stack.questions) == (replicas, origin, ())


@needs_kustomize
def test_what_the_owner_ignores_is_no_choice(tmp_path: Path) -> None:
    stack = reader.read(written(tmp_path, SOURCES, BASE, OVERLAYS, {"shelterctl.toml": '[stack]\nignore = ["overlays/dev"]\n'}))
    assert (stack.manifests.folders, stack.questions) == (("overlays/prod",), ())


@needs_kustomize
def test_kustomizations_that_share_nothing_are_all_taken(tmp_path: Path) -> None:
    files = {
        "web/kustomization.yml": "resources: [web.yaml]\n", "web/web.yaml": WEB,
        "data/Kustomization": "resources: [mongo.yaml]\n", "data/mongo.yaml": MONGO,
    }  # fmt: skip
    stack = reader.read(written(tmp_path, SOURCES, files))
    assert keys(stack) == ["Deployment/web", "Service/mongo", "Service/web", "StatefulSet/mongo"]
    assert (stack.manifests.folders, stack.questions) == (("data", "web"), ())


@needs_kustomize
def test_a_component_is_a_part_and_no_stack(tmp_path: Path) -> None:
    part = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nreplicas:\n  - name: web\n    count: 3\n"
    files = {
        "parts/more/kustomization.yaml": part,
        "base/kustomization.yaml": f"{BASE['base/kustomization.yaml']}components: [../parts/more]\n",
    }
    stack = reader.read(written(tmp_path, SOURCES, BASE, files))
    (web,) = [workload for workload in stack.workloads if workload.name == "web"]
    assert (stack.manifests.folders, web.replicas, str(web.replicas_origin)) == (("base",), 3, "parts/more/kustomization.yaml:5")


@needs_kustomize
def test_every_field_keeps_the_line_that_it_is_written_in(tmp_path: Path) -> None:
    overlay = """resources:
  - ../../base
namePrefix: big-
nameSuffix: -v2
namespace: shop
images:
  - name: shop
    newName: registry.local/team/shop
    newTag: "7"
replicas:
  - name: web
    count: 2
patches:
  - target:
      kind: Deployment
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/env/1/value
        value: debug
  - patch: |
      apiVersion: apps/v1
      kind: StatefulSet
      metadata:
        name: mongo
      spec:
        template:
          spec:
            containers:
              - name: mongo
                args:
                  - --quiet
"""
    stack = reader.read(written(tmp_path, SOURCES, BASE, {"overlays/dev/kustomization.yaml": overlay}))
    file = "overlays/dev/kustomization.yaml"
    web, mongo = one(stack, "Deployment/"), one(stack, "StatefulSet/")
    assert (web.name, mongo.name, stack.questions) == ("big-web-v2", "big-mongo-v2", ())
    pod = ("spec", "template", "spec", "containers", 0)
    assert {
        "name": str(web.at("metadata", "name")),
        "namespace": str(web.at("metadata", "namespace")),
        "replicas": str(web.at("spec", "replicas")),
        "image": str(web.at(*pod, "image")),
        "untouched": str(web.at(*pod, "env", 0, "value")),
        "by a JSON patch": str(web.at(*pod, "env", 1, "value")),
        "by a patch that stands inline": str(mongo.at(*pod, "args", 0)),
        "beside it": str(mongo.at(*pod, "image")),
        "a whole": str(mongo.at()),
    } == {
        "name": "base/web.yaml:4",
        "namespace": f"{file}:5",
        "replicas": f"{file}:12",
        "image": f"{file}:9",
        "untouched": "base/web.yaml:18",
        "by a JSON patch": f"{file}:19",
        "by a patch that stands inline": f"{file}:31",
        "beside it": "base/mongo.yaml:15",
        "a whole": "base/mongo.yaml:1",
    }
    assert {name: build.dockerfile for name, build in stack.built.items()} == {"registry.local/team/shop:7": "Dockerfile"}
    assert str(stack.images[0].origin) == f"{file}:9"


@needs_kustomize
def test_a_base_that_is_built_on_twice_is_told_apart_by_its_names(tmp_path: Path) -> None:
    files = {
        "one/kustomization.yaml": "namePrefix: one-\nresources: [../base]\n",
        "two/kustomization.yaml": "namePrefix: two-\nresources: [../base]\nreplicas:\n  - {name: web, count: 5}\n",
        "all/kustomization.yaml": "resources: [../one, ../two]\n",
    }
    stack = reader.read(written(tmp_path, SOURCES, BASE, files))
    assert stack.manifests.folders == ("all",)
    origins = {workload.name: str(workload.replicas_origin) for workload in stack.workloads if workload.kind == "Deployment"}
    assert origins == {"one-web": "base/web.yaml:6", "two-web": "two/kustomization.yaml:4"}


@needs_kustomize
def test_what_generators_make_is_told_by_their_lines_and_files(tmp_path: Path) -> None:
    kustomization = """resources: [web.yaml, mongo.yaml]
namePrefix: dev-
configMapGenerator:
  - name: settings
    literals:
      - MONGO_HOST=dev-mongo
    envs:
      - more.env
    files:
      - start.js
      - key=other.txt
secretGenerator:
  - name: login
    literals:
      - MONGO_PASSWORD=only-an-example
"""
    web = WEB.replace(
        "          env:\n",
        "          envFrom:\n            - configMapRef: {name: settings}\n            - secretRef: {name: login}\n          env:\n",
    )
    files = {
        "base/kustomization.yaml": kustomization, "base/web.yaml": web, "base/more.env": "# more\nLEVEL=debug\n", "base/start.js": "one\n",
        "base/other.txt": "two\n",
    }  # fmt: skip
    stack = reader.read(written(tmp_path, SOURCES, BASE, files))
    settings, login = one(stack, "ConfigMap/dev-settings-"), one(stack, "Secret/dev-login-")
    assert {key: str(settings.at("data", key)) for key in settings.body["data"]} == {
        "MONGO_HOST": "base/kustomization.yaml:6", "LEVEL": "base/more.env:2", "start.js": "base/start.js:1", "key": "base/other.txt:1",
    }  # fmt: skip
    assert (str(settings.at("metadata", "name")), str(login.at("data", "MONGO_PASSWORD"))) == (
        "base/kustomization.yaml:4", "base/kustomization.yaml:15",
    )  # fmt: skip
    app = next(workload for workload in stack.workloads if workload.name == "dev-web")
    told = {variable.name: (variable.source.partition("-")[0], variable.shown) for variable in app.containers[0].variables}
    assert told["MONGO_PASSWORD"][0] == "secret/dev"
    assert not {"secret-missing", "secret-key-missing"} & {finding.code for finding in stack.findings}
    assert "only-an-example" not in repr(inspect(stack))


@needs_kustomize
def test_a_folder_behind_a_link_has_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(written(tmp_path / "real", SOURCES, BASE), target_is_directory=True)
    assert {document.file for document in reader.read(tmp_path / "linked").documents} == {"base/web.yaml", "base/mongo.yaml"}


@needs_kustomize
def test_a_kustomization_beside_the_stack_that_does_not_build_can_be_left_out(tmp_path: Path) -> None:
    plain = {"k8s/web.yaml": WEB, "k8s/mongo.yaml": MONGO}
    written(tmp_path, SOURCES, plain, {"tools/kustomization.yaml": "resources: [https://example.org/tools.yaml]\n"})
    with pytest.raises(UsageError) as failed:
        reader.read(tmp_path)
    assert failed.value.next_command.endswith('(or leave it out: ignore = ["tools"] in [stack])')
    written(tmp_path, {"shelterctl.toml": '[stack]\nignore = ["tools"]\n'})
    assert reader.read(tmp_path).manifests.folders == ("k8s",)


@needs_kustomize
def test_how_it_was_rendered_is_told(tmp_path: Path) -> None:
    told = inspect(reader.read(written(tmp_path, SOURCES, BASE)))
    fact = next(fact for fact in told.facts if fact.topic == "manifests")
    assert re.fullmatch(r"4 objects of base, rendered by (kubectl kustomize|kustomize build) base", fact.text)
    assert str(fact.origin) == "base/kustomization.yaml"


@needs_kustomize
def test_what_a_kustomization_does_not_name_is_left_out_and_said(tmp_path: Path) -> None:
    extra = {"base/old-web.yaml": WEB, "base/deep/cache.yaml": WEB.replace("name: web", "name: cache"), "base/notes.yaml": "just: a note\n"}
    stack = reader.read(written(tmp_path, SOURCES, BASE, extra))
    assert keys(stack) == ["Deployment/web", "Service/mongo", "Service/web", "StatefulSet/mongo"]
    left = {str(finding.origin): finding.weight for finding in stack.findings if finding.code == "file-not-named"}
    assert left == {"base/old-web.yaml": Weight.NOTE, "base/deep/cache.yaml": Weight.NOTE}
    # A folder or a file of it that is named counts by itself.
    assert keys(reader.read(tmp_path, manifests=("base/deep",))) == ["Deployment/cache", "Service/cache"]


@needs_kustomize
def test_plain_manifests_in_another_folder_are_a_choice_where_they_are_the_same_objects(tmp_path: Path) -> None:
    stack = reader.read(written(tmp_path, SOURCES, BASE, {"k8s/web.yaml": WEB}))
    assert [question.choices for question in stack.questions] == [("base", "k8s")]
    apart = reader.read(written(tmp_path / "apart", SOURCES, BASE, {"k8s/cache.yaml": WEB.replace("name: web", "name: cache")}))
    assert sorted(apart.manifests.folders) == ["base", "k8s"]
    assert not [question for question in apart.questions if question.setting == "stack.manifests"]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/base.yaml", "github.com/someuser/stack//base?ref=v1", "git@github.com:someuser/stack.git", "https://github.com/u/r",
        "gitlab.example.org/team/stack.git//deploy",
    ],
)  # fmt: skip
def test_a_remote_base_is_refused_with_its_line_and_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(kustomize, "build", lambda _: pytest.fail("it was built"))
    monkeypatch.setattr(kustomize, "command", lambda: ["kubectl", "kustomize"])
    base = {"base/kustomization.yaml": f"resources:\n  - web.yaml\n  - {text}\n"}
    with pytest.raises(UsageError, match=re.escape(f"base/kustomization.yaml:3 names {text}")) as refused:
        reader.read(written(tmp_path, SOURCES, BASE, base, OVERLAYS))
    assert "rendered.yaml" in refused.value.next_command


@pytest.mark.parametrize("text", ["../v1.2/base", "web.yaml", "../team.example/base", "./a.b/c"])
def test_a_path_with_dots_is_no_host(text: str) -> None:
    from shelterctl.adapters.stack.kustomization import Entry
    from shelterctl.core.stack.documents import Origin

    assert not Entry(text, Origin("kustomization.yaml")).remote


@needs_kustomize
@pytest.mark.parametrize(
    ("files", "what", "why"),
    [
        ({"kustomization.yaml": "resources:\n  - gone.yaml\n"}, "kustomization.yaml:2 names gone.yaml, which is not there", "no such file"),
        ({"kustomization.yaml": ""}, "kustomization.yaml is empty", "empty"),
        ({"kustomization.yaml": "resources: []\n"}, "kustomization.yaml gives no object", "nothing comes of it"),
        ({"kustomization.yaml": "resources:\n\t- web.yaml\n"}, "kustomization.yaml is no YAML at line 2", "a tab stands"),
        ({"kustomization.yaml": "resources:\n  - web.yaml\n - web.yaml\n"}, "kustomization.yaml is no YAML at line 3", "yaml: line"),
        ({"kustomization.yaml": "resource: [web.yaml]\n"}, "kustomization.yaml:1 has resource,", 'unknown field "resource"'),
        ({"kustomization.yaml": "resources: web.yaml\n"}, "kustomization.yaml:1 has resources,", "cannot unmarshal string"),
        (
            {"kustomization.yaml": "resources: [web.yaml]\npatches:\n  - path: p.yaml\n", "p.yaml": PATCH_OF_NOTHING},
            "p.yaml:4 patches Deployment wbe, which no resource is",
            "no matches for Id",
        ),
        ({"kustomization.yaml": "resources: [bad.yaml]\n", "bad.yaml": "kind: A\n\tb: c\n"}, "bad.yaml is no YAML at line 2", "tab"),
        ({"kustomization.yaml": "resources: [below]\n", "below/notes.txt": ""}, "names below, a folder without a kustomization.yaml", ""),
        ({"kustomization.yaml": "resources: [web.yaml, again.yaml]\n", "again.yaml": WEB}, "does not build", "already registered id"),
        ({"kustomization.yaml": "helmCharts:\n  - name: mongodb\n"}, "kustomization.yaml:1 inflates a chart", "--enable-helm"),
        (
            {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
            "a/kustomization.yaml:1 names ../b, which leads back here: a cycle",
            "cycle detected",
        ),
    ],
)  # fmt: skip
def test_what_does_not_build_is_told_by_its_line_and_in_the_words_of_kustomize(
    tmp_path: Path, files: dict[str, str], what: str, why: str
) -> None:
    with pytest.raises(UsageError) as failed:
        reader.read(written(tmp_path, SOURCES, {"web.yaml": WEB}, files))
    assert what in failed.value.what
    assert why in failed.value.why
    assert "kustomiz" in failed.value.next_command
    assert str(tmp_path) not in f"{failed.value.what}{failed.value.why}"


def test_without_kubectl_it_is_said_what_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="neither kubectl nor kustomize") as missing:
        reader.read(written(tmp_path, SOURCES, BASE))
    assert (missing.value.why, missing.value.next_command) == (
        "base/kustomization.yaml is built by kubectl",
        "shelterctl doctor   (or elsewhere kubectl kustomize base > rendered.yaml, and manifests = [\"rendered.yaml\"] in [stack])",
    )  # fmt: skip


def test_a_plain_folder_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelterctl.adapters import process

    monkeypatch.setattr(process, "start", lambda *_, **__: pytest.fail("a program was started"))
    plain = {name: text for name, text in BASE.items() if "kustomization" not in name}
    assert reader.read(written(tmp_path, SOURCES, plain)).manifests.renderings == ()
