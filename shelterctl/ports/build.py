"""From the application's sources to what a replica runs."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol

from shelterctl.core.deploy.image import LocalImage

if TYPE_CHECKING:
    from shelterctl.core.deploy.scan import ImageScan


class Builder(Protocol):
    """Makes what the replicas run from the sources, and keeps it on this machine under a name that stands for those sources."""

    def check(self) -> str:
        """The name and version of what builds. Raises DockerUnavailable, or whatever says that it is not there."""

    def reference(self) -> str:
        """`name:tag`; the tag is the hash of the sources as they are now. Raises UsageError where there are none."""

    def references(self) -> tuple[str, ...]:
        """Everything that is built from the sources; the application's first, where it is."""

    def inspect(self, reference: str) -> LocalImage | None:
        """What is kept under the name: of the application, or any other that the stack runs. Raises DockerUnavailable."""

    def current(self, reference: str) -> bool:
        """Whether what is kept under the name was made from the sources as they are now."""

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        """Builds the sources, yields the builder's lines and returns what is there then. Raises BuildFailed with the last of them."""

    def forget(self, reference: str) -> None:
        """Takes the name away."""

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        """A sentence about what was built, or was there already."""


class Publisher(Protocol):
    """Gives images to a registry, from which the nodes pull them. `pull_secret` names the Secret that is made for that, or is empty."""

    @property
    def pull_secret(self) -> str: ...

    @property
    def where(self) -> str:
        """HOST/PATH, for words."""

    def pushes(self, reference: str) -> bool:
        """Whether the image goes to the registry."""

    def push(self, reference: str) -> Generator[str, None, str]:
        """Pushes, yields what it does, and returns the name with the digest. Raises ImageLoadFailed."""

    def secret(self, namespace: str) -> dict[str, Any]:
        """The pull Secret as an object. Raises UsageError where there is nothing to make it of."""


class Scanner(Protocol):
    """Looks for known vulnerabilities in images that were built here."""

    def check(self) -> str:
        """The name and version of what scans. Raises ProgramMissing with what to install."""

    def scan(self, image: LocalImage) -> ImageScan:
        """What is in that very image. A scan that fails is in the result, as a problem; nothing is raised for it."""
