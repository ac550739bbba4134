"""Layers out of `docker save`, in each layout that engines write, and the OCI archives made of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters.builder.oci_archive import LAYER_TAR, Blob, archive_chunks, read_saved, saved_config_digest
from shelterctl.adapters.builder.tar_stream import TarDamaged, TarStream
from shelterctl.errors import ImageLoadFailed

BASE, TOP = b"base" * 5000, b"top" * 700
CONFIG = b'{"rootfs":{"type":"layers"}}'


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(content: bytes) -> str:
    return f"sha256:{_hex(content)}"


def _tar(*entries: tuple[str, bytes | str], pax: bool = False) -> bytes:
    """A tar of files (bytes) and symbolic links (str)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mtime = 1.5 if pax else 1
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _legacy() -> bytes:
    """As Docker 20.10 writes it: the names of layers say nothing of their content, a repeated layer is a link."""
    return _tar(
        ("11/VERSION", b"1.0"),
        ("11/json", b"{}"),
        ("11/layer.tar", BASE),
        ("22/layer.tar", TOP),
        ("33/layer.tar", "../11/layer.tar"),
        (f"{_hex(CONFIG)}.json", CONFIG),
        ("manifest.json", json.dumps([{"Config": f"{_hex(CONFIG)}.json", "Layers": ["11/layer.tar", "22/layer.tar"]}]).encode()),
    )


def _oci(*layers: bytes, config: bytes = CONFIG) -> bytes:
    """As Docker 25 and later write it: everything is a blob, named by its digest."""
    blobs = [(f"blobs/sha256/{_hex(blob)}", blob) for blob in (config, b'{"manifest":1}', *layers)]
    manifest = json.dumps([{"Config": f"blobs/sha256/{_hex(config)}"}]).encode()
    return _tar(*sorted(blobs), ("index.json", b"{}"), ("manifest.json", manifest), ("oci-layout", b"{}"))


def _chunks(content: bytes, size: int = 1000) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


LAYOUTS = {
    "legacy": _legacy(),
    "blobs": _oci(BASE, TOP),
    "gzipped blobs": _oci(gzip.compress(BASE, mtime=0), gzip.compress(TOP, mtime=0)),
}


@pytest.mark.unit
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunk_bytes", [1, 511, 100_000])
def test_the_wanted_layers_come_out_uncompressed(layout: str, chunk_bytes: int, tmp_path: Path) -> None:
    saved = read_saved(_chunks(LAYOUTS[layout], chunk_bytes), _digest(CONFIG), [_digest(TOP)], tmp_path)
    layer = saved.layers[_digest(TOP)]
    assert saved.config == CONFIG
    assert list(saved.layers) == [_digest(TOP)]
    assert layer.path is not None
    assert (layer.digest, layer.size_bytes, layer.media_type, layer.path.read_bytes()) == (_digest(TOP), len(TOP), LAYER_TAR, TOP)
    assert list(tmp_path.iterdir()) == [layer.path]


@pytest.mark.unit
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_configuration_is_found_through_the_manifest(layout: str) -> None:
    assert saved_config_digest(_chunks(LAYOUTS[layout])) == _digest(CONFIG)


@pytest.mark.unit
def test_reading_stops_when_everything_wanted_is_there(tmp_path: Path) -> None:
    archive = _tar((f"{_hex(CONFIG)}.json", CONFIG), ("22/layer.tar", TOP), ("99/layer.tar", b"late" * 100_000))
    chunks = _chunks(archive)
    read_saved(chunks, _digest(CONFIG), [_digest(TOP)], tmp_path)
    assert sum(map(len, chunks)) > 390_000


@pytest.mark.unit
def test_a_layer_whose_size_is_unwanted_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ImageLoadFailed) as caught:
        read_saved(_chunks(_legacy()), _digest(CONFIG), [_digest(BASE)], tmp_path, unwanted_sizes={len(BASE)})
    assert caught.value.why == f"it lacks {_digest(BASE)}"


@pytest.mark.unit
def test_another_image_under_the_same_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageLoadFailed, match="not the image that was asked for"):
        read_saved(_chunks(_legacy()), _digest(b"other"), [], tmp_path)


@pytest.mark.unit
@pytest.mark.parametrize("wanted", [CONFIG, TOP])
def test_a_blob_whose_content_is_not_its_name_is_refused(wanted: bytes, tmp_path: Path) -> None:
    damaged = _oci(BASE, TOP).replace(wanted, wanted[:-1] + b"X")
    with pytest.raises(ImageLoadFailed, match=f"damaged at {_digest(wanted)}"):
        read_saved(_chunks(damaged), _digest(CONFIG), [_digest(TOP)], tmp_path)


@pytest.mark.unit
@pytest.mark.parametrize("content", [_legacy()[:9000], b"", b"this is no tar at all" * 100])
def test_a_stream_that_ends_early_or_is_no_tar_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImageLoadFailed, match="cannot be read"):
        read_saved(_chunks(content), _digest(CONFIG), [_digest(TOP)], tmp_path)


@pytest.mark.unit
def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageLoadFailed, match="cannot be read"):
        read_saved(_chunks(_oci(gzip.compress(TOP)[:-9])), _digest(CONFIG), [_digest(TOP)], tmp_path)


@pytest.mark.unit
@pytest.mark.parametrize("pax", [False, True])
def test_long_names_are_read(pax: bool) -> None:
    name = "a" * 150 + "/layer.tar"
    stream = TarStream(_chunks(_tar((name, b"x" * 600), ("link", name), ("last", b"y"), pax=pax)))
    found = [(entry.name, entry.regular, b"".join(stream.content())) for entry in stream.entries()]
    assert found == [(name, True, b"x" * 600), ("link", False, b""), ("last", True, b"y")]


@pytest.mark.unit
def test_an_archive_without_an_end_is_damaged() -> None:
    with pytest.raises(TarDamaged, match="ends too early"):
        list(TarStream([_tar(("a", b"x"))[:1024]]).entries())


@pytest.mark.unit
def test_the_archive_holds_what_was_taken_and_names_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "top"
    file.write_bytes(TOP)
    layers = [Blob(_digest(BASE), len(BASE), LAYER_TAR), Blob(_digest(TOP), len(TOP), LAYER_TAR, file)]
    written = b"".join(archive_chunks("docker.io/library/app:1", CONFIG, layers))
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        entries = {}
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            entries[member.name] = content.read()
    index = json.loads(entries.pop("index.json"))
    (named,) = index["manifests"]
    manifest = entries.pop(f"blobs/sha256/{named['digest'].removeprefix('sha256:')}")
    assert entries == {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        f"blobs/sha256/{_hex(CONFIG)}": CONFIG,
        f"blobs/sha256/{_hex(TOP)}": TOP,
    }
    assert named == {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": _digest(manifest),
        "size": len(manifest),
        "annotations": {"io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1"},
    }
    assert json.loads(manifest) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(CONFIG), "size": len(CONFIG)},
        "layers": [
            {"mediaType": LAYER_TAR, "digest": _digest(BASE), "size": len(BASE)},
            {"mediaType": LAYER_TAR, "digest": _digest(TOP), "size": len(TOP)},
        ],
    }
