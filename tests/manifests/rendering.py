"""Renders an overlay as `kubectl apply -k` would, for the tests beside this file."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
OVERLAYS = ("minikube", "minikube-quota", "minikube-two-namespaces")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one overlay, in the order in which kubectl would apply them."""

    documents: tuple[Document, ...]

    def of(self, kind: str) -> tuple[Document, ...]:
        return tuple(document for document in self.documents if document["kind"] == kind)

    def one(self, kind: str, name: str) -> Document:
        """The only object of that kind and name, in whichever namespace."""
        (found,) = [document for document in self.of(kind) if document["metadata"]["name"] == name]
        return found

    def pod(self, kind: str, name: str) -> Document:
        """The pod template's spec of a workload."""
        spec: Document = self.one(kind, name)["spec"]["template"]["spec"]
        return spec

    def container(self, kind: str, name: str) -> Document:
        """The only container of a workload's pod."""
        (container,) = self.pod(kind, name)["containers"]
        found: Document = container
        return found


def render(folder: Path) -> Rendered:
    """Runs `kubectl kustomize`; skips the test where kubectl is absent.

    :raises subprocess.CalledProcessError: kustomize refuses the folder.
    """
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True, timeout=60)
    return Rendered(tuple(yaml.safe_load_all(done.stdout)))


# Kubernetes' suffixes, as far as these manifests use them.
_SUFFIXES = {"Gi": 2**30, "Mi": 2**20, "m": 0.001}


def quantity(text: str | int) -> float:
    """A Kubernetes quantity in cores, bytes or pieces."""
    for suffix, factor in _SUFFIXES.items():
        if isinstance(text, str) and text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)
