"""Whose the namespaces on the cluster are: a session of tests that was killed cannot delete its own, and they hold the node's CPU.

The next session finds them by a record beside them: the process that opened a namespace, known by its number and its start. What has a
test's name and no record (the folder of temporary files was emptied) is taken for left over after an hour.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from shelterctl.adapters.process_start import start_of
from tests.cluster import kube

PREFIX = "shelter-test"
LEFT_OVER_AFTER = timedelta(hours=1)


def claim(*namespaces: str) -> None:
    """Says that this process opened namespaces; the first call deletes those whose process is gone."""
    _delete_left_over(kube.CONTEXT)
    for namespace in namespaces:
        _record(namespace).write_text(json.dumps({"pid": os.getpid(), "start": start_of(os.getpid())}))


def release(*namespaces: str) -> None:
    """Deletes namespaces, without waiting, and their records."""
    kube.delete_namespaces(*namespaces)
    for namespace in namespaces:
        _record(namespace).unlink(missing_ok=True)


def delete_left_over() -> tuple[str, ...]:
    """Deletes the namespaces that no running session has; returns their names."""
    found = json.loads(kube.kubectl("get", "namespaces", "-o", "json"))["items"]
    ages = {item["metadata"]["name"]: item["metadata"]["creationTimestamp"] for item in found}
    left = tuple(name for name, created in ages.items() if _is_left_over(name, datetime.fromisoformat(created)))
    release(*left)
    return left


@cache
def _delete_left_over(_context: str) -> None:
    """Once a session and context."""
    delete_left_over()


def _is_left_over(namespace: str, created: datetime) -> bool:
    """Whether a namespace is a test's, and no session that runs is using it."""
    record = _record(namespace)
    try:
        opened = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return namespace.startswith(f"{PREFIX}-") and datetime.now(UTC) - created > LEFT_OVER_AFTER
    return start_of(int(opened["pid"])) != str(opened.get("start"))


def _record(namespace: str) -> Path:
    folder = Path(tempfile.gettempdir()) / "shelterctl-tests" / kube.CONTEXT
    folder.mkdir(parents=True, exist_ok=True)
    return folder / namespace
