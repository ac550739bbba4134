"""The image that answers, by the route that its owner's file names."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, replace

import pytest

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.events import Outcome
from shelterctl.core.state import StackState
from shelterctl.errors import ServiceUnreachable
from shelterctl.ops.steps import Done
from shelterctl.ops.up.answer import NamedAnswers, VersionAnswers
from shelterctl.ports.http import HttpAnswer
from tests.core.stack_examples import NOW
from tests.fakes import HttpInMemory, SteppedClock
from tests.ops.generators import ended

pytestmark = pytest.mark.unit

CHAIN = ImageChain("notes-app:1.4", "sha256:a", "sha256:a", ("sha256:a",))
HERE = StackState(NOW, "notes", (), (), None, (), Endpoint("notes", 30080, "10.96.0.9", "http://service"))


@dataclass
class Marked:
    """What a marked write shows: that it is taken, and nothing of the image."""

    asked: int = 0

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        yield "asking"
        self.asked += 1
        return Done("a marked write was taken", replace(chain, answering_tag=None), Outcome.UNCHANGED)

    def look(self, url: str, chain: ImageChain) -> ImageChain:
        self.asked += 1
        return replace(chain, answering_tag=None)


class Service:
    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.asked: list[str] = []

    def version(self, path: str = "/about/build") -> VersionAnswers:
        def answer(_method: str, target: str, *_: object) -> HttpAnswer:
            self.asked.append(target)
            return HttpAnswer(200, {}, json.dumps({"image_tag": self.tag, "pod": "pod-1"}).encode(), 0.0)

        return VersionAnswers(HttpInMemory({"service": answer}), SteppedClock(), path)


def test_the_named_route_closes_the_chain() -> None:
    service = Service("1.4")
    done = ended(service.version().prove(HERE, CHAIN))
    assert (done.value.answering_tag, done.value.answering_pod, done.value.broken_at) == ("1.4", "pod-1", "")
    assert service.asked == ["/about/build"] * 3


def test_another_image_is_named_and_ends_the_wait() -> None:
    with pytest.raises(ServiceUnreachable, match=r"http://service does not answer with 1\.4") as caught:
        ended(Service("1.3").version().prove(HERE, CHAIN))
    assert "answers with 1.3" in caught.value.why


def test_a_marked_write_comes_first_and_the_image_is_asked_for_beside_it() -> None:
    service, marked = Service("1.4"), Marked()
    both = NamedAnswers(marked, service.version())
    done = ended(both.prove(HERE, CHAIN))
    assert (done.title, done.value.answering_tag) == ("a marked write was taken; /about/build answers with 1.4", "1.4")
    assert both.look("http://service", CHAIN).answering_tag == "1.4"
    assert marked.asked == 2
    service.tag = "1.3"
    assert both.look("http://service", CHAIN).broken_at == "the service answers with 1.3, built is 1.4"


@pytest.mark.parametrize("reference", ["notes-app", "registry:5000/notes-app", "registry/notes-app:1.4@sha256:ab"])
def test_an_image_without_a_tag_of_its_own_is_not_asked_for(reference: str) -> None:
    service = Service("1.4")
    both = NamedAnswers(Marked(), service.version())
    chain = replace(CHAIN, reference=reference)
    assert ended(both.prove(HERE, chain)).value.answering_tag is None
    assert both.look("http://service", chain).answering_tag is None
    assert service.asked == []
