"""What becomes of a question that nobody has answered."""

from __future__ import annotations

from shelterctl.core.stack.model import Question

#: The setting of the question which Dockerfile builds an image.
DOCKERFILE = "stack.image.dockerfile"


def unanswered(question: Question) -> str:
    """What is done as long as nobody settles it. Of Dockerfiles none is taken: the image of another one would be judged."""
    if question.setting == DOCKERFILE:
        return f"{question.text}: none is built ([[stack.image]] dockerfile in shelterctl.toml)"
    return f"{question.text}: {question.origin} is taken ({question.setting} in shelterctl.toml)"
