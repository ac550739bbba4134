"""What Docker in a node holds of an image, and the archive that brings the rest."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from shelterctl.adapters.builder.docker_archive import docker_archive
from shelterctl.adapters.minikube.docker_node import held_layers, parse_layer_lists

pytestmark = pytest.mark.local


@pytest.mark.parametrize(
    ("lists", "held"),
    [
        ([], 0),
        ([["a", "b", "c"]], 3),
        ([["a", "b", "x"], ["a", "z"]], 2),
        # From the base up only: a layer above another one is another chain.
        ([["x", "b", "c"]], 0),
        ([["a", "b", "c", "d"]], 3),
    ],
)
def test_what_is_held_counts_from_the_base_up(lists: list[list[str]], held: int) -> None:
    assert held_layers(["a", "b", "c"], lists) == held


def test_dockers_lists() -> None:
    assert parse_layer_lists('["sha256:a","sha256:b"]\nnull\nError: no such image\n["sha256:a"]\n') == [
        ["sha256:a", "sha256:b"],
        ["sha256:a"],
    ]


def test_the_archive_names_every_layer_and_holds_those_that_are_sent(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"x" * 1000)
    config = b'{"rootfs": {}}'
    data = b"".join(docker_archive("app:1", config, [None, None, tmp_path / "layer"]))
    name = hashlib.sha256(config).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["manifest.json", f"{name}.json", "002/layer.tar"]

        def content(entry: str) -> bytes:
            file = archive.extractfile(entry)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        assert manifest == {"Config": f"{name}.json", "RepoTags": ["app:1"], "Layers": ["000/layer.tar", "001/layer.tar", "002/layer.tar"]}
        assert (content(f"{name}.json"), content("002/layer.tar")) == (config, b"x" * 1000)
