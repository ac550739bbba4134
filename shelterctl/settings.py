"""Settings: flags, then SHELTERCTL_* variables, then shelterctl.toml, then defaults. Typed; an unknown key is an error."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from shelterctl.core.duration import parse_duration_s
from shelterctl.errors import UsageError

FILE_NAME = "shelterctl.toml"
PREFIX = "SHELTERCTL_"
#: Tables of the same file that describe a stack; its reader takes them.
STACK_TABLES = frozenset({"stack", "manifests", "writes", "reads", "database", "load"})
#: Variables with the prefix that are no settings: the tests' own, and the shell completion's.
NOT_SETTINGS = frozenset({"SHELTERCTL_REQUIRE_CLUSTER", "SHELTERCTL_TEST_PROFILES", "_SHELTERCTL_COMPLETE"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command may need to know. Durations are in seconds.

    `target` is `auto`, `minikube` (which stands for any cluster) or `local`. `context` None means the context of the minikube profile;
    `project_dir` None means: look for the manifests from here upwards. `mongo_uri` is a database elsewhere, for the embedded target.
    `registry` is HOST/PATH, where images are pushed to instead of being loaded, `pull_secret` the Secret that is made for pulling them.
    `stages` are those of a load, such as `30s:50,2m:200`.
    `adopt` takes a stack that runs already as it is; None means: as the last `up` here did.
    """

    target: str = "auto"
    context: str | None = None
    profile: str = "minikube"
    namespace: str = "shelter"
    overlay: str = "minikube"
    reach: str = "auto"
    state_dir: str = ".shelterctl"
    project_dir: str | None = None
    output: str = "table"
    mongo_uri: str | None = None
    mongo_password_file: str | None = None
    timeout_s: float = 300.0
    users: int = 200
    spawn_rate: float = 20.0
    duration_s: float = 300.0
    stages: str | None = None
    writers: int = 4
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    yes: bool = False
    adopt: bool | None = None
    registry: str | None = None
    pull_secret: str | None = None


REACHES = ("auto", "nodeport", "loadbalancer", "tunnel")
TARGETS = ("auto", "minikube", "local")
DEFAULTS = Settings()
#: What decides where commands go.
_AIMING = frozenset({"context", "profile", "target"})
_KINDS: Mapping[str, str] = {field.name: str(field.type) for field in fields(Settings)}
#: In files and variables a duration has no unit in its name: `timeout = "5m"`.
_ALIASES = {"timeout": "timeout_s", "duration": "duration_s"}


def load(flags: Mapping[str, object], environment: Mapping[str, str], folder: Path) -> Settings:
    """Settings for a command that runs in `folder`. A flag that is None was not given.

    Raises UsageError for unknown keys (with the nearest known one), values of the wrong type and files that cannot be read.
    """
    settings = Settings()
    for source, values in (
        (FILE_NAME, _from_file(folder)),
        ("the environment", _from_environment(environment)),
        ("the command line", {name: value for name, value in flags.items() if value is not None}),
    ):
        for key, value in values.items():
            settings = replace(settings, **{key: _typed(key, value, source)})  # type: ignore[arg-type]
    if settings.output not in ("table", "json", "jsonl", "csv"):
        raise UsageError(f"output “{settings.output}” is not known", next_command="--output table, json or jsonl")
    if settings.target not in TARGETS:
        raise UsageError(
            f"target “{settings.target}” is not known{nearest(settings.target, TARGETS)}", next_command="--target auto, minikube or local"
        )
    if settings.reach not in REACHES:
        raise UsageError(
            f"reach “{settings.reach}” is not known{nearest(settings.reach, REACHES)}", next_command=f"--reach {', '.join(REACHES)}"
        )
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,58}[a-z0-9])?", settings.namespace):
        why = "a name has lower-case letters, digits and hyphens, and at most 60 of them"
        raise UsageError(f"namespace “{settings.namespace}” cannot be the name of one", why=why)
    if settings.timeout_s <= 0:
        raise UsageError("--timeout must be more than 0 s")
    return settings


def nearest(word: str, known: Iterable[str]) -> str:
    """“ (did you mean X?)” for the known word that is nearest, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {found[0]}?)" if found else ""


def _from_file(folder: Path) -> dict[str, object]:
    for place in (folder, *folder.parents):
        path = place / FILE_NAME
        if path.is_file():
            break
    else:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read", why=str(error)) from error
    found = {_known(key, str(path), _public_names()): value for key, value in content.items() if key not in STACK_TABLES}
    if "yes" in found:
        raise UsageError(f"{path}: yes is given on the command line alone", why="a file must not answer a question for whoever is asked")
    others = sorted(_AIMING & found.keys()) if path.stat().st_uid != os.geteuid() else []
    if others:
        raise UsageError(
            f"{path} belongs to another user: its {' and '.join(others)} {'is' if len(others) == 1 else 'are'} not taken",
            why="somebody else would choose the cluster that this user's commands change",
            next_command=f"the same with --{others[0]}, or with a {FILE_NAME} of yours",
        )
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            names = {f"{PREFIX}{public.upper()}" for public in _public_names()}
            _check(name, "the environment", names)
            key = name.removeprefix(PREFIX).lower()
            found[_ALIASES.get(key, key)] = value
    return found


def _public_names() -> set[str]:
    hidden = set(_ALIASES.values())
    return {name for name in _KINDS if name not in hidden} | set(_ALIASES)


def _known(key: str, source: str, names: set[str]) -> str:
    _check(key, source, names)
    return _ALIASES.get(key, key)


def _check(key: str, source: str, names: set[str]) -> None:
    if key not in names:
        raise UsageError(f"{source}: no setting is called {key}{nearest(key, names)}", why="Known: " + ", ".join(sorted(names)))


def _typed(key: str, value: object, source: str) -> object:
    kind = _KINDS[key]
    problem = f"{source}: {key.removesuffix('_s')} = {value!r}"
    try:
        if kind in ("bool", "bool | None"):
            return _boolean(value)
        if kind == "int":
            if isinstance(value, bool | float):
                raise ValueError("a whole number is wanted")
            return int(str(value))
        if kind == "float":
            return parse_duration_s(str(value)) if key.endswith("_s") else float(str(value))
    except ValueError as error:
        raise UsageError(problem, why=str(error)) from error
    if not isinstance(value, str) or not value:
        raise UsageError(problem, why="a text is wanted")
    return value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}
    try:
        return words[str(value).lower()]
    except KeyError:
        raise ValueError("true or false is wanted") from None
