"""Run folders as shelterctl writes them, small, for the tests of reports. The results are of real runs, shortened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.evidence import read_run
from shelterctl.core.report.build import build
from shelterctl.core.report.clean import Owner
from shelterctl.core.report.document import Document
from shelterctl.core.serial import SCHEMA

BEGAN_S = 1_796_000_000.0
UP, LOAD, KILL, DNS, PROVE = (
    "20261130-040000-up",
    "20261130-040100-loadtest",
    "20261130-040200-kill-db",
    "20261130-040300-dns-check",
    "20261130-035959-prove",
)
_PASS: dict[str, Any] = {"verdict": "PASS", "reasons": []}


def line(at_s: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "wall_s": BEGAN_S + at_s, "monotonic_s": at_s, "kind": kind, **fields}


def pod(name: str, **fields: Any) -> dict[str, Any]:
    container = {
        "name": "app",
        "ready": True,
        "restarts": 0,
        "state": "running",
        "reason": "",
        "message": "",
        "image": "shelter-app:1",
        "image_id": "sha256:ab",
        "container_id": "c",
        "probed": True,
    }
    return {
        "name": name,
        "namespace": "shelter",
        "uid": f"uid-{name}",
        "role": "app",
        "phase": "Running",
        "ready": True,
        "deleting": False,
        "node": "node-1",
        "ip": "10.0.0.1",
        "revision": "r1",
        "owner_uid": "o",
        "created_at_s": BEGAN_S - 60,
        "ready_since_s": BEGAN_S - 50,
        "containers": [container],
        "cpu_requests_millicores": [100],
        "cpu_limits_millicores": [500],
        "memory_requests_bytes": [1 << 26],
        **fields,
    }


def scaler(desired: int, percent: int | None) -> dict[str, Any]:
    return {
        "name": "app",
        "minimum": 2,
        "maximum": 5,
        "current": desired,
        "desired": desired,
        "cpu_target_percent": 70,
        "cpu_percent": percent,
    }


def up(**fields: Any) -> dict[str, Any]:
    return {
        "context": "minikube",
        "namespace": "shelter",
        "dry_run": False,
        "changed": True,
        "chain": {
            "reference": "shelter-app:1",
            "built_id": "sha256:ab",
            "loaded_id": "sha256:ab",
            "running_ids": ["sha256:ab"],
            "answering_tag": "1",
        },
        "loads": [],
        "applied": {"changes": []},
        "endpoint": {"service": "app", "node_port": 30300, "cluster_ip": "10.0.0.9", "url": "http://192.168.49.2:30300"},
        "pods": [pod("app-1"), pod("app-2"), pod("mongodb-0", role="db", claims=["data-mongodb-0"])],
        "autoscaler": scaler(2, 5),
        "elapsed_s": 12.0,
        **fields,
    }


def load(**fields: Any) -> dict[str, Any]:
    return {
        "plan": {
            "host": "http://192.168.49.2:30300",
            "users": 200,
            "spawn_rate": 20.0,
            "duration_s": 60.0,
            "locustfile": "/x/locustfiles/s.py",
        },
        "expectations": {"max_failure_ratio": 0.01},
        "began_wall_s": BEGAN_S,
        "interrupted": False,
        "judgement": _PASS,
        "checks": [
            {"name": "scaling", "judgement": {"verdict": "PASS", "reasons": [{"text": "2 → 3 replicas at 30.0 s, app-3 ready at 33.0 s"}]}}
        ],
        "traffic": {
            "requests": 6000,
            "failures": 6,
            "duration_s": 60.0,
            "requests_per_s": 100.0,
            "p50_ms": 5.0,
            "p95_ms": 20.0,
            "p99_ms": 50.0,
            "max_ms": 90.0,
            "silent_s": 0.0,
            "by_pod": [{"pod": "app-1", "requests": 6000, "share": 1.0, "late_share": 1.0, "first_at_s": 0.1}],
            "names": [{"name": "GET /data", "requests": 6000, "failures": 6, "p50_ms": 5.0, "p95_ms": 20.0, "p99_ms": 50.0}],
        },
        "generator": {
            "users_asked": 200,
            "users_reached": 200,
            "seconds": 60.0,
            "cpu_percent_mean": 10.0,
            "cpu_percent_peak": 20.0,
            "busy_ratio": 0.0,
            "lag_p99_ms": 5.0,
            "lag_max_ms": 9.0,
            "end": "finished",
        },
        "scaling": "shown",
        "timeline": {
            "observed_s": 60.0,
            "autoscaled": True,
            "points": [
                {"at_s": 0.0, "ready": 2, "desired": 2, "cpu_percent": 5},
                {"at_s": 33.0, "ready": 3, "desired": 3, "cpu_percent": 140},
            ],
            "decisions": [{"at_s": 30.0, "before": 2, "after": 3, "ready": 2, "cpu_percent": 140, "own_percent": 140, "most": 4}],
        },
        "milestones": [],
        "notes": [],
        **fields,
    }


def load_events(seconds: int = 60) -> list[dict[str, Any]]:
    found = [
        line(
            -1.0,
            "target_chosen",
            context="minikube",
            namespace="shelter",
            profile="minikube",
            kubernetes_version="v1.34.4",
            runtime="containerd",
        ),
        line(-1.0, "autoscaler", autoscaler=scaler(2, 5)),
        line(-1.0, "pods", pods=[pod("app-1"), pod("app-2")]),
    ]
    for second in range(1, seconds + 1):
        found.append(
            line(
                float(second),
                "load_tick",
                elapsed_s=float(second),
                users=200,
                requests=100,
                failures=0,
                p50_ms=5.0,
                p95_ms=20.0,
                p99_ms=50.0,
                generator_cpu_percent=5.0,
                generator_lag_ms=1.0,
                by_pod={"app-1": 50, "app-2": 50},
            )
        )
        if second == 30:
            found.append(line(30.0, "autoscaler", autoscaler=scaler(3, 140)))
        if second == 33:
            found.append(line(33.0, "pods", pods=[pod("app-1"), pod("app-2"), pod("app-3", created_at_s=BEGAN_S + 30)]))
    return found


def kill(**fields: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("recovered", "lost", "corrupt", "lost after read", "phantom", "unexpected", "duplicate", "prior data lost"), 0)
    return {
        "run": KILL,
        "mode": "sigkill",
        "judgement": _PASS,
        "attempts": 4,
        "acknowledged": 3,
        "rejected": 0,
        "indeterminate": 1,
        "prior": 0,
        "found": {"acknowledged": 3, "rejected": 0, "indeterminate": 0},
        "counts": {"ok": 3, "not applied": 1, **counts},
        "server": "mongod 8.0",
        "proof": {"facts": ["mongodb got SIGKILL", "exit code 137"], "doubts": []},
        "report": {"mode": "sigkill", "sent_mono_s": 99.9, "confirmed_mono_s": 100.0, "wall_s": BEGAN_S + 100, "node": "node-1"},
        "window": {"acknowledged_before": 1, "acknowledged_after": 1, "at_risk": 1, "loss_bound": 1.0},
        "recovery": {
            "milestones": [["first error", 0.1], ["pod ready", 2.0]],
            "first_ack_s": 2.5,
            "silence_s": [0.0, 2.5],
            "resolution_s": 0.1,
        },
        "settle_s": 6.0,
        "elapsed_s": 20.0,
        "notes": [],
        **fields,
    }


WRITES = [
    {"kind": "outcome", "id": f"w{number}", "saw": saw, "status": status, "detail": "", "sent_s": at_s - 0.1, "ended_s": at_s}
    for number, (at_s, saw, status) in enumerate(
        ((99.0, "acknowledged", 201), (99.8, "acknowledged", 201), (100.1, "indeterminate", 500), (102.5, "acknowledged", 201))
    )
]


def dns(**fields: Any) -> dict[str, Any]:
    row = {
        "subject": "service app",
        "name": "app",
        "kind": "A",
        "via": "search",
        "expected": "10.0.0.9",
        "found": "10.0.0.9",
        "time_ms": 0.5,
        "verdict": "PASS",
    }
    return {
        "judgement": _PASS,
        "client_pod": "app-1",
        "client_namespace": "shelter",
        "cluster_domain": "cluster.local",
        "resolver": {"nameservers": ["10.96.0.10"], "search": ["shelter.svc.cluster.local"], "ndots": 5},
        "rows": [row],
        "servers": [],
        "queries": 1,
        "rounds": 1,
        "elapsed_s": 1.0,
        **fields,
    }


def write(
    state: Path, name: str, command: str, result: Any, *, exit_code: int = 0, error: Any = None, **journals: list[dict[str, Any]]
) -> Path:
    """A run's folder: result.json where there is a command, and journals by their names."""
    folder = state / "runs" / name
    folder.mkdir(parents=True)
    if command:
        document = {
            "schema": SCHEMA,
            "run": name,
            "command": command,
            "finished_wall_s": BEGAN_S + 200,
            "exit_code": exit_code,
            "result": result,
            "error": error,
        }
        (folder / "result.json").write_text(json.dumps(document))
    for journal, rows in journals.items():
        (folder / f"{journal}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def every(state: Path) -> None:
    """A deployment, a load, a fault and its names."""
    write(state, UP, "up", up(), events=[line(0.0, "target_chosen", context="minikube", namespace="shelter", profile="minikube")])
    write(state, LOAD, "loadtest", load(), events=load_events())
    write(
        state,
        KILL,
        "chaos kill-db",
        kill(),
        events=[],
        writes=WRITES,
        account=[{"id": "w0", "category": "ok", "saw": "acknowledged", "present": True}],
    )
    write(state, DNS, "dns check", dns(), events=[])


def document(
    state: Path, *names: str, owner: Owner | None = None, compared: tuple[str, ...] = (), title: str = "", author: str = ""
) -> Document:
    folders = [state / "runs" / name for name in names] or sorted((state / "runs").iterdir())
    return build(
        [read_run(folder) for folder in folders],
        version="0.1.0",
        form="html",
        title=title,
        author=author,
        compared=compared,
        file_name="report.html",
        owner=owner or Owner(),
    )
