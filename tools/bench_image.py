"""Measures how long an image takes into minikube's node after a one-line change, against `minikube image load` of the same image.

    python tools/bench_image.py [--profile minikube] [--app app] [--pairs 1]

Builds two versions of a copy of the application that differ in one line, brings the first into the node, then times the second: once
our way, and once, taken out of the node again, through `minikube image load`. Prints one JSON object and removes what it made.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.minikube.machine import Minikube
from shelterctl.adapters.minikube.node_images import MinikubeImages
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.serial import JsonValue
from shelterctl.errors import ShelterError


def main() -> None:
    arguments = _arguments()
    machine = Minikube(arguments.profile)
    profile = machine.profile()
    if profile is None:
        raise SystemExit(f"no minikube profile is named {arguments.profile}")
    shells = machine.node_shells()
    engine = DockerEngine()
    store = MinikubeImages(arguments.profile, profile.runtime, shells, engine)
    made: list[LocalImage] = []
    steps: list[str] = []
    ours: list[JsonValue] = []
    theirs: list[JsonValue] = []
    ratios: list[float] = []
    try:
        with tempfile.TemporaryDirectory(prefix="shelterctl-bench-") as folder:
            context = Path(folder) / "app"
            shutil.copytree(arguments.app, context, ignore=shutil.ignore_patterns("__pycache__", ".venv*"))
            name = f"shelterctl-bench-{uuid.uuid4().hex[:8]}"
            made.append(_build(engine, context, f"{name}:0", steps))
            store.load(made[0])
            changed = _a_source(context)
            for number in range(1, arguments.pairs + 1):
                changed.write_text(changed.read_text() + f"# version {number}\n")
                image = _build(engine, context, f"{name}:{number}", steps)
                made.append(image)
                started = time.monotonic()
                report = store.load(image)
                ours_s = time.monotonic() - started
                _remove_from_node(shells, profile.runtime, image)
                started = time.monotonic()
                process.run(["minikube", "image", "load", "-p", arguments.profile, image.reference], timeout_s=900)
                theirs_s = time.monotonic() - started
                if store.image_ids().get(image.reference) != image.image_id:
                    raise SystemExit("minikube image load did not bring the image")
                ours.append(round(ours_s, 3))
                theirs.append(round(theirs_s, 3))
                ratios.append(ours_s / theirs_s)
                last = {"sent_bytes": report.sent_bytes, "layers_sent": report.layers_sent, "layers_present": report.layers_present}
        result: JsonValue = {
            "image_bytes": made[-1].size_bytes,
            "runtime": profile.runtime,
            "shelterctl_s": ours,
            "minikube_image_load_s": theirs,
            "ratio": round(statistics.median(ratios), 4),
            "target": 0.02,
            **last,
        }
        sys.stdout.write(json.dumps(result) + "\n")
    except ShelterError as error:
        raise SystemExit(f"{error.what}: {error.why}") from error
    finally:
        for image in made:
            _remove_from_node(shells, profile.runtime, image)
            process.run(["docker", "rmi", "--force", image.reference], timeout_s=120, check=False)
        for step in reversed(steps):
            # Without force: what something else is made of stays.
            process.run(["docker", "rmi", "--no-prune", step], timeout_s=120, check=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profile", default="minikube")
    parser.add_argument("--app", type=Path, default=Path(__file__).resolve().parent.parent / "app")
    parser.add_argument("--pairs", type=int, default=1, choices=range(1, 11), metavar="1..10")
    return parser.parse_args()


def _build(engine: DockerEngine, context: Path, reference: str, steps: list[str]) -> LocalImage:
    """Builds, and adds the images of the steps that were not cached to `steps`: the classic builder leaves them behind."""
    cached = True
    for line in engine.build(context, reference, {}):
        if line.startswith(" ---> ") and not cached and "Running" not in line:
            steps.append(line.split()[-1])
        cached = (line.startswith("Step ") and " : FROM " in line) or "Using cache" in line
    image = engine.inspect(reference)
    if image is None:
        raise SystemExit(f"{reference} was built and is not there")
    return image


def _a_source(context: Path) -> Path:
    """The module that a change touches: a Python file of the application's package, never one of its tests."""
    found = sorted(path for path in context.rglob("*.py") if "test" not in path.parts and not path.name.startswith("test"))
    if not found:
        raise SystemExit(f"{context} has no Python file to change")
    return found[0]


def _remove_from_node(shells: tuple[NodeShell, ...], runtime: str, image: LocalImage) -> None:
    command = ["docker", "rmi", "--force"] if runtime == "docker" else ["crictl", "rmi"]
    for shell in shells:
        shell.run([*command, image.reference], timeout_s=120, check=False)


if __name__ == "__main__":
    main()
