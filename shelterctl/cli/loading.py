"""A load from its options: what users do, how many there are over time, what they are held to."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelterctl.cli.flags import seconds
from shelterctl.core import headers as load_headers
from shelterctl.core.load.plan import IN_CLUSTER, MAX_SPAWN_RATE, Expectations, LoadPlan
from shelterctl.core.load.shape import SOAK_S, Stage, length_s, named, parse_stages
from shelterctl.core.load.thresholds import Threshold, parse_threshold
from shelterctl.core.words import listed
from shelterctl.errors import UsageError
from shelterctl.settings import Settings

HELP = "shelterctl loadtest --help"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_LARGEST_BODY = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that say what a load is, as they were given: None or empty where they were not."""

    users: int | None = None
    spawn_rate: float | None = None
    duration: str | None = None
    think: str | None = None
    concurrency: int | None = None
    requests: int | None = None
    seed: int | None = None
    shape: str | None = None
    stages: Sequence[str] = ()
    rate: str | None = None
    path: str | None = None
    method: str | None = None
    body: str | None = None
    headers: Sequence[str] = ()
    write_share: str | None = None
    locustfile: str | None = None
    options: Sequence[str] = ()
    tag: str | None = None
    processes: int = 1
    workers: str | None = None
    listen: str = "0.0.0.0:5557"
    in_cluster: bool = False


def plan_of(asked: Asked, settings: Settings, host: str, own_file: tuple[Path, Mapping[str, str]], request_file: Path) -> LoadPlan:
    """The load. `own_file` are the stack's own users. Raises UsageError for what contradicts itself."""
    if asked.concurrency is not None and (asked.users is not None or asked.rate is not None):
        raise UsageError("--concurrency says how many users there are by itself: leave --users and --rate out", next_command=HELP)
    users = asked.concurrency if asked.concurrency is not None else settings.users if asked.users is None else asked.users
    duration_s = settings.duration_s if asked.duration is None else seconds("--duration", asked.duration, "loadtest")
    stages = _stages(asked, settings, users, duration_s)
    if asked.shape == "soak" and asked.duration is None:
        duration_s = SOAK_S
    rate = None if asked.rate is None else _rate(asked.rate)
    think_s = 0.0 if asked.concurrency is not None or rate is not None else seconds("--think", asked.think or "1s", "loadtest")
    file, variables = _users_of(asked, own_file, request_file)
    return LoadPlan(
        host=host,
        users=max(stage.users for stage in stages) if stages else users,
        spawn_rate=_spawn_rate(asked, settings, rate),
        duration_s=length_s(stages) if stages else duration_s,
        locustfile=file,
        variables=variables,
        think_s=think_s,
        seed=asked.seed,
        requests=asked.requests,
        stages=stages,
        rate_per_s=rate,
        asked=tuple(_again(asked)),
        tag=_tag(asked.tag),
        options=tuple(asked.options),
        processes=_processes(asked),
        workers=() if asked.in_cluster else _workers(asked.workers),
        listen=":".join(map(str, address_of("--listen", asked.listen))),
    )


def expectations_of(
    max_failures: str, max_p95: str | None, fail_on: Sequence[str], abort_on: Sequence[str], *, require_scale_up: bool
) -> Expectations:
    """What the load is held to. Raises UsageError."""
    return Expectations(
        max_failure_ratio=_ratio("--max-failures", max_failures),
        max_p95_ms=None if max_p95 is None else seconds("--max-p95", max_p95, "loadtest") * 1000,
        require_scale_up=require_scale_up,
        fail_on=_conditions("--fail-on", fail_on),
        abort_on=_conditions("--abort-on", abort_on),
    )


def _conditions(flag: str, texts: Sequence[str]) -> tuple[Threshold, ...]:
    try:
        return tuple(parse_threshold(text) for text in texts)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", next_command=f"{flag} 'p95 > 500ms'") from error


def overruled(asked: Asked, settings: Settings) -> str:
    """What is told where options that were typed leave the settings' stages out; empty where they do not."""
    flags = _instead_of_stages(asked)
    if not settings.stages or asked.stages or not flags:
        return ""
    return f"the stages of the settings ({settings.stages}) are left out: {listed(flags, 5)} say what the load is"


