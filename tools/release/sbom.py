"""Writes the SBOM of the locked runtime dependencies, CycloneDX as JSON: the same bytes for the same lock file and version.

The list, its versions and hashes are uv's. What differs from one call to the next (serial number, time) is derived from what it says.

python -m tools.release.sbom [FILE]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelterctl import __version__

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "dist" / f"shelterctl-{__version__}.cdx.json"
#: The extras that a user may install are runtime dependencies, too.
EXTRAS = ("local",)
_EXPORT = ("export", "--frozen", "--quiet", "--no-default-groups", "--format", "cyclonedx1.5")
_TIMEOUT_S = 120


def exported() -> dict[str, Any]:
    """What uv says of the lock file. Exits with its words where it fails."""
    uv = Path(sys.executable).with_name("uv")
    # Its warnings name this format a preview; what matters of it is held by a test.
    command = [str(uv), *_EXPORT, "--preview-features", "sbom-export", *(word for extra in EXTRAS for word in ("--extra", extra))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def direct(lock: Mapping[str, Any]) -> set[str]:
    """The names that shelterctl itself asks for, with its extras; not what tests and lint are made with."""
    (own,) = (package for package in lock["package"] if package["name"] == "shelterctl")
    asked = [*own["dependencies"], *(item for extra in EXTRAS for item in own["optional-dependencies"][extra])]
    return {item["name"] for item in asked}


def sbom(given: Mapping[str, Any], lock: Mapping[str, Any]) -> dict[str, Any]:
    """The export with package URLs as references, and nothing that differs by itself."""
    own = f"pkg:pypi/shelterctl@{__version__}"
    urls = {component["bom-ref"]: component["purl"] for component in given["components"]}
    root = given["metadata"]["component"]["bom-ref"]
    named = {component["purl"]: component["name"] for component in given["components"]}
    edges = {}
    for entry in given["dependencies"]:
        targets = sorted({urls[ref] for ref in entry.get("dependsOn", ())})
        if entry["ref"] == root:
            # uv counts groups of tests here where a package is a dependency as well.
            targets = [url for url in targets if named[url] in direct(lock)]
        edges[own if entry["ref"] == root else urls[entry["ref"]]] = targets
    components = [{**component, "bom-ref": component["purl"]} for component in given["components"]]
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": given["bomFormat"],
        "specVersion": given["specVersion"],
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "shelterctl",
                "version": __version__,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": sorted(components, key=lambda component: str(component["purl"])),
        "dependencies": [{"ref": ref, "dependsOn": edges[ref]} for ref in sorted(edges)],
    }
    text = json.dumps(document, sort_keys=True)
    return {**document, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}"}


def made() -> str:
    """The SBOM as text."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return json.dumps(sbom(exported(), lock), indent=1, sort_keys=True) + "\n"


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    text = made()
    file.write_text(text, encoding="utf-8")
    print(f"{file}: {len(json.loads(text)['components'])} packages")


if __name__ == "__main__":
    main()
