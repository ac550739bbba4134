"""Rights on one namespace alone: what lies beside it is not asked for again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.kube.cluster import KubernetesCluster
from shelterctl.errors import ApiRejected

pytestmark = pytest.mark.unit


class Api:
    """Answers each question with one status."""

    def __init__(self, status: int) -> None:
        self.status = status

    def get_or_none(self, path: str) -> dict[str, Any] | None:
        if self.status == 404:
            return None
        raise ApiRejected(f"GET {path}", status=self.status)


@pytest.mark.parametrize(("status", "watched"), [(404, ("shelter", "shelter-db")), (403, ("shelter",))])
def test_a_namespace_beside_it_that_may_not_be_seen_is_none_of_the_stacks(status: int, watched: tuple[str, ...]) -> None:
    cluster = KubernetesCluster(Api(status), "shelter", Path)  # type: ignore[arg-type]
    assert cluster.namespaces() == ("shelter",)
    assert cluster.watched() == watched


def test_an_api_server_that_has_lost_its_mind_is_told() -> None:
    with pytest.raises(ApiRejected):
        KubernetesCluster(Api(500), "shelter", Path).namespaces()  # type: ignore[arg-type]