def _instead_of_stages(asked: Asked) -> list[str]:
    """The options that say how many users there are, or how long, in another way than stages do."""
    given = {
        "--users": asked.users, "--spawn-rate": asked.spawn_rate, "--duration": asked.duration, "--shape": asked.shape,
        "--concurrency": asked.concurrency, "--requests": asked.requests,
    }  # fmt: skip
    return [flag for flag, value in given.items() if value is not None]


def _stages(asked: Asked, settings: Settings, users: int, duration_s: float) -> tuple[Stage, ...]:
    typed = _instead_of_stages(asked)
    others = [flag for flag in typed if flag != "--requests"]
    if asked.stages and others:
        raise UsageError(f"--stages say how many users there are and how long: leave {listed(others, 5)} out", next_command=HELP)
    # What is typed wins over what a file or a variable says.
    of_settings = [settings.stages] if settings.stages and not typed else []
    given = list(asked.stages) or of_settings
    if asked.requests is not None and (asked.stages or asked.shape not in (None, "constant")):
        raise UsageError("--requests ends a load whose users stay: leave --shape and --stages out", next_command=HELP)
    try:
        return parse_stages(given) if given else named(asked.shape or "constant", users, duration_s)
    except ValueError as error:
        where = "--stages: " if asked.stages else "stages of the settings: " if given else ""
        raise UsageError(f"{where}{error}", next_command=HELP) from error


def _spawn_rate(asked: Asked, settings: Settings, rate: float | None) -> float:
    if asked.spawn_rate is not None:
        return asked.spawn_rate
    # Users who only wait for their turn may as well be there from the start.
    return MAX_SPAWN_RATE if asked.concurrency is not None or rate is not None else settings.spawn_rate


def _users_of(asked: Asked, own_file: tuple[Path, Mapping[str, str]], request_file: Path) -> tuple[str, Mapping[str, str]]:
    """The Locust file, and what it finds in its environment."""
    single = asked.path is not None
    file, variables = own_file
    of_rules = "STACK_EXCHANGE" in variables and asked.locustfile is None
    for flag, given in (("--method", asked.method), ("--body", asked.body), ("--header", asked.headers if not of_rules else ())):
        if given and not single:
            raise UsageError(f"{flag}: of the request that --path names", next_command="shelterctl loadtest --path /")
    if asked.locustfile is not None and (single or asked.write_share is not None):
        raise UsageError("--locustfile says what its users do: leave --path and --write-share out", next_command=HELP)
    if single and asked.write_share is not None:
        raise UsageError("--write-share: a single request has none", next_command="leave --path or --write-share out")
    if asked.options and asked.locustfile is None:
        raise UsageError(
            f"{' '.join(asked.options)}: what stands after -- goes to a Locust file of yours", next_command=f"{HELP}   (--locustfile)"
        )
    if asked.path is not None:
        return str(request_file), {"SHELTER_REQUEST": json.dumps(_request(asked, asked.path))}
    if asked.headers:
        variables = {**variables, "STACK_EXCHANGE": _with_headers(variables["STACK_EXCHANGE"], _headers(asked.headers))}
    if asked.write_share is not None:
        share = _ratio("--write-share", asked.write_share)
        if not 0 <= share <= 1:
            raise UsageError(f"--write-share {asked.write_share}: from 0% to 100%")
        variables = {**variables, "SHELTER_WRITE_SHARE": f"{share:g}"}
    return asked.locustfile or str(file), variables


def _request(asked: Asked, path: str) -> dict[str, object]:
    method = (asked.method or ("POST" if asked.body is not None else "GET")).upper()
    if method not in _METHODS:
        raise UsageError(f"--method {asked.method}: {', '.join(_METHODS)}")
    if not path.startswith("/"):
        raise UsageError(f"--path {path}: it begins with a slash; the host is the service's own")
    headers = _headers(asked.headers)
    body = _body(asked.body)
    if body is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json" if _is_json(body) else "text/plain; charset=utf-8"
    return {"method": method, "path": path, "body": body, "headers": headers}


