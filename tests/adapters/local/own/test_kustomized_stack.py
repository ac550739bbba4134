"""A stack that kustomize renders, as this machine would run it: what its generators made reaches the application all the same."""

from __future__ import annotations

import pytest

from shelterctl.adapters.local.own import manifest, refusals, variables
from shelterctl.adapters.stack.reader import read
from tests.adapters.stack.packaged import needs_kustomize
from tests.stack.broken import EXAMPLES

pytestmark = [pytest.mark.local, needs_kustomize]


def test_generated_variables_lead_to_the_database_here() -> None:
    stack = read(EXAMPLES / "kustomized")
    refusals.check(stack)
    found = variables.of_application(stack)
    assert found.late["MONGO_URI"] == "mongodb://bookmarks:bookmarks-example@127.0.0.1:{database_port}/?authSource=admin"
    assert (found.late["MONGO_HOST"], found.fixed["MONGO_DATABASE"], found.leads) == ("127.0.0.1", "bookmarks_dev", True)
    assert variables.logins(stack) == [("bookmarks", "bookmarks-example")]


def test_what_a_patch_changed_is_what_counts() -> None:
    dev, prod = (manifest.read(read(EXAMPLES / "kustomized", manifests=(f"deploy/overlays/{name}",))) for name in ("dev", "prod"))
    assert dev.scaler is not None
    assert prod.scaler is not None
    assert [(each.minimum, each.maximum) for each in (dev.scaler, prod.scaler)] == [(1, 3), (2, 6)]
    assert (prod.readiness.path, prod.cpu_request_millicores) == ("/readyz", 100)
