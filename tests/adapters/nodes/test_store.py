"""The images that nodes name, and by which names."""

from __future__ import annotations

import json

import pytest

from shelterctl.adapters.nodes.store import (
    full_name,
    parse_crictl_digests,
    parse_crictl_images,
    parse_docker_digests,
    parse_docker_images,
    short_name,
)
from shelterctl.core.deploy.image import told_by_id
from shelterctl.errors import ImageLoadFailed

pytestmark = pytest.mark.unit

ONE, TWO = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.mark.parametrize(
    ("full", "short"),
    [
        ("docker.io/library/app:1", "app:1"),
        ("docker.io/team/app:1", "team/app:1"),
        ("app:1", "app:1"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
    ],
)
def test_short_names(full: str, short: str) -> None:
    assert short_name(full) == short
    assert short_name(full_name(short)) == short


def test_crictls_list() -> None:
    output = f'{{"images":[{{"id":"{ONE}","repoTags":["docker.io/library/app:1","app.example/app:2"]}},{{"id":"{TWO}","repoTags":[]}}]}}'
    assert parse_crictl_images(output.encode()) == {"app:1": ONE, "app.example/app:2": ONE}
    assert parse_crictl_images(b'{"images":null}') == {}
    with pytest.raises(ImageLoadFailed, match="list of images cannot be read"):
        parse_crictl_images(b"FATA[0000] no runtime")


def test_an_image_that_was_pulled_once_is_known_by_its_manifests_digest() -> None:
    """A runtime tells a pod's image so, also of a pod that asked for it by another name."""
    docker = f"<none> {ONE}\nsha256:fe6e {ONE}\n"
    assert parse_docker_digests(docker) == {"sha256:fe6e": ONE}
    images = [{"id": ONE, "repoTags": ["docker.io/library/app:1"], "repoDigests": ["localhost:5000/app@sha256:fe6e"]}, {"id": "sha256:2"}]
    assert parse_crictl_digests(json.dumps({"images": images}).encode()) == {"sha256:fe6e": ONE}
    assert told_by_id(["sha256:fe6e", "sha256:2"], {"sha256:fe6e": ONE}) == tuple(sorted([ONE, "sha256:2"]))


def test_dockers_list() -> None:
    assert parse_docker_images(f"app:1 {ONE}\n<none>:<none> {TWO}\n") == {"app:1": ONE}
