"""The application that misleads: nothing of it passes that cannot be proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.examples import example, killed_as_expected
from tests.stack.test_liars import ONE_CONNECTION, expected_of_liars

# On the first profile: the stacks beside it take longer.
pytestmark = pytest.mark.cluster


def test_no_liar_passes_what_it_cannot_prove(tmp_path: Path) -> None:
    with example("liars", tmp_path, images=["image: liars"]) as liars:
        manifest = liars.folder / "k8s" / "liars.yaml"
        plain = manifest.read_text()
        for lie, expected in expected_of_liars().items():
            if lie != ONE_CONNECTION:
                manifest.write_text(plain.replace('value: ""', f'value: "{lie}"'))
                killed_as_expected(liars, lie, expected)
