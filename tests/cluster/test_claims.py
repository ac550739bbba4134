"""What a killed session of tests left on the cluster goes with the next session, and nothing else does."""

from __future__ import annotations

import secrets
import subprocess
import sys

import pytest

from tests.cluster import claims, kube

pytestmark = pytest.mark.cluster

KILLED = """
import os, signal, sys
from tests.cluster import claims
claims.claim(sys.argv[1])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_left_over_deletes_nothing() -> None:
    before = {item["metadata"]["uid"] for item in kube.items("kube-system", "pods")}
    claims.delete_left_over()
    claims.release()
    assert {item["metadata"]["uid"] for item in kube.items("kube-system", "pods")} == before


def test_namespaces_of_a_killed_session_are_deleted() -> None:
    killed, running, unrecorded = (f"{claims.PREFIX}-{secrets.token_hex(3)}" for _ in range(3))
    claims.claim(running)
    subprocess.run([sys.executable, "-c", KILLED, killed], timeout=60, check=False)
    try:
        for namespace in (killed, running, unrecorded):
            kube.kubectl("create", "namespace", namespace)
        left = claims.delete_left_over()
        assert killed in left
        assert running not in left
        assert unrecorded not in left, "it is a moment old"
        kube.kubectl("wait", "--for=delete", f"namespace/{killed}", "--timeout=60s")
        assert kube.exists(running)
    finally:
        claims.release(killed, running, unrecorded)
