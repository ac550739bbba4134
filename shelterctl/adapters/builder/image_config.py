"""Writes an image's configuration from what the engine tells of it, byte for byte as the engine keeps it. Pure.

The digest of those bytes is the image's id, so a wrong guess is seen at once. Docker hands the configuration out within `docker save`
alone, which assembles every layer first; all that it holds can be asked for in milliseconds, but for the history of images that were pulled
(its times come rounded to seconds). That part is taken from another image's configuration with the same beginning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any


def rebuilt(facts: Mapping[str, Any], ancestry: Sequence[Mapping[str, Any]], steps: Sequence[str], known: Iterable[bytes]) -> bytes | None:
    """The configuration whose digest is the image's id, or None where it cannot be written.

    `facts` and `ancestry` are the engine's inspections of the image and of its parents, nearest first; `steps` has the text of each step
    of its history, oldest first; `known` holds configurations of other images, of which one may have the same beginning.
    """
    for text in known:
        try:
            config = _encoded(_rebuilt_on(json.loads(text), facts, ancestry, steps))
        except (ValueError, LookupError, TypeError, AttributeError):
            # Another engine's form: the digest could not fit.
            continue
        if f"sha256:{hashlib.sha256(config).hexdigest()}" == facts["Id"]:
            return config
    return None


def _rebuilt_on(
    other: Mapping[str, Any], facts: Mapping[str, Any], ancestry: Sequence[Mapping[str, Any]], steps: Sequence[str]
) -> dict[str, Any]:
    """The configuration in the form of `other`: its keys in their order, and its history where the image's ancestry is not known."""
    line = [facts, *ancestry]
    # The oldest ancestor may be a pulled image with many steps: it tells of none of them.
    built = list(pairwise(line))
    inherited = len(steps) - len(built)
    history = [*other["history"][:inherited]]
    for (image, parent), step in zip(reversed(built), steps[inherited:], strict=True):
        entry = {"created": image["Created"], "author": image.get("Author"), "created_by": step, "comment": image.get("Comment")}
        history.append({key: value for key, value in entry.items() if value})
        if len(image["RootFS"]["Layers"]) == len(parent["RootFS"]["Layers"]):
            history[-1]["empty_layer"] = True
    told = {
        "architecture": facts.get("Architecture"),
        "author": facts.get("Author"),
        "config": facts.get("Config"),
        "container": facts.get("Container"),
        "container_config": facts.get("ContainerConfig"),
        "created": facts.get("Created"),
        "docker_version": facts.get("DockerVersion"),
        "history": history,
        "os": facts.get("Os"),
        "rootfs": {"type": "layers", "diff_ids": facts["RootFS"]["Layers"]},
    }
    return {key: told.get(key, value) for key, value in other.items()}


def _encoded(config: Mapping[str, Any]) -> bytes:
    """JSON as Go's `encoding/json` writes it: no spaces, and what HTML could misread escaped."""
    text = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode()
