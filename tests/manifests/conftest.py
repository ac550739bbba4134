"""Each overlay is rendered once for all tests."""

from __future__ import annotations

from functools import cache

import pytest

from tests.manifests.rendering import MANIFESTS, OVERLAYS, Rendered, render


@cache
def _rendered(overlay: str) -> Rendered:
    return render(MANIFESTS / "overlays" / overlay)


@pytest.fixture
def minikube() -> Rendered:
    return _rendered("minikube")


@pytest.fixture
def quota() -> Rendered:
    return _rendered("minikube-quota")


@pytest.fixture
def two_namespaces() -> Rendered:
    return _rendered("minikube-two-namespaces")


@pytest.fixture(params=OVERLAYS)
def each(request: pytest.FixtureRequest) -> Rendered:
    """Every overlay in turn."""
    return _rendered(str(request.param))
