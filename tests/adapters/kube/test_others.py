"""What counts as somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from shelterctl.adapters.kube.others import is_strangers

pytestmark = pytest.mark.unit

OURS = {"app.kubernetes.io/managed-by": "shelterctl"}
DATABASE_LABELS = {"app.kubernetes.io/name": "mongodb", "app.kubernetes.io/component": "database"}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"kind": "Secret", "metadata": {"name": "theirs"}}, True),
        ({"kind": "PersistentVolumeClaim", "metadata": {"name": "photos"}}, True),
        ({"kind": "Deployment", "metadata": {"name": "blog", "labels": {"app.kubernetes.io/managed-by": "Helm"}}}, True),
        ({"kind": "Secret", "metadata": {"name": "mongodb-root", "labels": OURS}}, False),
        ({"kind": "PersistentVolumeClaim", "metadata": {"name": "data-mongodb-0", "labels": DATABASE_LABELS}}, False),
        ({"kind": "PersistentVolumeClaim", "metadata": {"name": "chart", "labels": {"app.kubernetes.io/name": "mongodb"}}}, True),
        (
            {"kind": "PersistentVolumeClaim", "metadata": {"labels": {**DATABASE_LABELS, "app.kubernetes.io/instance": "x"}, "name": "x"}},
            True,
        ),
        ({"kind": "Pod", "metadata": {"name": "app-1", "ownerReferences": [{"uid": "rs"}]}}, False),
        ({"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}}, False),
        ({"kind": "Secret", "metadata": {"name": "kube-root-ca.crt"}}, True),
        ({"kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": {"name": "token"}}, False),
    ],
)
def test_what_a_namespace_holds_of_others_and_keeps_it_from_being_deleted(item: dict[str, Any], expected: bool) -> None:
    assert is_strangers(item) is expected
