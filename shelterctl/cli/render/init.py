"""shelterctl.toml as `init` writes it: what was found, the evidence as comments, what is open as a question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelterctl.cli.terminal import Line
from shelterctl.core.stack import answer_id
from shelterctl.core.stack.exchange import template
from shelterctl.core.stack.inspection import spoken
from shelterctl.core.stack.model import Body
from shelterctl.core.stack.roles import spoken as called

if TYPE_CHECKING:
    from shelterctl.cli.session import Session
    from shelterctl.core.stack.stack import Stack


@dataclass(frozen=True, slots=True)
class InitResult:
    """The file (empty where it was only shown), its text, and the settings that nobody has answered."""

    path: str
    text: str
    open: tuple[str, ...]


def ask(stack: Stack, session: Session) -> Mapping[str, str]:
    """Asks once for what only the owner knows, where somebody is there to answer. Returns answers by setting."""
    if not stack.questions or session.settings.yes or not session.terminal.interactive:
        return {}
    question = stack.questions[0]
    chosen = session.terminal.choose(f"{question.text}:", question.choices)
    return {question.setting: chosen} if chosen is not None else {}


def toml(stack: Stack, answers: Mapping[str, str], manifests: tuple[str, ...]) -> str:
    """The file's text. `stack` was read with the `answers`; `manifests` are the folders that it was read from."""
    return "\n".join(_lines(stack, answers, manifests)) + "\n"


def _lines(stack: Stack, answers: Mapping[str, str], manifests: tuple[str, ...]) -> Iterator[str]:
    roles = stack.roles
    yield "# What shelterctl understood of this stack. Every line may be changed or left out: what is left out is found anew each time."
    yield ""
    yield "[stack]"
    yield _entry("manifests", list(manifests), f"{len(stack.documents)} objects")
    yield _entry("namespace", stack.namespaces[0] if stack.namespaces else "default", "of objects that state none")
    for key, part in (("app", roles.app), ("database", roles.database)):
        if part is not None:
            why = "as answered" if f"stack.{key}" in answers else roles.reasons.get(part.key, "")
            yield _entry(key, called(part, stack.workloads), f"{part.origin}: {why}")
    if stack.app_service is not None and stack.app_service.ports:
        yield _entry("service", f"{stack.app_service.name}:{stack.app_service.ports[0][0]}", str(stack.app_service.origin))
    for question in stack.questions:
        yield f"# open: {question.text}: {', '.join(question.choices)} ({question.setting})"
    for image in stack.images:
        if image.build is not None:
            yield ""
            yield "[[stack.image]]"
            yield _entry("name", image.name, str(image.origin))
            yield _entry("context", image.build.context)
            yield _entry("dockerfile", image.build.dockerfile, f"from {image.build.base}")
            yield _entry("use", "built", "built: loaded under this name; registry: pushed; pulled: left alone")
    yield from _secrets(stack)
    for rendering in stack.manifests.renderings:
        if rendering.release:
            yield ""
            yield "[manifests]"
            yield _entry("release", rendering.release, f"{rendering.origin}: {rendering.command}")
            yield _entry("values", list(rendering.values), "files that go before the chart's own values.yaml, the last first")
            break
    yield from _requests(stack)
    if roles.engine is not None:
        yield ""
        yield "[database]"
        yield _entry("engine", roles.engine.value, roles.reasons.get(roles.database.key, "") if roles.database else "")
        yield _entry("credentials", "pod", "the database container's own environment")


def _secrets(stack: Stack) -> Iterator[str]:
    for secret in stack.generated:
        yield ""
        yield "[[stack.secret]]"
        yield _entry("name", secret.name)
        if secret.namespace:
            yield _entry("namespace", secret.namespace)
        yield _entry("keys", secret.keys, "up makes it where it is not there; {name} is a password that it generates")
    absent: dict[str, dict[str, str]] = {}
    for need in (need for workload in stack.workloads for need in workload.needs if need.kind == "Secret" and not need.optional):
        if stack.manifests.find("Secret", need.name) is None:
            absent.setdefault(need.name, {}).update({need.key: "{password}"} if need.key else {})
    for name, keys in absent.items():
        yield ""
        yield f"# Secret {name} is in no file. With these lines `up` makes it where it is not there; {{password}} is one that it generates."
        yield "# [[stack.secret]]"
        yield "# " + _entry("name", name)
        yield "# " + _entry("keys", keys or {"KEY": "{password}"})


def folders(stack: Stack, answers: Mapping[str, str]) -> list[str]:
    """Those that were taken; of folders of which one is meant, the one that was answered."""
    answer = answers.get("stack.manifests")
    if answer is None:
        return list(stack.manifests.folders)
    choices = next(question.choices for question in stack.questions if question.setting == "stack.manifests")
    return [answer, *(folder for folder in stack.manifests.folders if folder not in choices)]


def _requests(stack: Stack) -> Iterator[str]:
    write, read, one = stack.requests.write, stack.requests.read, stack.requests.read_one
    path = answer_id.template(one.path) if one is not None else None
    if write is not None:
        yield ""
        yield "[writes]"
        yield _entry("request", write.spoken(write.write_method), f"{write.origin}: {spoken('write', write)}")
        yield _entry("form" if write.body is Body.FORM else "json", template(write), "{token} marks each write")
        if path is not None and write.answers_id:
            yield _entry("id", write.answers_id, "where the answer has the id that is read by")
    if read is not None:
        yield ""
        yield "[reads]"
        yield _entry("request", read.spoken("GET"), str(read.origin))
        yield _entry("finds", "all", "one answer holds every write")
    if path is not None and one is not None:
        yield from ("", "[reads]") if read is None else ("# Where one answer does not hold all of them, each can be asked for by its id:",)
        mark = "" if read is None else "# "
        yield mark + _entry("request", f"GET {path}", str(one.origin))
        yield mark + _entry("finds", "one", "each acknowledged write is asked for by its id")


def _entry(key: str, value: object, comment: str = "") -> str:
    if isinstance(value, Mapping):
        text = "{ " + ", ".join(f"{_key(name)} = {json.dumps(item)}" for name, item in value.items()) + " }"
    else:
        text = json.dumps(value, ensure_ascii=False)
    line = f"{key} = {text}"
    return f"{line:<52}  # {comment}" if comment else line


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def lines(result: InitResult) -> Iterator[Line]:
    """The file, and what is open in it."""
    yield Line(f"{result.path} is written", "good")
    for setting in result.open:
        yield Line(f"  ? {setting} is open: see the comment there", "doubt")
    yield Line("Next: shelterctl up", "strong")
