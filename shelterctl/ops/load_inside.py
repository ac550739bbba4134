"""A load whose generator runs inside the cluster: its image brought into the nodes, then the load as any other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from shelterctl.core.events import Event
from shelterctl.ops.node_images import ask
from shelterctl.ops.steps import run_step
from shelterctl.ops.up.image import build, load
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
    built = yield from run_step(ports.clock, "build", f"Building {reference}", build(ports.image, reference))
    nodes = ports.nodes()
    sent = load(ports.image, nodes, [built], [reference], reference, ask(lambda: nodes))
    yield from run_step(ports.clock, "load", f"Loading {reference} into the node", sent)
    return ports.generator(reference)
