"""What `init` asks once, at a terminal: the answer counts for everything that is found by it, and stands in the file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.local.own import refusals
from shelterctl.adapters.stack import config, reader
from shelterctl.errors import UsageError
from tests.cli.running import CommandLine
from tests.stack.clean import APP, DOCKERFILE, FILES, HPA, MONGO, WEB, changed, laid

Files = tuple[Mapping[str, str], tuple[str, ...]]


def two_writes() -> Files:
    """Two routes write, and nothing in them says which is meant."""
    other = '@app.post("/aaa")\ndef add_other():\n    notes.insert_one(request.get_json())\n    return jsonify({"status": "stored"}), 201\n'
    reads = '@app.get("/aaa")\ndef others():\n    return jsonify(list(notes.find({}, {"_id": 0}).limit(20)))\n'
    return {"app.py": f"{APP}\n\n{other}\n\n{reads}"}, ()


def two_services() -> Files:
    """Two Flask services alike, each with a Dockerfile, a Service and an HPA of its own."""
    files = {
        "web/app.py": APP,
        "web/Dockerfile": DOCKERFILE,
        "orders/app.py": APP.replace("/notes", "/orders"),
        "orders/Dockerfile": DOCKERFILE,
        "k8s/web.yaml": WEB.replace("shop-web:1.0", "web:1.0"),
        "k8s/orders.yaml": WEB.replace("shop-web:1.0", "orders:1.0")
        .replace("name: web", "name: orders")
        .replace("app: web", "app: orders"),
        "k8s/hpa-orders.yaml": HPA.replace("name: web", "name: orders"),
    }
    return files, ("app.py", "Dockerfile")


def two_namespaces() -> Files:
    """One Deployment in two namespaces, with all that leads to it."""
    there = {name: text for name, text in FILES.items() if name in ("k8s/web.yaml", "k8s/hpa.yaml")}
    kept = "metadata:\n  name: web"
    return {name.replace(".yaml", "-staging.yaml"): text.replace(kept, f"{kept}\n  namespace: staging") for name, text in there.items()}, ()


def two_databases() -> Files:
    """One StatefulSet in two namespaces."""
    text = MONGO.replace("metadata:\n  name: mongo", "metadata:\n  name: mongo\n  namespace: old")
    return {"k8s/old.yaml": text}, ()


def three_dockerfiles() -> Files:
    return {"Dockerfile.dev": DOCKERFILE, "Dockerfile.prod": DOCKERFILE}, ()


def two_images_of_three() -> Files:
    """Two images, and for each of them each Dockerfile may be meant."""
    sidecar = "        - name: worker\n          image: shop-worker:1.0\n        - name: web\n"
    return {**three_dockerfiles()[0], **changed("k8s/web.yaml", ("        - name: web\n", sidecar))}, ()


ASKED = [
    (two_writes, "writes.request", ("POST /notes", "POST /aaa")),
    (two_services, "stack.app", ("Deployment/orders", "Deployment/web")),
    (two_namespaces, "stack.app", ("staging/Deployment/web", "default/Deployment/web")),
    (two_databases, "stack.database", ("default/StatefulSet/mongo", "old/StatefulSet/mongo")),
    (three_dockerfiles, "stack.image.dockerfile", ("Dockerfile", "Dockerfile.dev", "Dockerfile.prod")),
]


@pytest.mark.unit
def test_the_stack_that_is_changed_has_no_question_and_no_fault(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop"))
    assert (stack.questions, [finding.code for finding in stack.findings]) == ((), [])


@pytest.mark.unit
@pytest.mark.parametrize(("made", "setting", "choices"), ASKED)
def test_a_doubt_is_a_question(made: Any, setting: str, choices: tuple[str, ...], tmp_path: Path) -> None:
    files, without = made()
    (question,) = reader.read(laid(tmp_path / "shop", files, without=without)).questions
    assert (question.setting, question.choices) == (setting, choices)


@pytest.mark.unit
@pytest.mark.parametrize(("made", "setting", "choices"), ASKED)
@pytest.mark.parametrize("number", [0, 1, -1])
def test_an_answer_leaves_no_question(made: Any, setting: str, choices: tuple[str, ...], number: int, tmp_path: Path) -> None:
    files, without = made()
    stack = reader.read(laid(tmp_path / "shop", files, without=without), answers={setting: choices[number]})
    assert stack.questions == ()


@pytest.mark.unit
def test_an_image_that_no_answer_was_given_for_stays_open(tmp_path: Path) -> None:
    """Of two that are asked about, the first was asked; the other is asked about the Dockerfiles that are left."""
    folder = laid(tmp_path / "shop", two_images_of_three()[0])
    assert [question.text for question in reader.read(folder).questions] == [
        "several Dockerfiles may build shop-worker:1.0",
        "several Dockerfiles may build shop-web:1.0",
    ]
    stack = reader.read(folder, answers={"stack.image.dockerfile": "Dockerfile.dev"})
    assert {name: build.dockerfile for name, build in stack.built.items()} == {"shop-worker:1.0": "Dockerfile.dev"}
    assert [(question.text, question.choices) for question in stack.questions] == [
        ("several Dockerfiles may build shop-web:1.0", ("Dockerfile", "Dockerfile.prod"))
    ]


@pytest.mark.unit
def test_up_says_that_an_image_of_several_dockerfiles_is_not_built(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop", three_dockerfiles()[0]))
    said = "several Dockerfiles may build shop-web:1.0: none is built ([[stack.image]] dockerfile in shelterctl.toml)"
    assert said in OwnCluster(None, lambda: stack)._faults()  # type: ignore[arg-type]
    (finding,) = [finding for finding in stack.findings if finding.code == "image-not-built-here"]
    assert "several may: Dockerfile, Dockerfile.dev, Dockerfile.prod" in finding.what


@pytest.mark.unit
def test_up_says_what_was_taken_where_nobody_answered(tmp_path: Path) -> None:
    stack = reader.read(laid(tmp_path / "shop", two_writes()[0]))
    said = "several routes write: app.py:11 is taken (writes.request in shelterctl.toml)"
    assert said in OwnCluster(None, lambda: stack)._faults()  # type: ignore[arg-type]
    assert said in refusals.check(stack)


def answered(tmp_path: Path, made: Any, answer: int) -> tuple[dict[str, Any], str, Path]:
    """What stands in the file after an answer at a terminal, and what was shown."""
    command = CommandLine(tmp_path)
    files, without = made()
    folder = laid(tmp_path / "work", files, without=without)
    ran = command.on_terminal("init", columns=120, answer=f"{answer}\n")
    assert ran.code == 0, ran.out
    assert ran.out.count("Which one?") == 1
    left = json.loads(command.run("inspect", "--output", "json").out)["result"]["questions"]
    assert left == []
    return tomllib.loads((folder / "shelterctl.toml").read_text()), ran.out, folder


@pytest.mark.local
def test_the_route_that_was_answered_is_written_to_and_read_from(tmp_path: Path) -> None:
    settled, shown, folder = answered(tmp_path, two_writes, 2)
    assert "several routes write:\n  1  POST /notes\n  2  POST /aaa\n" in shown
    assert " is open" not in shown
    assert (settled["writes"]["request"], settled["reads"]["request"]) == ("POST /aaa", "GET /aaa")
    assert reader.read(folder).requests.write == reader.read(folder, answers={"writes.request": "POST /aaa"}).requests.write


@pytest.mark.local
def test_the_application_that_was_answered_is_asked_by_its_own_service_and_routes(tmp_path: Path) -> None:
    for number, (name, path) in enumerate([("orders", "/orders"), ("web", "/notes")], 1):
        (tmp_path / name).mkdir()
        settled, _, folder = answered(tmp_path / name, two_services, number)
        assert (settled["stack"]["app"], settled["stack"]["service"]) == (f"Deployment/{name}", f"{name}:5000")
        assert (settled["writes"]["request"], settled["reads"]["request"]) == (f"POST {path}", f"GET {path}")
        stack = reader.read(folder)
        assert stack.scaler is not None
        assert (stack.scaler.name, {read.origin.file for read in stack.sources.reads}) == (name, {f"{name}/app.py"})


@pytest.mark.local
def test_of_two_namespaces_the_one_that_was_answered_counts(tmp_path: Path) -> None:
    settled, _, folder = answered(tmp_path, two_namespaces, 2)
    assert settled["stack"]["app"] == "default/Deployment/web"
    app = reader.read(folder).roles.app
    assert app is not None
    assert (app.namespace, str(app.origin)) == ("default", "k8s/web.yaml:4")
    # A name that both have is no answer.
    (folder / "shelterctl.toml").write_text('[stack]\napp = "Deployment/web"\n')
    with pytest.raises(UsageError, match=re.escape("[stack] app = Deployment/web: the stack has none of that name")) as caught:
        reader.read(folder)
    assert "default/Deployment/web" in (caught.value.why or "")


@pytest.mark.local
def test_the_dockerfile_that_was_answered_builds_the_image(tmp_path: Path) -> None:
    settled, _, folder = answered(tmp_path, three_dockerfiles, 3)
    (image,) = settled["stack"]["image"]
    assert (image["name"], image["dockerfile"], image["context"]) == ("shop-web:1.0", "Dockerfile.prod", ".")
    assert {name: build.dockerfile for name, build in reader.read(folder).built.items()} == {"shop-web:1.0": "Dockerfile.prod"}
    assert config.read(folder).images[0].dockerfile == "Dockerfile.prod"


@pytest.mark.local
def test_of_two_questions_one_is_asked_and_the_other_stays_open_in_the_file(tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    folder = laid(tmp_path / "work", two_writes()[0], three_dockerfiles()[0])
    ran = command.on_terminal("init", columns=120, answer="2\n")
    assert (ran.code, ran.out.count("Which one?")) == (0, 1), ran.out
    text = (folder / "shelterctl.toml").read_text()
    assert 'dockerfile = "Dockerfile.dev"' in text
    assert "# open: several routes write: POST /notes, POST /aaa (writes.request)" in text
    assert "? writes.request is open" in ran.out


@pytest.mark.local
@pytest.mark.parametrize("answer", ["\n", "9\n", "POST /aaa\n"])
def test_no_number_is_no_answer(answer: str, tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    folder = laid(tmp_path / "work", two_writes()[0])
    ran = command.on_terminal("init", columns=120, answer=answer)
    assert (ran.code, ran.out.count("Which one?")) == (0, 1), ran.out
    assert "# open: several routes write: POST /notes, POST /aaa (writes.request)" in (folder / "shelterctl.toml").read_text()


@pytest.mark.local
@pytest.mark.parametrize("arguments", [("init", "--yes"), ("init",)])
def test_nobody_is_asked_who_said_yes_or_is_not_there(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = CommandLine(tmp_path)
    folder = laid(tmp_path / "work", two_writes()[0])
    ran = command.on_terminal(*arguments, columns=120) if "--yes" in arguments else command.run(*arguments)
    assert (ran.code, "Which one?" in ran.out + ran.err) == (0, False), ran.out + ran.err
    assert "# open: several routes write" in (folder / "shelterctl.toml").read_text()
