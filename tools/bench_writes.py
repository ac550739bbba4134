"""Measures writes through the application, side by side: on nx-27017, on FerretDB with a user (from the image mongo:8), on the cluster.

Eight clients write small documents for a while, each on fresh connections, two replicas everywhere. Prints JSON. Where there is no Docker,
nx-27017 alone is measured; where a mongod is on the PATH, that one in its place.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.bench_local import TOOL, tool

CLIENTS, SECONDS = 8, 20.0
ROOT = Path(__file__).resolve().parent.parent


def writes(url: str) -> dict[str, float]:
    """Acknowledged writes per second, and their percentiles in ms."""
    times: list[float] = []
    failed = 0
    until_s = time.monotonic() + SECONDS

    def write() -> None:
        nonlocal failed
        while time.monotonic() < until_s:
            began_s = time.perf_counter()
            request = urllib.request.Request(f"{url}/data", b'{"value": "0123456789"}', {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    answer.read()
            except OSError:
                failed += 1
                continue
            times.append(time.perf_counter() - began_s)

    clients = [threading.Thread(target=write) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    times.sort()
    found = {"writes_per_s": len(times) / SECONDS, "p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[len(times) * 99 // 100] * 1000}
    return {**{key: round(value, 1) for key, value in found.items()}, "failed": failed}


def on_this_machine(folder: Path, *arguments: str) -> tuple[str, dict[str, float]]:
    up = tool(folder, "up", "--no-wait-hpa", "--replicas", "2", *arguments)
    try:
        name = up["pods"][-1]["containers"][0]["image"] if not arguments else "FerretDB with a user"
        return str(name), writes(tool(folder, "url")["url"])
    finally:
        tool(folder, "down", "--delete-data", "--yes")


def ferretdb(folder: Path) -> tuple[str, dict[str, float]]:
    """The application on a database elsewhere, in a container."""
    password = folder / "password"
    password.write_text(secrets.token_urlsafe(16))
    # Another user reads it in there; the folder is for this one alone.
    password.chmod(0o644)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    words = ["docker", "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:27017", "--volume", f"{password}:/password:ro"]
    words += ["--env", "MONGO_INITDB_ROOT_USERNAME=somebody", "--env", "MONGO_INITDB_ROOT_PASSWORD_FILE=/password", "mongo:8"]
    container = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        time.sleep(5)
        uri = f"mongodb://somebody@127.0.0.1:{port}/shelter?authSource=admin"
        return on_this_machine(folder, "--mongo-uri", uri, "--mongo-password-file", str(password))
    finally:
        subprocess.run(["docker", "rm", "--force", container], check=False, capture_output=True)


def on_the_cluster(folder: Path) -> tuple[str, dict[str, float]]:
    words = [TOOL, "--target", "minikube", "--namespace", "bench-writes", "--project-dir", str(ROOT)]

    def run(command: str, *arguments: str) -> str:
        asked = [words[0], command, *arguments, *words[1:], "--output", "json"]
        return subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout

    run("up", "--replicas", "2", "--node-port", "30977")
    try:
        return "the cluster's mongo:8", writes(json.loads(run("url"))["result"]["url"])
    finally:
        run("down", "--delete-data", "--yes")


def main() -> None:
    report = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [on_this_machine, *([ferretdb] if shutil.which("docker") else []), *([on_the_cluster] if shutil.which("minikube") else [])]
        for part in parts:
            what, found = part(folder)
            report[what] = found
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
