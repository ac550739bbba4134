"""From an application's own start command to gunicorn on the socket that all replicas share.

A command that binds a port of its own can have one replica only on one machine. So gunicorn serves what the command would have served: its
options are kept where it is gunicorn's, and what `python app.py` or `flask run` start is run up to where it would have served.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shelterctl.adapters.local.own.recipe import expanded
from shelterctl.errors import Refused

#: The module that stands in for a development server; it lies in `entry/`, which is on the replicas' PYTHONPATH.
ENTRY = "shelterctl_entry:application"
#: The development server answers each request in a thread of its own; gunicorn has as many as the tool's own application.
THREADS = 8
_FLAGS = frozenset(
    {"--reload", "--spew", "--check-config", "--print-config", "--preload", "--no-sendfile", "--reuse-port", "-D", "--daemon",
     "--initgroups", "--disable-redirect-access-to-syslog", "--capture-output", "--log-syslog", "-R", "--enable-stdio-inheritance",
     "--enable-backlog-metric", "--no-control-socket", "--strip-header-spaces", "--permit-obsolete-folding"}
)  # fmt: skip
#: What the shared socket decides, and what is about the container.
_DROPPED = frozenset(
    {"-b", "--bind", "--keep-alive", "-D", "--daemon", "--reload", "-p", "--pid", "-u", "--user", "-g", "--group", "--reuse-port",
     "--certfile", "--keyfile", "-c", "--config", "--initgroups", "--no-control-socket"}
)  # fmt: skip
_SHELLS = re.compile(r"(.*/)?(ba|da|a)?sh")
_PYTHON = re.compile(r"(.*/)?python[\d.]*")
_PYTHON_FLAGS = frozenset({"-u", "-B", "-O", "-OO", "-s", "-E", "-I"})


@dataclass(frozen=True, slots=True)
class Start:
    """`application` is what gunicorn serves, by `options`; `config` its configuration file. `variables` are the entry's own.

    `told` is the command as people know it, `deviation` how this differs from it; empty where it does not.
    """

    application: str
    options: tuple[str, ...]
    told: str
    config: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    deviation: str = ""


def start(command: Sequence[str], environment: Mapping[str, str]) -> Start:
    """How a replica serves what the command serves; `flask run` where there is none. Raises Refused for what cannot be served so."""
    words = [expanded(word, environment) for word in _unwrapped(list(command) or ["flask", "run"])]
    told = shlex.join(words)
    program, rest = words[0], words[1:]
    if _PYTHON.fullmatch(program):
        while rest and rest[0] in _PYTHON_FLAGS:
            rest = rest[1:]
        if rest[:1] == ["-m"] and len(rest) > 1 and rest[1] in ("gunicorn", "flask", "waitress"):
            program, rest = rest[1], rest[2:]
    name = program.rpartition("/")[2]
    if name == "gunicorn":
        return _gunicorn(rest, told)
    if name == "flask" and "run" in rest:
        return _served(["flask", _flask_app(rest) or environment.get("FLASK_APP", "")], told, "Flask's development server")
    if name in ("waitress", "waitress-serve") and rest and not rest[-1].startswith("-"):
        application = f"{rest[-1]}()" if "--call" in rest else rest[-1]
        return Start(application, _threads(), told, deviation=_deviation(told, "waitress"))
    if _PYTHON.fullmatch(program) and rest and rest[0] != "-c" and (rest[0] != "-m" or len(rest) > 1):
        return _served(rest, told, "the server that it starts")
    raise Refused(
        f"the application's start command cannot be run here: {told}",
        why="known are python, flask run, gunicorn and waitress, whose application gunicorn can serve on this machine",
        next_command="--target minikube",
    )


def _unwrapped(words: list[str]) -> list[str]:
    """The command within `sh -c`. Raises Refused where a shell does more than to start one program."""
    if _SHELLS.fullmatch(words[0]) and len(words) > 1 and "c" in words[1] and words[1].startswith("-"):
        text = words[2] if len(words) > 2 else ""
    elif _SHELLS.fullmatch(words[0]) or words[0].endswith(".sh"):
        text = "&&"
    else:
        text = "" if not any(word in ("&&", ";", "||", "|") for word in words) else "&&"
    if re.search(r"&&|;|\||\n", text):
        raise Refused(
            f"the application's start command is a shell's: {' '.join(words)}",
            why="here one program is started, and what a script does before it is not known",
            next_command="--target minikube",
        )
    if text:
        words = shlex.split(text)
    return words[1:] if words[:1] == ["exec"] else words


def _gunicorn(words: Sequence[str], told: str) -> Start:
    kept: list[str] = []
    application, config = "", ""
    todo = list(words)
    while todo:
        word = todo.pop(0)
        name, assigned, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
        if not word.startswith("-"):
            application = word
            continue
        if name in _FLAGS or word in _FLAGS:
            kept += [] if name in _DROPPED or word in _DROPPED else [word]
            continue
        if not (assigned or value):
            value = todo.pop(0) if todo else ""
        if name in ("-c", "--config"):
            config = value
        if name not in _DROPPED:
            kept += [name, value]
    return Start(application, tuple(kept), told, config)


def _flask_app(words: Sequence[str]) -> str:
    for index, word in enumerate(words):
        if word in ("--app", "-A") and index + 1 < len(words):
            return words[index + 1]
        if word.startswith("--app="):
            return word.partition("=")[2]
    return ""


def _served(run: Sequence[str], told: str, instead_of: str) -> Start:
    return Start(
        ENTRY, (*_threads(), "--access-logfile", "-"), told, variables={"SHELTERCTL_RUN": json.dumps(list(run))},
        deviation=_deviation(told, instead_of),
    )  # fmt: skip


def _threads() -> tuple[str, ...]:
    return ("--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS))


def _deviation(told: str, instead_of: str) -> str:
    return (
        f"`{told}` is served by gunicorn with {THREADS} threads instead of {instead_of}: replicas share one socket of this machine; "
        "what holds for its speed need not hold for that"
    )
