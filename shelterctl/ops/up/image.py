"""From the sources to an image that the target can start."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.core.events import Outcome
from shelterctl.core.words import counted, listed
from shelterctl.errors import BuildFailed, ImageLoadFailed, ProgramMissing
from shelterctl.ops.steps import Done
from shelterctl.ports.build import Builder
from shelterctl.ports.capabilities import NodeImages


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was sent to the nodes, and the id of the application's image that they have then; None where nothing is sent."""

    reports: tuple[LoadReport, ...]
    image_id: str | None


def build(builder: Builder, reference: str) -> Generator[str, None, Done[LocalImage]]:
    """Builds what `reference` stands for, unless it is there already. Raises BuildFailed where the sources changed meanwhile."""
    there = builder.inspect(reference)
    if there is not None and builder.current(reference):
        return Done(builder.describe(there, fresh=False), there, Outcome.UNCHANGED)
    built = yield from builder.build(reference)
    if not builder.current(reference):
        # Its tag would stand for other sources than those in it, and every later `up` would believe it.
        builder.forget(reference)
        raise BuildFailed(f"the sources changed while {reference} was built from them", next_command="shelterctl up")
    return Done(builder.describe(built, fresh=True), built)


def load(
    builder: Builder,
    nodes: NodeImages,
    built: Sequence[LocalImage],
    images: Sequence[str],
    image: str,
    held: Future[Mapping[str, str]],
) -> Generator[str, None, Done[Loaded]]:
    """Loads the images that were built and every other one of `images` that this machine has and the node lacks; `image` is the main one.

    `held` is what the nodes had when they were asked. Raises ImageLoadFailed, and ProgramMissing where what loads is not there: an image
    that was not built here is then left to be pulled.
    """
    in_node = held.result()
    own = {each.reference for each in built}
    wanted = {reference: builder.inspect(reference) for reference in images if reference not in own and reference not in in_node}
    todo = [each for each in built if in_node.get(each.reference) != each.image_id]
    todo += [found for found in wanted.values() if found is not None]
    reports: list[LoadReport] = []
    left: list[str] = []
    for item in todo:
        yield f"{item.reference}, {item.size_bytes / 1e6:.0f} MB"
        try:
            reports.append(nodes.load(item))
        except ProgramMissing:
            if item.reference in own:
                raise
            left.append(item.reference)
    if reports:
        in_node = nodes.image_ids()
    for each in built:
        there = in_node.get(each.reference, "")
        if there != each.image_id:
            raise ImageLoadFailed(
                f"the node has {there or 'no image'} under {each.reference}, built is {each.image_id}", next_command="shelterctl doctor"
            )
    outcome = Outcome.CHANGED if reports else Outcome.UNCHANGED
    title = "Nothing was loaded" if left and not reports else _title(reports, in_node, images)
    title += f"; the nodes must pull {listed(left, 3)}" if left else ""
    return Done(title, Loaded(tuple(reports), in_node.get(image)), outcome)


def _title(reports: Sequence[LoadReport], in_node: Mapping[str, str], images: Sequence[str]) -> str:
    if not reports:
        there = sum(reference in in_node for reference in images)
        return f"The node has the images already ({there} of {len(images)})"
    parts = [f"{r.reference}: {r.sent_bytes / 1e6:.1f} MB sent, {_layers(r.layers_present)} there" for r in reports]
    return "Loaded " + "; ".join(parts)


def _layers(count: int) -> str:
    return f"{counted(count, 'layer')} {'was' if count == 1 else 'were'}"
