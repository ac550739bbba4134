"""Where images come from: names that cannot be pulled, policies that pass over what was built, Dockerfiles that nobody uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shelterctl.core.stack.inventory import base_name, tag
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.questions import DOCKERFILE
from shelterctl.core.stack.stack import Stack

_PLACEHOLDER = re.compile(r"your[-_ ]?|<|>|\$\{|example|username|dockerhub[-_]?user|changeme|xxx", re.IGNORECASE)


def find(stack: Stack) -> Iterator[StackFinding]:
    for image in stack.images:
        users = ", ".join(image.used_by)
        if not image.name:
            yield StackFinding("image-missing", Weight.BLOCKS, f"{users} names no image", image.origin)
            continue
        if _PLACEHOLDER.search(image.name):
            what = f"{image.name} is a placeholder"
            weight = Weight.NOTE if image.build else Weight.BLOCKS
            why = "pull access denied, repository does not exist" if image.build is None else "up builds and loads it under this name"
            yield StackFinding("image-placeholder", weight, what, image.origin, why, "put the image's name there")
        if image.build is not None and image.policy == "Always":
            what = f"{image.name} is built here, and its policy is Always (stated, or by its tag)"
            why = "the kubelet asks a registry at each start: a change here has no effect, and without a network there is ErrImagePull"
            mend = 'up loads it and applies IfNotPresent; or push it: use = "registry"'
            yield StackFinding("image-always-pulled", Weight.RISK, what, image.origin, why, mend)
        if image.build is None and image.policy == "Never":
            what = f"{image.name} is never pulled, and no Dockerfile here builds it"
            why = "ErrImageNeverPull, unless the node has it"
            yield StackFinding("image-never-pulled", Weight.BLOCKS, what, image.origin, why, "[stack.image] context in shelterctl.toml")
        if image.build is None and tag(image.name) in ("", "latest"):
            what = f"{image.name} has no fixed version"
            why = "a pull brings the next one, whose data files an older one cannot open"
            yield StackFinding("image-untagged", Weight.NOTE, what, image.origin, why, f"{base_name(image.name)}:<version>")
    app = stack.roles.app
    if app is not None and stack.sources.routes and any(app.images) and not any(name in stack.built for name in app.images):
        asked = [question for question in stack.questions if question.setting == DOCKERFILE]
        doubt = next((question for question in asked if question.text.endswith(tuple(f" {name}" for name in app.images))), None)
        what = f"no Dockerfile here builds {', '.join(app.images)}"
        if doubt is not None:
            what = f"which Dockerfile builds {', '.join(app.images)} is not known: several may: {', '.join(doubt.choices)}"
        why = "what runs is what was pushed or loaded under that name, whatever the sources here say"
        yield StackFinding(
            "image-not-built-here", Weight.RISK, what, app.containers[0].image_origin, why, "[stack.image] in shelterctl.toml"
        )
