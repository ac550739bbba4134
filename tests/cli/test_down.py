"""Why `down` kept something."""

from __future__ import annotations

import pytest

from shelterctl.cli.commands.down import _why_kept

pytestmark = pytest.mark.unit

OTHERS = "kept, since others made it or hold something in it: "


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (("namespace/mongo",), f"{OTHERS}namespace/mongo"),
        (("persistentvolume/mongo-pv",), "volumes are never removed: persistentvolume/mongo-pv (kubectl delete pv mongo-pv)"),
        (
            ("persistentvolume/a", "secret/x", "persistentvolume/b"),
            f"{OTHERS}secret/x; volumes are never removed: persistentvolume/a, persistentvolume/b (kubectl delete pv a b)",
        ),
    ],
)
def test_a_volume_is_not_called_somebody_else_s(kept: tuple[str, ...], words: str) -> None:
    assert _why_kept(kept) == words
