"""An image's configuration, written from what the engine tells of it: the bytes have the image's id as their digest, or there are none."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.image_config import rebuilt
from shelterctl.adapters.builder.oci_archive import read_saved
from shelterctl.core.deploy.image import LocalImage

#: As Docker 20.10 keeps it: Go escapes what HTML could misread, and leaves other letters as they are.
KEPT = (
    r'{"architecture":"amd64","config":{"Hostname":"","Env":["PATH=/bin","A=1 \u003c 2 \u0026 ü"],"Cmd":null,"Labels":null},'
    r'"container":"2620f53e","container_config":{"Hostname":"2620f53e","Cmd":["/bin/sh","-c","#(nop) ","ENV A=1 \u003c 2 \u0026 ü"]},'
    r'"created":"2026-11-21T15:57:51.102087965Z","docker_version":"20.10.24","history":['
    r'{"created":"2026-01-02T03:04:05.000000001Z","comment":"Imported from -"},'
    r'{"created":"2026-11-21T15:57:51.022040302Z","created_by":"/bin/sh -c #(nop) COPY file:3e28720d in / "},'
    r'{"created":"2026-11-21T15:57:51.102087965Z","created_by":"/bin/sh -c #(nop)  ENV A=1 \u003c 2 \u0026 ü","empty_layer":true}],'
    r'"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:aa","sha256:bb"]}}'
).encode()
STEPS = ["", "/bin/sh -c #(nop) COPY file:3e28720d in / ", "/bin/sh -c #(nop)  ENV A=1 < 2 & ü"]
PARENTS = [
    {"Created": "2026-11-21T15:57:51.022040302Z", "Comment": "", "RootFS": {"Layers": ["sha256:aa", "sha256:bb"]}},
    {"Created": "2026-01-02T03:04:05.000000001Z", "Comment": "Imported from -", "RootFS": {"Layers": ["sha256:aa"]}},
]
OTHER = {
    **json.loads(KEPT),
    "config": {},
    "container": "5a",
    "created": "2026-11-20T00:00:00Z",
    "history": [json.loads(KEPT)["history"][0], {"created": "2026-11-20T00:00:00Z", "created_by": "something else"}],
    "rootfs": {"type": "layers", "diff_ids": ["sha256:aa", "sha256:cc"]},
}


def _facts() -> dict[str, Any]:
    kept = json.loads(KEPT)
    return {
        "Id": f"sha256:{hashlib.sha256(KEPT).hexdigest()}",
        "Created": kept["created"],
        "Container": kept["container"],
        "ContainerConfig": kept["container_config"],
        "Config": kept["config"],
        "DockerVersion": "20.10.24",
        "Architecture": "amd64",
        "Os": "linux",
        "Author": "",
        "Comment": "",
        "RootFS": {"Type": "layers", "Layers": ["sha256:aa", "sha256:bb"]},
    }


def _text(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.unit
@pytest.mark.parametrize("before", [[], [b"no JSON"], [b"[]", b"7", _text({"history": []})]], ids=["first", "after text", "after others"])
def test_the_bytes_that_the_engine_keeps(before: list[bytes]) -> None:
    assert rebuilt(_facts(), PARENTS, STEPS, [*before, _text(OTHER)]) == KEPT


@pytest.mark.unit
@pytest.mark.parametrize(
    "other",
    [
        {**OTHER, "history": [{"created": "2025-01-02T03:04:05Z", "comment": "Imported from -"}]},
        {**OTHER, "history": []},
        {**OTHER, "variant": "v8"},
        {key: value for key, value in OTHER.items() if key != "container"},
        dict(reversed(OTHER.items())),
    ],
    ids=["another base", "no history", "a key more", "a key less", "another order"],
)
def test_another_digest_is_no_configuration(other: dict[str, Any]) -> None:
    assert rebuilt(_facts(), PARENTS, STEPS, [_text(other)]) is None


@pytest.mark.unit
def test_nothing_is_written_from_nothing() -> None:
    assert rebuilt(_facts(), PARENTS, STEPS, []) is None
    assert rebuilt({**_facts(), "Created": "2026-11-21T15:57:51.102087966Z"}, PARENTS, STEPS, [_text(OTHER)]) is None
    assert rebuilt(_facts(), PARENTS[:1], STEPS, [_text(OTHER)]) is None
    # More ancestors than steps: an engine that contradicts itself.
    assert rebuilt(_facts(), [*PARENTS, *PARENTS], STEPS, [_text(OTHER)]) is None


Build = Callable[..., LocalImage]
STAGES = "FROM busybox:1.37 AS build\nCOPY code /made/c\nFROM scratch AS code\nCOPY --from=build /made/ /\n"


@pytest.fixture(autouse=True)
def _known_engine(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker") and int(DockerEngine().check().version.partition(".")[0]) >= 25:
        pytest.skip("Docker 25 changed what an inspection tells; there the whole image is saved")


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    engine, made, salt = DockerEngine(), list[str](), uuid.uuid4().hex

    def one(code: str, *instructions: str, stages: str = STAGES) -> LocalImage:
        (tmp_path / "code").write_text(salt + code)
        text = [stages, "FROM busybox:1.37", f"LABEL test={salt}", "WORKDIR /w", *instructions]
        text.append("COPY --from=code / /" if stages else "COPY code /c")
        (tmp_path / "Dockerfile").write_text("\n".join([*text, 'ENV SAID="a <b> & c"']) + "\n")
        reference = f"shelterctl-test-{salt[:8]}:{len(made)}"
        for _ in engine.build(tmp_path, reference, {}):
            pass
        image = engine.inspect(reference)
        assert image is not None
        made.append(reference)
        return image

    yield one
    for reference in made:
        process.run(["docker", "rmi", "--force", reference], timeout_s=60, check=False)


def _config(image: LocalImage, folder: Path) -> bytes:
    return read_saved(DockerEngine().save(image.reference), image.image_id, [], folder).config


@pytest.mark.local
@pytest.mark.docker("busybox:1.37")
@pytest.mark.parametrize(
    "instructions",
    [
        (),
        ("MAINTAINER someone <a@b.example>", "USER 7:7", "EXPOSE 80 443/udp", "STOPSIGNAL SIGINT"),
        ("VOLUME /data", "ONBUILD RUN true", 'SHELL ["/bin/ash", "-c"]', "RUN echo '<&>' > /x"),
        ("HEALTHCHECK --interval=10s --retries=3 CMD true", 'ENTRYPOINT ["a", "b"]', 'CMD ["ü", "\\u2028"]'),
    ],
    ids=["plain", "user and ports", "volume and shell", "health"],
)
def test_parts_are_what_saving_gives(instructions: tuple[str, ...], build: Build, tmp_path: Path) -> None:
    old, new = build("old", *instructions), build("new", *instructions)
    assert old.layers[:-1] == new.layers[:-1]
    parts = DockerEngine().parts(new, new.layers[-1:], [_config(old, tmp_path)], tmp_path)
    assert parts is not None
    assert parts.config == _config(new, tmp_path)
    saved = read_saved(DockerEngine().save(new.reference), new.image_id, new.layers[-1:], tmp_path)
    (taken,), (whole,) = parts.layers.values(), saved.layers.values()
    assert taken.path is not None
    assert whole.path is not None
    assert taken.path.read_bytes() == whole.path.read_bytes()


@pytest.mark.local
@pytest.mark.docker("busybox:1.37")
def test_where_there_are_no_parts_the_image_is_saved(build: Build, tmp_path: Path) -> None:
    engine = DockerEngine()
    old = build("old")
    known = [_config(old, tmp_path)]
    new = build("new")
    assert engine.parts(new, new.layers[-1:], [], tmp_path) is None
    assert engine.parts(new, new.layers[-2:], known, tmp_path) is None
    assert engine.parts(LocalImage(new.reference, old.image_id[:-1] + "x", new.layers, 1), (), known, tmp_path) is None
    without = build("newest", stages="")
    assert engine.parts(without, without.layers[-1:], known, tmp_path) is None
    alone = engine.parts(without, (), known, tmp_path)
    assert alone is not None
    assert (alone.config, alone.layers) == (_config(without, tmp_path), {})


@pytest.mark.local
@pytest.mark.docker("python:3.13-slim")
def test_the_applications_code_is_a_part_by_itself(tmp_path: Path) -> None:
    """What makes `up` quick after a change of one line."""
    engine, name = DockerEngine(), f"shelterctl-test-{uuid.uuid4().hex[:8]}"
    context = tmp_path / "app"
    shutil.copytree(Path(__file__).parents[3] / "app", context)
    versions = []
    try:
        for tag in ("old", "new"):
            with (context / "shelter_app" / "__init__.py").open("a") as file:
                file.write(f"# {tag}\n")
            for _ in engine.build(context, f"{name}:{tag}", {"IMAGE_TAG": tag}):
                pass
            image = engine.inspect(f"{name}:{tag}")
            assert image is not None
            versions.append(image)
        old, new = versions
        assert old.layers[:-1] == new.layers[:-1]
        parts = engine.parts(new, new.layers[-1:], [_config(old, tmp_path)], tmp_path)
        assert parts is not None
        assert list(parts.layers) == [new.layers[-1]]
    finally:
        for image in versions:
            process.run(["docker", "rmi", "--force", image.reference], timeout_s=60, check=False)
