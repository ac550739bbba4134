"""A watch whose version has become too old: what happened meanwhile is told all the same, and nothing is said to be broken."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.follow import Changed, Follower, Inbox, Listed, Source
from tests.cluster import kube
from tests.cluster.commands import Shelterctl

pytestmark = pytest.mark.cluster

#: As the API server says it within a watch (Kubernetes API concepts, "410 Gone responses").
GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "message": "too old resource version: 1 (2)", "reason": "Expired", "code": 410},
}


class ForgetfulApi(KubeApi):
    """Says once that a watch's version is too old, and lets something happen before."""

    def __init__(self, context: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(context)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def stream_lines(
        self, path: str, query: Mapping[str, str], *, read_timeout_s: float, opened: Callable[[Callable[[], None]], None] | None = None
    ) -> Iterator[bytes]:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
            yield json.dumps(GONE).encode()
            return
        yield from super().stream_lines(path, query, read_timeout_s=read_timeout_s, opened=opened)


def run(name: str, namespace: str) -> None:
    kube.kubectl("run", name, "-n", namespace, "--image=shelterctl-nobody:1", "--image-pull-policy=Never")


def test_a_version_that_is_too_old(namespace: Shelterctl) -> None:
    space = namespace.namespace
    kube.kubectl("create", "namespace", space)
    run("before", space)
    api = ForgetfulApi(kube.CONTEXT, lambda: run("meanwhile", space))
    inbox: Inbox = queue.SimpleQueue()
    ended = threading.Event()
    follower = Follower(api, Source("pods", "pods", f"/api/v1/namespaces/{space}/pods"), inbox, ended)
    thread = threading.Thread(target=follower.run, daemon=True)
    thread.start()
    try:
        first, second = inbox.get(timeout=30), inbox.get(timeout=30)
        assert isinstance(first, Listed)
        assert isinstance(second, Listed)
        assert [item["metadata"]["name"] for item in first.items] == ["before"]
        assert sorted(item["metadata"]["name"] for item in second.items) == ["before", "meanwhile"]
        run("after", space)
        told = set()
        while "after" not in told:
            message = inbox.get(timeout=30)
            # Nothing else comes: a watch that goes on from a new listing is no broken one.
            assert isinstance(message, Changed), message
            told.add(message.item["metadata"]["name"])
    finally:
        ended.set()
        follower.break_off()
        thread.join(timeout=5)
    assert not thread.is_alive()
