"""Folders that are no stack, or half of one: told by what is missing, and nothing is guessed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.exchange import ALPHABET, ReadRule, token
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Weight
from shelterctl.errors import UsageError
from tests.stack.clean import FILES, WEB, changed, laid

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("files", [{}, {"app.py": FILES["app.py"]}, {"ci.yaml": "name: CI\non: push\n"}])
def test_a_folder_without_manifests_is_no_stack(files: Mapping[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=re.escape("no Kubernetes manifest was found")):
        reader.read(tmp_path)


def test_two_folders_with_the_same_objects_are_a_question_and_nothing_is_written_twice(tmp_path: Path) -> None:
    copies = {name.replace("k8s/", "deploy/"): text for name, text in FILES.items() if name.startswith("k8s/")}
    stack = reader.read(laid(tmp_path / "shop", copies))
    assert [(question.setting, question.choices) for question in stack.questions] == [("stack.manifests", ("deploy", "k8s"))]
    assert not [finding.what for finding in stack.findings if finding.weight is Weight.BLOCKS]
    # Both by name are both: then each object is there twice.
    both = reader.read(tmp_path / "shop", manifests=("deploy", "k8s"))
    assert {finding.code for finding in both.findings if finding.weight is Weight.BLOCKS} >= {"object-twice"}


def test_without_a_dockerfile_nothing_is_built_and_that_is_said(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop", without=("Dockerfile",)))
    assert stack.built == {}
    assert [(finding.code, finding.weight) for finding in stack.findings] == [("image-not-built-here", Weight.RISK)]
    (deploys,) = [claim for claim in inspect(stack).claims if claim.claim == "deploys"]
    assert deploys.text == "asked through Service web"


def test_an_application_that_answers_inside_the_cluster_only_is_reached_by_a_tunnel(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop", changed("k8s/web.yaml", ("  type: NodePort\n", ""))))
    told = inspect(stack)
    (fact,) = [fact.text for fact in told.facts if fact.text.startswith("Service web")]
    assert fact.endswith("it has no address outside the cluster: reached by a tunnel")
    assert all(claim.possible for claim in told.claims)


def test_an_application_without_a_service_can_be_asked_by_nobody(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop", {"k8s/web.yaml": WEB[: WEB.index("---\n")]}))
    (finding,) = [finding for finding in stack.findings if finding.code == "no-service"]
    assert (finding.what, finding.weight, str(finding.origin)) == ("no Service leads to Deployment/web", Weight.RISK, "k8s/web.yaml:4")
    (deploys,) = [claim for claim in inspect(stack).claims if claim.claim == "deploys"]
    assert (deploys.possible, deploys.text) == (False, "no Service leads to Deployment/web: it starts, and nothing can ask it")


def test_a_token_is_the_same_however_it_is_escaped() -> None:
    mark = token("abcdefghijk", 7)
    assert set(mark) <= set(ALPHABET)
    escaped = {html.escape(mark), quote(mark), json.dumps(mark).strip('"'), repr(mark).strip("'"), mark.casefold(), mark.strip()}
    assert escaped == {mark}
    # In a page, an attribute, a link, a text within a text.
    for page in (f"<li>{mark}</li>", f'<a title="{mark}">', f"/find?q={mark}&x=1", json.dumps(json.dumps({"name": mark}))):
        assert mark in ReadRule("/").found(page.encode()), page