def _headers(texts: Sequence[str]) -> dict[str, str]:
    """The headers, with {env:NAME} filled. Raises UsageError, which says no value that lets somebody in."""

    def find(_kind: str, name: str) -> str:
        if not os.environ.get(name):
            raise UsageError(f"--header: the variable {name} is not set", next_command=f"export {name}=…")
        return os.environ[name]

    found = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or any(ord(letter) < 32 for letter in text):
            raise UsageError(f"--header {load_headers.shown(text)!r}: write 'Name: value'")
        if problem := load_headers.problem_of(name.strip(), value.strip(), kinds=("env",)):
            raise UsageError(f"--header: {problem}", next_command="--header 'Authorization: Bearer {env:API_TOKEN}'")
        found[name.strip()] = value.strip()
    try:
        return load_headers.filled(found, find)
    except ValueError as error:
        raise UsageError(f"--header: {error}") from error


def _with_headers(rules: str, more: Mapping[str, str]) -> str:
    """The rules of a stack's users with headers of all their requests."""
    told = json.loads(rules)
    told["headers"] = load_headers.merged(told.get("headers", {}), more)
    if told["write"] is not None:
        told["write"]["headers"] = load_headers.merged(told["write"]["headers"], more)
    return json.dumps(told)


def _body(text: str | None) -> str | None:
    """The text itself, or what the file after an @ holds."""
    if text is None or not text.startswith("@"):
        return text
    try:
        path = Path(text[1:])
        if path.stat().st_size > _LARGEST_BODY:
            raise UsageError(f"--body {text}: larger than {_LARGEST_BODY // 2**20} MiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--body {text}: the file cannot be read", why=str(error)) from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text.replace("{n}", "1"))
    except ValueError:
        return False
    return True


def _rate(text: str) -> float:
    """300, 300/s or 18000/m. Raises UsageError."""
    number, slash, unit = text.strip().partition("/")
    try:
        per_s = float(number) / {"s": 1.0, "m": 60.0, "min": 60.0}[unit.strip() if slash else "s"]
    except (ValueError, KeyError):
        raise UsageError(f"--rate {text}: requests per second, such as 300/s") from None
    return per_s


def _ratio(flag: str, text: str) -> float:
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise UsageError(f"{flag} {text}: a share such as 1% or 0.01") from None


def _processes(asked: Asked) -> int:
    """Inside the cluster the workers are a number: they have no names. Raises UsageError."""
    if not asked.in_cluster or asked.workers is None:
        return asked.processes
    if asked.processes != 1 or not asked.workers.isdecimal():
        raise UsageError(f"--in-cluster --workers {asked.workers}: how many, and --processes left out", next_command=HELP)
    return int(asked.workers)


def _workers(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    if text.isdecimal():
        what = f"--workers {text}: names of machines, or with --in-cluster a number"
        raise UsageError(what, why=f"processes of this machine are --processes {text}", next_command=HELP)
    names = tuple(name.strip() for name in text.split(","))
    if not all(name and all(letter.isalnum() or letter in "-_.:" for letter in name) for name in names):
        raise UsageError(f"--workers {text}: names of machines, separated by commas; one more often for more processes", next_command=HELP)
    return names


def address_of(flag: str, text: str) -> tuple[str, int]:
    """HOST:PORT. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"{flag} {text}: an address and a port, such as 10.0.0.5:5557")
    return host, int(port)


def _tag(text: str | None) -> str:
    if text is None:
        return ""
    if not text or len(text) > 64 or not all(letter.isalnum() or letter in "-_." for letter in text):
        raise UsageError(f"--tag {text}: letters, digits, - _ and ., at most 64 of them")
    if text == "last":
        raise UsageError("--tag last: the newest run is called so already")
    return text


def _again(asked: Asked) -> list[str]:
    """What a command line must repeat to mean the same load, but for its size and length."""
    words: list[str] = []
    # Users who never pause are another load than as many who do.
    think = asked.think if asked.concurrency is None else "0s"
    for flag, value in (
        ("--think", think), ("--rate", asked.rate), ("--path", asked.path), ("--method", asked.method), ("--body", asked.body),
        ("--write-share", asked.write_share), ("--locustfile", asked.locustfile),
    ):  # fmt: skip
        if value is not None:
            words.append(f"{flag} {shlex.quote(value)}")
    if asked.in_cluster:
        words.append(IN_CLUSTER)
    words += [f"--header {shlex.quote(load_headers.shown(text))}" for text in asked.headers]
    return words
