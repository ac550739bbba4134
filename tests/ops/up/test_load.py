"""What `up` sends to the nodes: what it built, and what this machine happens to have."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pytest

from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.core.deploy.stack import StackOptions, StackPlan
from shelterctl.errors import ImageLoadFailed, ProgramMissing
from shelterctl.ops.node_images import ask
from shelterctl.ops.steps import Done
from shelterctl.ops.up.image import Loaded, load
from tests.wiring.house import Workbench

pytestmark = pytest.mark.unit

APP = LocalImage("app:1", "sha256:a", ("sha256:l",), 1_000_000)
DATABASE = LocalImage("mongo:8", "sha256:m", ("sha256:k",), 2_000_000)
PLAN = StackPlan(StackOptions("", APP.reference), (APP.reference, DATABASE.reference), 2, False, ())


class Nodes:
    """Take what they are sent. `without` is a program that they need and lack, `under` the id that they then give an image."""

    def __init__(self, *there: LocalImage, without: str = "", under: str = "") -> None:
        self.ids = {image.reference: image.image_id for image in there}
        self.without, self.under = without, under

    def runtime(self) -> str:
        return "containerd"

    def image_ids(self) -> Mapping[str, str]:
        return dict(self.ids)

    def ids_by_digest(self) -> Mapping[str, str]:
        return {}

    def load(self, image: LocalImage) -> LoadReport:
        if self.without:
            raise ProgramMissing(f"{self.without} is not on the PATH")
        self.ids[image.reference] = self.under or image.image_id
        return LoadReport(image.reference, "layers", image.size_bytes, 1, 0)


def loaded(nodes: Nodes, *built: LocalImage) -> Done[Loaded]:
    bench = Workbench({DATABASE.reference: DATABASE})
    work: Generator[str, None, Done[Loaded]] = load(bench, nodes, built, PLAN.images, PLAN.options.image, ask(lambda: nodes))
    while True:
        try:
            next(work)
        except StopIteration as stop:
            done: Done[Loaded] = stop.value
            return done


def test_what_was_built_and_what_is_at_hand_are_sent() -> None:
    done = loaded(Nodes(), APP)
    assert [report.reference for report in done.value.reports] == ["app:1", "mongo:8"]
    assert done.value.image_id == APP.image_id


def test_what_is_there_is_not_sent_again() -> None:
    assert loaded(Nodes(APP, DATABASE), APP).title == "The node has the images already (2 of 2)"


def test_without_what_loads_a_built_image_cannot_get_there() -> None:
    with pytest.raises(ProgramMissing, match="kind is not on the PATH"):
        loaded(Nodes(without="kind"), APP)


def test_without_what_loads_an_image_from_elsewhere_is_left_to_be_pulled() -> None:
    """The built ones are pinned by then, and went to a registry."""
    done = loaded(Nodes(without="kind"))
    assert done.value.reports == ()
    assert done.title == "Nothing was loaded; the nodes must pull mongo:8"


def test_another_id_under_the_name_is_no_success() -> None:
    with pytest.raises(ImageLoadFailed, match="the node has sha256:other under app:1, built is sha256:a"):
        loaded(Nodes(under="sha256:other"), APP)
