"""The faults of a stack that its files show before anything runs, each by a code of its own."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack.findings import application, connections, files, guarded, images, ports, scaling, storage
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.stack import Stack

_ORDER = (Weight.BLOCKS, Weight.RISK, Weight.NOTE)


def find(stack: Stack) -> tuple[StackFinding, ...]:
    """Every finding, the heaviest first."""
    found = [
        finding for module in (files, connections, guarded, ports, images, storage, scaling, application) for finding in module.find(stack)
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.weight)))


def blocking(findings: tuple[StackFinding, ...]) -> Iterator[StackFinding]:
    """What a stack cannot work with."""
    return (finding for finding in findings if finding.weight is Weight.BLOCKS)
