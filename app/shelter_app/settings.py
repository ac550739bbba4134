"""The environment, read once and typed. Every fault is reported in one message."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

# gunicorn's threads; the connection pool is as large, so that no request waits for a connection.
REQUEST_THREADS: Final = 8

DEFAULT_PASSWORD_FILE: Final = "/run/secrets/mongodb/app-password"  # noqa: S105 - a path
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,63}")


class SettingsError(Exception):
    """The environment is not usable; the message has one line for each fault."""


@dataclass(frozen=True, slots=True)
class MongoSettings:
    """How to reach the database.

    ``hosts`` are ``host:port`` seeds; ``user`` and ``password`` are None where authentication is off.
    """

    hosts: tuple[str, ...]
    database: str
    user: str | None
    password: str | None = field(repr=False)
    auth_source: str
    timeout_ms: int
    selection_timeout_ms: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides."""

    mongo: MongoSettings
    pod_name: str
    timezone: str
    image_tag: str
    git_revision: str
    bind_host: str
    http_port: int
    live_port: int
    access_log: bool


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def text(self, name: str, default: str) -> str:
        # An empty variable is how a template leaves one out.
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        given = self.text(name, str(default))
        if re.fullmatch(r"[0-9]{1,9}", given) and lowest <= int(given) <= highest:
            return int(given)
        self.faults.append(f"{name} must be a whole number from {lowest} to {highest}, not {given!r}")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        given = self.text(name, default)
        if given in choices:
            return given
        self.faults.append(f"{name} must be one of {', '.join(choices)}, not {given!r}")
        return default

    def matching(self, name: str, default: str, pattern: re.Pattern[str], what: str) -> str:
        given = self.text(name, default)
        if not pattern.fullmatch(given):
            self.faults.append(f"{name} must be {what}, not {given!r}")
        return given

    def hosts(self, name: str, default: str) -> tuple[str, ...]:
        seeds = tuple(seed.strip() for seed in self.text(name, default).split(","))
        for seed in seeds:
            found = _HOST.fullmatch(seed)
            if found is None or not 1 <= int(found["port"] or 27017) <= 65535:
                # Not echoed: what was meant as a URL may hold a password.
                self.faults.append(f"{name} must be host:port, or several with commas between; a URL is not accepted")
                break
        return seeds

    def secret(self, name: str, default: str) -> str:
        """The content of the file that the variable names, without its last line break."""
        path = Path(self.text(name, default))
        try:
            secret = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except FileNotFoundError:
            self.faults.append(f"{name}: the password file {path} does not exist; mount the Secret there")
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(f"{name}: the password file {path} cannot be read: {error}")
        else:
            if secret:
                return secret
            self.faults.append(f"{name}: the password file {path} is empty")
        return ""

    def zone(self, name: str, default: str) -> str:
        given = self.text(name, default)
        try:
            ZoneInfo(given)
        except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            self.faults.append(f"{name} is not a time zone of the IANA database: {given!r}")
        return given


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that the variables and the password file give.

    The password comes from a file only: an environment shows in process listings, crash reports and ``kubectl describe``.

    :raises SettingsError: a variable has no usable value, or the password file is absent, empty or unreadable.
    """
    env = os.environ if environ is None else environ
    read = _Reader(env)
    for name in ("SHELTER_MONGO_PASSWORD", "SHELTER_MONGO_URL", "SHELTER_MONGO_URI"):
        if name in env:
            read.faults.append(f"{name} is not read: put the password into a file, named by SHELTER_MONGO_PASSWORD_FILE")
    database = read.matching("SHELTER_MONGO_DATABASE", "shelter", _DATABASE, "1 to 63 of A-Z a-z 0-9 _ -")
    authenticated = read.choice("SHELTER_MONGO_AUTH", "on", ("on", "off")) == "on"
    timeout_ms = read.number("SHELTER_MONGO_TIMEOUT_MS", 2000, 50, 60_000)
    mongo = MongoSettings(
        hosts=read.hosts("SHELTER_MONGO_HOST", "mongodb:27017"),
        database=database,
        user=read.text("SHELTER_MONGO_USER", "shelter-app") if authenticated else None,
        password=read.secret("SHELTER_MONGO_PASSWORD_FILE", DEFAULT_PASSWORD_FILE) if authenticated else None,
        auth_source=read.matching("SHELTER_MONGO_AUTH_SOURCE", database, _DATABASE, "1 to 63 of A-Z a-z 0-9 _ -"),
        timeout_ms=timeout_ms,
        selection_timeout_ms=read.number("SHELTER_MONGO_SELECTION_TIMEOUT_MS", 500, 10, 60_000),
    )
    settings = Settings(
        mongo=mongo,
        pod_name=read.text("SHELTER_POD_NAME", read.text("HOSTNAME", "unknown")),
        timezone=read.zone("SHELTER_TIMEZONE", "UTC"),
        image_tag=read.text("SHELTER_IMAGE_TAG", "unknown"),
        git_revision=read.text("SHELTER_GIT_REVISION", "unknown"),
        bind_host=read.text("SHELTER_BIND_HOST", "0.0.0.0"),  # noqa: S104 - a pod is reached from outside
        http_port=read.number("SHELTER_HTTP_PORT", 8000, 1, 65535),
        live_port=read.number("SHELTER_LIVE_PORT", 8001, 1, 65535),
        access_log=read.choice("SHELTER_ACCESS_LOG", "0", ("0", "1")) == "1",
    )
    if settings.http_port == settings.live_port:
        read.faults.append(f"SHELTER_HTTP_PORT and SHELTER_LIVE_PORT are both {settings.http_port}")
    if not re.fullmatch(r"[!-~]{1,253}", settings.pod_name):
        # It goes into a response header.
        read.faults.append(f"SHELTER_POD_NAME must be 1 to 253 printable ASCII characters, not {settings.pod_name!r}")
    if read.faults:
        raise SettingsError("\n".join(read.faults))
    return settings
