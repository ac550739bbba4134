"""A load whose generator runs inside the cluster: its image brought into the nodes, then the load as any other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from shelterctl.core.events import Event, Outcome
from shelterctl.errors import ImageLoadFailed
from shelterctl.ops.steps import Done, run_step
from shelterctl.ops.up.image import build
from shelterctl.ports.build import Builder
from shelterctl.ports.capabilities import NodeImages
from shelterctl.ports.clock import Clock
from shelterctl.ports.load import LoadGenerator


@dataclass(frozen=True, slots=True)
class InsidePorts:
    """`image` builds what the generator runs in, `nodes` take it, `generator` is the one inside, by the image's name."""

    image: Builder
    nodes: Callable[[], NodeImages]
    generator: Callable[[str], LoadGenerator]
    clock: Clock


def prepared(ports: InsidePorts) -> Generator[Event, None, LoadGenerator]:
    """The generator, once its image is in the nodes. Raises BuildFailed, ImageLoadFailed, DockerUnavailable."""
    reference = ports.image.reference()
    yield from run_step(ports.clock, "build", f"Building {reference}", build(ports.image, reference))
    yield from run_step(ports.clock, "load", f"Loading {reference} into the node", _sent(ports, reference))
    return ports.generator(reference)


def _sent(ports: InsidePorts, reference: str) -> Generator[str, None, Done[None]]:
    built, nodes = ports.image.inspect(reference), ports.nodes()
    if built is None:
        raise ImageLoadFailed(f"{reference} was built, and is gone again")
    if nodes.image_ids().get(reference) == built.image_id:
        return Done(f"The node has {reference} already", None, Outcome.UNCHANGED)
    yield f"{built.size_bytes / 1e6:.0f} MB"
    report = nodes.load(built)
    return Done(f"Loaded {reference}: {report.sent_bytes / 1e6:.1f} MB sent", None)
