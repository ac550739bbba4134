"""Reads what a Dockerfile does to an image, as far as it matters where there is none: files, folders, variables, packages, the command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters.stack.folder import words_of
from shelterctl.errors import Refused, UsageError

_NAME = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_PIP = re.compile(r"\bpip[\d.]*\s+install\b(.*)")
#: Options of pip that a value follows.
_VALUED = frozenset(
    {"-i", "--index-url", "--extra-index-url", "--trusted-host", "--timeout", "--retries", "-t", "--target", "--prefix", "--root", "-f",
     "--find-links", "--cache-dir", "--progress-bar", "--python", "--only-binary", "--no-binary", "--root-user-action"}
)  # fmt: skip
_OTHER_INSTALLERS = re.compile(r"\b(poetry|pipenv|pdm|conda|uv\s+(sync|pip))\b")
#: Lines that change nothing for a process of this machine.
_HARMLESS = re.compile(r"^\s*(apt(-get)?|apk|useradd|adduser|addgroup|groupadd|chown|chmod|mkdir|rm|pip[\d.]*|python\S*\s+-m\s+pip)\b")
_TOOLS = frozenset({"pip", "setuptools", "wheel"})


@dataclass(frozen=True, slots=True)
class Copy:
    """One COPY: what of the context goes where; `to` is absolute, `folder` whether it names a folder for sure."""

    sources: tuple[str, ...]
    to: str
    folder: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image holds and starts. `requirements` are files as the Dockerfile names them, `packages` what it installs by name.

    `undone` are RUN lines that do something else than to install packages: here nobody does them.
    """

    base: str
    folders: tuple[str, ...]
    workdir: str
    environment: Mapping[str, str]
    copies: tuple[Copy, ...]
    requirements: tuple[str, ...]
    packages: tuple[str, ...]
    command: tuple[str, ...]
    undone: tuple[str, ...]

    @property
    def python_version(self) -> str:
        """`3.13` of python:3.13-slim; empty where the base does not say."""
        found = re.search(r"(?:^|/)python:(\d+\.\d+)", self.base)
        return found.group(1) if found else ""


def read(path: Path) -> Recipe:
    """The recipe of a Dockerfile's last stage, with the stages that it stands on. Raises UsageError, Refused for an unknown installer."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read", why=str(error.strerror)) from error
    base, lines = _last_stage(list(_instructions(text)))
    known: dict[str, str] = {}
    environment: dict[str, str] = {}
    workdir, folders, copies = "/", ["/"], []
    requirements: list[str] = []
    packages: list[str] = []
    undone: list[str] = []
    entry: list[str] = []
    command: list[str] = []
    for name, rest in lines:
        if name in ("ENV", "ARG"):
            found = _assigned(name, rest, known)
            known |= found
            if name == "ENV":
                environment |= found
        elif name == "WORKDIR":
            workdir = _joined(workdir, expanded(rest.strip().strip('"'), known))
            folders.append(workdir)
        elif name in ("COPY", "ADD") and "--from" not in rest:
            copies.append(_copied(expanded(rest, known), workdir))
        elif name == "RUN":
            for part in re.split(r"&&|;|\n", expanded(rest, known)):
                _run(part, path, requirements, packages, undone)
        elif name == "ENTRYPOINT":
            # As in Docker: an ENTRYPOINT takes the CMD of what it stands on away.
            entry, command = words_of(rest), []
        elif name == "CMD":
            command = words_of(rest)
    return Recipe(
        base, tuple(folders), workdir, environment, tuple(copies), tuple(dict.fromkeys(requirements)), tuple(dict.fromkeys(packages)),
        (*entry, *command), tuple(undone),
    )  # fmt: skip


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}` and `${NAME:-else}`, as far as they are known."""
    return _NAME.sub(lambda m: known.get(m.group(1) or m.group(3), m.group(2) if m.group(2) is not None else m.group(0)), text)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            yield name.upper(), rest.strip()


def _last_stage(lines: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """The image at the bottom, and the instructions from there to the end."""
    stages: list[tuple[str, str, list[tuple[str, str]]]] = []
    before: list[tuple[str, str]] = []
    for name, rest in lines:
        if name == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            alias = words[2] if len(words) > 2 and words[1].upper() == "AS" else ""
            stages.append((words[0] if words else "", alias, []))
        else:
            (stages[-1][2] if stages else before).append((name, rest))
    if not stages:
        return "", []
    base, _, found = stages[-1]
    for image, alias, own in reversed(stages[:-1]):
        if alias and alias == base:
            base, found = image, [*own, *found]
    arguments: dict[str, str] = {}
    for name, rest in before:
        arguments |= _assigned(name, rest, arguments)
    return expanded(base, arguments), found


def _assigned(name: str, rest: str, known: Mapping[str, str]) -> dict[str, str]:
    """`ENV A=b C="d e"`, `ENV A b`, `ARG A=b`."""
    first, _, value = rest.partition(" ")
    if "=" not in first:
        return {first: expanded(value.strip().strip('"'), known)} if name == "ENV" else {}
    try:
        words = shlex.split(rest)
    except ValueError:
        words = rest.split()
    pairs = (word.partition("=") for word in words if "=" in word)
    return {key: expanded(found, known) for key, _, found in pairs}


def _joined(workdir: str, path: str) -> str:
    import posixpath

    return posixpath.normpath(posixpath.join("/", workdir, path))


def _copied(rest: str, workdir: str) -> Copy:
    words = [word for word in words_of(rest) if not word.startswith("--")]
    *sources, to = words if len(words) > 1 else [".", "."]
    folder = to.endswith("/") or to in (".", "..") or len(sources) > 1
    return Copy(tuple(source.removeprefix("./").strip("/") or "." for source in sources), _joined(workdir, to), folder)


def _run(part: str, path: Path, requirements: list[str], packages: list[str], undone: list[str]) -> None:
    """Notes what one command of a RUN line installs, or that nobody does it here."""
    other = _OTHER_INSTALLERS.search(part)
    if other and "pip install" not in part.replace(other.group(0), ""):
        raise Refused(
            f"{path.name} installs the packages by {other.group(1).split()[0]}, which is not known on this machine",
            why="here an environment is made by pip, from requirements",
            next_command="--target minikube, or a requirements.txt that the Dockerfile installs",
        )
    found = _PIP.search(part)
    if found is None:
        if part.strip() and not _HARMLESS.match(re.sub(r"^(\s*--\S+)+", "", part)):
            undone.append(" ".join(part.split()))
        return
    words = iter(words_of(found.group(1)))
    for word in words:
        if word in ("-r", "--requirement"):
            requirements.append(next(words, ""))
        elif word.startswith("--requirement="):
            requirements.append(word.partition("=")[2])
        elif word in ("-c", "--constraint") or word in _VALUED:
            next(words, "")
        elif word in (".", "-e", "--editable") or word.startswith((".[", "./")):
            raise Refused(
                f"{path.name} installs the application as a package (pip install {word})",
                why="here an environment is made from requirements",
                next_command="--target minikube",
            )
        elif not word.startswith("-") and re.split(r"[=<>!~\[]", word)[0].lower() not in _TOOLS:
            packages.append(word)
