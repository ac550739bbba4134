"""Node ports: a number belongs to one Service of the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack.documents import Document, Origin, items
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.stack import Stack


def find(stack: Stack) -> Iterator[StackFinding]:
    taken: dict[tuple[int, str], tuple[Document, Origin]] = {}
    for document in stack.manifests.of("Service"):
        for index, port in enumerate(items(document.body, "spec", "ports")):
            number = port.get("nodePort")
            if not isinstance(number, int) or not number:
                continue
            # TCP and UDP may share a number.
            key, here = (number, str(port.get("protocol") or "TCP")), (document, document.at("spec", "ports", index, "nodePort"))
            first, where = taken.setdefault(key, here)
            twice = first is not document and (first.namespace, first.name) == (document.namespace, document.name)
            if (first, where) != here and not twice:
                what = f"Service {document.name} takes node port {number}, which Service {first.name} has already ({where})"
                why = "a node port is one Service's in the whole cluster: provided port is already allocated"
                yield StackFinding("node-port-twice", Weight.BLOCKS, what, here[1], why, "take the nodePort out of one of them")
