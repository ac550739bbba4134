"""Stacks that are charts: rendered by the real Helm where it is, its arguments by a stand-in, and what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Weight
from shelterctl.errors import ProgramMissing, UsageError
from tests.adapters.stack.packaged import MONGO, SOURCES, WEB, needs_helm, written

pytestmark = pytest.mark.local

CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
TEMPLATE = (
    WEB.replace("replicas: 1", "replicas: {{ .Values.replicas }}")
    .replace("image: shop", 'image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"')
    .replace("value: info", "value: {{ .Release.Name }}.{{ .Release.Namespace }}")
)
FILES = {
    "chart/Chart.yaml": CHART,
    "chart/values.yaml": "replicas: 2\nimage:\n  name: shop\n  tag: '1.0'\n",
    "chart/templates/web.yaml": TEMPLATE,
    "chart/templates/mongo.yaml": MONGO,
    "chart/templates/_names.tpl": '{{- define "name" -}}shop{{- end -}}\n',
    "chart/templates/NOTES.txt": "Thank you.\n",
}
JOB = """apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations:
    helm.sh/hook: {hook}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: job
          image: busybox:1.37
"""


@needs_helm
def test_a_chart_is_rendered_and_each_object_keeps_its_template(tmp_path: Path) -> None:
    stack = reader.read(written(tmp_path, SOURCES, FILES))
    assert sorted(document.key for document in stack.documents) == ["Deployment/web", "Service/mongo", "Service/web", "StatefulSet/mongo"]
    assert {name: build.dockerfile for name, build in stack.built.items()} == {"shop:1.0": "Dockerfile"}
    (web,) = [workload for workload in stack.workloads if workload.name == "web"]
    assert (web.replicas, str(web.replicas_origin)) == (2, "chart/templates/web.yaml:6")
    assert str(web.containers[0].image_origin) == "chart/templates/web.yaml:15"
    assert str(next(service.origin for service in stack.services if service.name == "web")) == "chart/templates/web.yaml:25"
    assert {variable.name: variable.shown for variable in web.containers[0].variables}["LEVEL"] == "shop.default"
    fact = next(fact for fact in inspect(stack).facts if fact.topic == "manifests")
    assert fact.text == "4 objects of chart, rendered by helm template shop chart --namespace default"
    assert (stack.manifests.folders, stack.questions) == (("chart",), ())


@needs_helm
def test_the_release_the_namespace_and_the_values_are_the_owners(tmp_path: Path) -> None:
    toml = '[stack]\nnamespace = "space"\n[manifests]\nrelease = "mine"\nvalues = ["few.yaml", "more.yaml"]\n'
    files = {"few.yaml": "replicas: 3\n", "more.yaml": "replicas: 5\nimage:\n  tag: '2.0'\n", "shelterctl.toml": toml}
    stack = reader.read(written(tmp_path, SOURCES, FILES, files))
    (web,) = [workload for workload in stack.workloads if workload.name == "web"]
    assert (web.namespace, web.replicas, web.containers[0].image) == ("space", 5, "shop:2.0")
    assert {variable.name: variable.shown for variable in web.containers[0].variables}["LEVEL"] == "mine.space"


@needs_helm
def test_hooks_and_tests_are_left_out_and_said(tmp_path: Path) -> None:
    hooks = {
        "chart/templates/migrate.yaml": JOB.format(name="migrate", hook="pre-install,pre-upgrade"),
        "chart/templates/tests/ask.yaml": JOB.format(name="ask", hook="test"),
    }
    stack = reader.read(written(tmp_path, SOURCES, FILES, hooks))
    assert "Job" not in {document.kind for document in stack.documents}
    left = {finding.code: finding for finding in stack.findings if finding.code.startswith("chart-")}
    assert {code: (finding.weight, str(finding.origin)) for code, finding in left.items()} == {
        "chart-hook-left-out": (Weight.RISK, "chart/templates/migrate.yaml:4"),
        "chart-test-left-out": (Weight.NOTE, "chart/templates/tests/ask.yaml:4"),
    }
    assert left["chart-hook-left-out"].what == "Job/migrate is a hook (pre-install,pre-upgrade) of the chart and is left out"


@needs_helm
def test_a_chart_in_a_chart_is_a_part_of_it(tmp_path: Path) -> None:
    parts = {
        "chart/Chart.yaml": f"{CHART}dependencies:\n  - name: store\n    version: 0.1.0\n",
        "chart/charts/store/Chart.yaml": CHART.replace("shop", "store"),
        "chart/charts/store/templates/mongo.yaml": MONGO,
    }
    files = {name: text for name, text in FILES.items() if "mongo" not in name}
    stack = reader.read(written(tmp_path, SOURCES, files, parts))
    (mongo,) = [workload for workload in stack.workloads if workload.name == "mongo"]
    assert (str(mongo.origin), stack.manifests.folders) == ("chart/charts/store/templates/mongo.yaml:4", ("chart",))


@needs_helm
@pytest.mark.parametrize(
    ("files", "what", "why", "then"),
    [
        (
            {"chart/templates/a.yaml": 'kind: ConfigMap\nname: {{ required "a name is needed" .Values.name }}\n'},
            "the chart shop wants other values: chart/templates/a.yaml:2", "a name is needed", "values = [",
        ),
        (
            {"chart/values.schema.json": '{"type": "object", "required": ["password"]}'},
            "the chart shop wants other values", "password is required", "values = [",
        ),
        (
            {"chart/templates/a.yaml": "kind: {{ .Values.a.b.c }}\n"},
            "the chart shop cannot be rendered: chart/templates/a.yaml:1", "nil pointer", "helm template shop chart",
        ),
        (
            {"chart/templates/a.yaml": "a: {{ if }}\n"},
            "the chart shop cannot be rendered: chart/templates/a.yaml:1", "missing value for if", "helm template shop chart",
        ),
        (
            {"chart/templates/a.yaml": "kind: ConfigMap\n\tname: a\n"},
            "the chart shop cannot be rendered: chart/templates/a.yaml", "a tab character", "helm template shop chart",
        ),
        ({"chart/values.yaml": "a:\n\tb: 1\n"}, "chart/values.yaml cannot be read", "line 2", "mend it"),
        ({"chart/Chart.yaml": "name: shop\n\tversion: 1\n"}, "chart/Chart.yaml is no YAML at line 2", "a tab stands", "mend chart/"),
        (
            {"chart/Chart.yaml": f"{CHART}dependencies:\n  - name: mongodb\n    version: 1.0.0\n    repository: https://charts.example.org\n"},
            "the chart shop lacks what it depends on", "mongodb", "helm dependency build chart",
        ),
        (
            {"chart/templates/web.yaml": "{{- if .Values.on }}\nkind: A\n{{- end }}\n", "chart/templates/mongo.yaml": ""},
            "chart/Chart.yaml gives no object", "a value may switch them on", "helm template shop chart",
        ),
        (
            {"shelterctl.toml": '[manifests]\nvalues = ["gone.yaml"]\n'},
            "[manifests] values names gone.yaml, which is not there", "stack's folder", "",
        ),
    ],
)  # fmt: skip
def test_what_fails_is_told_by_its_template_and_in_the_words_of_helm(
    tmp_path: Path, files: dict[str, str], what: str, why: str, then: str
) -> None:
    with pytest.raises(UsageError) as failed:
        reader.read(written(tmp_path, SOURCES, FILES, files))
    assert what in failed.value.what
    assert why in failed.value.why
    assert then in failed.value.next_command
    assert str(tmp_path) not in f"{failed.value.what}{failed.value.why}"


def test_without_helm_it_is_said_what_to_run_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="helm is not on the PATH") as missing:
        reader.read(written(tmp_path, SOURCES, FILES))
    assert missing.value.why == "chart/Chart.yaml is a chart, which helm renders"
    assert missing.value.next_command == (
        "helm template shop chart --namespace default > rendered.yaml"
        '   (where helm is; then manifests = ["rendered.yaml"] in [stack])'
    )  # fmt: skip


def test_what_was_rendered_elsewhere_is_read_without_helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for place in ("rendered.yaml", "chart/rendered.yaml"):
        files = {place: f"{WEB}---\n{MONGO}", "shelterctl.toml": f'[stack]\nmanifests = ["{place}"]\n'}
        stack = reader.read(written(tmp_path / place.replace("/", "-"), SOURCES, FILES, files))
        assert {document.file for document in stack.documents} == {place}


def test_plain_manifests_go_before_a_chart_that_nobody_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stack = reader.read(written(tmp_path, SOURCES, FILES, {"k8s/web.yaml": WEB, "k8s/mongo.yaml": MONGO}))
    assert stack.manifests.folders == ("k8s",)
    assert [(question.setting, question.choices) for question in stack.questions] == [("stack.manifests", ("chart", "k8s"))]
    with pytest.raises(ProgramMissing, match="helm"):
        reader.read(tmp_path, manifests=("chart",))


def test_the_arguments_that_helm_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that writes down what it was called with: the real one is asked above, where it is."""
    programs = tmp_path / "programs"
    programs.mkdir()
    stand_in = programs / "helm"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/given\ncat {tmp_path}/printed\n')
    stand_in.chmod(0o755)
    (tmp_path / "printed").write_text(f"---\n# Source: shop/templates/web.yaml\n{WEB}")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    toml = '[manifests]\nrelease = "mine"\nvalues = ["few.yaml"]\n'
    root = written(tmp_path / "stack", SOURCES, FILES, {"few.yaml": "", "shelterctl.toml": toml})
    stack = reader.read(root, namespace="space")
    assert (tmp_path / "given").read_text().split("\n")[:-1] == [
        "template", "mine", str(root / "chart"), "--namespace", "space", "--include-crds", "--values", str(root / "few.yaml"),
    ]  # fmt: skip
    assert {document.file for document in stack.documents} == {"chart/templates/web.yaml"}
