"""The local Docker engine: what it says of images, how a build fails, how a build is stopped."""

from __future__ import annotations

import json
import re
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.engine_access import _client_class, unavailable
from shelterctl.adapters.builder.oci_archive import saved_config_digest
from shelterctl.errors import BuildFailed, DockerUnavailable, ImageLoadFailed

BUSYBOX = "busybox:1.37"


def _docker(*arguments: str, check: bool = True) -> str:
    return process.run(["docker", *arguments], timeout_s=60, check=check).text.strip()


@pytest.fixture
def reference() -> Iterator[str]:
    name = f"shelterctl-test-{uuid.uuid4().hex[:8]}:1"
    yield name
    _docker("rmi", "--force", name, check=False)


def _context(folder: Path, *instructions: str) -> Path:
    (folder / "Dockerfile").write_text("\n".join(["FROM busybox:1.37", "ARG WORD=none", *instructions]) + "\n")
    (folder / "secret.txt").write_text("not for the image")
    (folder / ".dockerignore").write_text("secret.txt\n")
    return folder


@pytest.mark.unit
def test_the_environments_authorities_do_not_replace_the_engines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With REQUESTS_CA_BUNDLE set, requests would check the engine in a minikube node against the system's authorities, and refuse it."""
    from docker import APIClient
    from docker.tls import TLSConfig

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/everybody.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/etc/ssl/certs/everybody.pem")

    def authority(kind: type[APIClient]) -> object:
        client = kind(version="1.41", base_url="https://127.0.0.1:1", tls=TLSConfig(verify=True))
        client.verify = "/node/ca.pem"
        return client.merge_environment_settings("https://127.0.0.1:1/version", {}, None, None, None)["verify"]

    assert authority(APIClient) == "/etc/ssl/certs/everybody.pem"
    assert authority(_client_class()) == "/node/ca.pem"


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
def test_the_engine_answers() -> None:
    info = DockerEngine().check()
    assert info.version == _docker("version", "--format", "{{.Server.Version}}")


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
def test_a_build_and_its_image(reference: str, tmp_path: Path) -> None:
    engine = DockerEngine()
    assert engine.inspect(reference) is None
    context = _context(tmp_path, "COPY . /files", "RUN echo the word is $WORD; ls -A /files")
    lines = list(engine.build(context, reference, {"WORD": "shelter"}))
    image = engine.inspect(reference)
    assert image is not None
    assert "the word is shelter" in lines
    assert "secret.txt" not in lines
    found = json.loads(_docker("inspect", reference))[0]
    assert found["Config"]["Labels"]["app.kubernetes.io/managed-by"] == "shelterctl"
    assert (image.reference, image.layers, image.size_bytes) == (reference, tuple(found["RootFS"]["Layers"]), found["Size"])
    saved = engine.save(reference)
    assert saved_config_digest(saved) == image.image_id
    saved.close()


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
def test_a_failing_step_fails_the_build_with_its_last_lines(reference: str, tmp_path: Path) -> None:
    context = _context(tmp_path, "RUN echo some reason; exit 9")
    with pytest.raises(BuildFailed, match=f"{reference} could not be built") as caught:
        list(DockerEngine().build(context, reference, {}))
    assert "returned a non-zero code: 9" in caught.value.why
    assert caught.value.next_command == f"docker build {context}"
    assert "some reason" in caught.value.details


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ("FROM shelterctl-nobody:1\n", "shelterctl-nobody"),
        ("FROM busybox:1.37\nNONSENSE\n", "(?i)unknown instruction: NONSENSE"),
        ("", "empty"),
    ],
)
def test_a_build_that_cannot_begin_says_why(dockerfile: str, why: str, reference: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    with pytest.raises(BuildFailed) as caught:
        list(DockerEngine().build(tmp_path, reference, {}))
    assert re.search(why, "\n".join([caught.value.why, *caught.value.details]))


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
def test_leaving_the_build_stops_it(reference: str, tmp_path: Path) -> None:
    context = _context(tmp_path, f"ENV MARK={reference}", "RUN sleep 300")
    build = DockerEngine().build(context, reference, {})
    container = ""
    for line in build:
        if "Running in" in line and "sleep" not in line and container:
            break
        container = line.rpartition(" ")[2] if "Running in" in line else container
        if container and _docker("inspect", "-f", "{{.State.Running}} {{.Args}}", container, check=False) == "true [-c sleep 300]":
            break
    assert container
    build.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 30
    while _docker("ps", "-q", "--filter", f"id={container}") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _docker("ps", "-q", "--filter", f"id={container}") == ""


@pytest.mark.local
@pytest.mark.docker(BUSYBOX)
def test_an_image_that_is_not_there_cannot_be_saved() -> None:
    with pytest.raises(ImageLoadFailed, match="could not save shelterctl-nobody:1"):
        list(DockerEngine().save("shelterctl-nobody:1"))


@pytest.mark.local
def test_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(DockerUnavailable, match="Docker does not answer") as caught:
        DockerEngine().check()
    assert caught.value.why.endswith("docker.sock does not exist: Docker is not installed or not started")


@pytest.mark.local
def test_a_socket_that_nobody_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "docker.sock"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(DockerUnavailable) as caught:
        DockerEngine().inspect("busybox:1.37")
    assert caught.value.why.endswith("the engine is stopped")
    assert caught.value.next_command == "sudo systemctl start docker"


@pytest.mark.local
def test_an_endpoint_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "carrier-pigeon://roof")
    with pytest.raises(DockerUnavailable, match="Docker does not answer"):
        DockerEngine().check()


@pytest.mark.unit
def test_a_socket_that_may_not_be_opened() -> None:
    wrapped = OSError("Error while fetching server API version", PermissionError(13, "Permission denied"))
    error = unavailable(wrapped, "unix:///var/run/docker.sock")
    assert (error.what, error.why) == ("Docker may not be used by this user", "permission denied at unix:///var/run/docker.sock")
    assert error.next_command.startswith("sudo usermod -aG docker ")
