"""Which engine an image or a Dockerfile holds, and where its data lie."""

from __future__ import annotations

import re

from shelterctl.core.stack.inventory import base_name, tag
from shelterctl.core.stack.model import Build, Container, Engine

_IMAGES = (
    (re.compile(r"mongo(db)?(-.*)?|percona-server-mongodb|ferretdb"), Engine.MONGODB),
    (re.compile(r"mysql(-.*)?|percona(-server)?"), Engine.MYSQL),
    (re.compile(r"mariadb(-.*)?"), Engine.MARIADB),
    (re.compile(r"postgres(ql)?(-.*)?|postgis|timescaledb(-.*)?|pgvector"), Engine.POSTGRESQL),
)
#: Servers as Debian, Alpine and Red Hat package them, and not their clients.
_PACKAGES = (
    (re.compile(r"mongodb(-org)?(-server)?"), Engine.MONGODB),
    (re.compile(r"(default-)?mysql(-community)?-server(-[\d.]+)?"), Engine.MYSQL),
    (re.compile(r"mariadb(-server)?(-[\d.]+)?"), Engine.MARIADB),
    (re.compile(r"postgresql([-\d.]*)(-server)?"), Engine.POSTGRESQL),
)
#: Arguments that put the data elsewhere, or into a folder that a file names.
ELSEWHERE = re.compile(r"--datadir|--dbpath|--config|data_directory|config_file|(^| )-(f|D)( |$)")
#: From 18 on the official image has a folder for each version, and one volume above them (docker-library/postgres, 1259).
_FOLDER_BY_VERSION = 18
_WITHOUT_OLD_SHELL = 6
_OFFICIAL = re.compile(r"(docker\.io/)?(library/)?(mongo|mysql|mariadb|postgres)(:[^@]*)?(@.*)?")


def of_image(image: str) -> Engine | None:
    name = base_name(image).lower()
    return next((engine for pattern, engine in _IMAGES if pattern.fullmatch(name)), None)


def speaks(engine: Engine) -> Engine:
    """Whose protocol and SQL an engine has: MariaDB is spoken to as MySQL is."""
    return Engine.MYSQL if engine is Engine.MARIADB else engine


def installed(build: Build) -> tuple[Engine, str] | None:
    """The server that a Dockerfile installs, and its package."""
    for package in build.packages:
        for pattern, engine in _PACKAGES:
            if pattern.fullmatch(package):
                return engine, package
    return None


def port(engine: Engine) -> int:
    """Where a server listens by default (TCP)."""
    return {Engine.MONGODB: 27017, Engine.POSTGRESQL: 5432}.get(engine, 3306)


def is_official(image: str) -> bool:
    return _OFFICIAL.fullmatch(image) is not None


def data_path(engine: Engine, container: Container, build: Build | None) -> str:
    """Where a database's container keeps its data: what its variables or its Dockerfile say, else as its image has it."""
    image = build.base if build is not None else container.image
    if engine is Engine.POSTGRESQL:
        told = container.variable("PGDATA")
        if told is not None and told.shown.startswith("/"):
            return told.shown.rstrip("/")
        if build is not None and build.data_path:
            return build.data_path
        if build is not None and (found := installed(build)) is not None:
            version = found[1].removeprefix("postgresql").strip("-").removesuffix("-server")
            return f"/var/lib/postgresql/{version}/main" if version.isdigit() else "/var/lib/postgresql"
        major = re.match(r"\d+", tag(image))
        if major is not None and int(major[0]) >= _FOLDER_BY_VERSION and is_official(image):
            return f"/var/lib/postgresql/{major[0]}/docker"
    if "bitnami" in image:
        return f"/bitnami/{engine.value}/data"
    return engine.data_path


def hidden_by_image(engine: Engine, image: str, mounted: str) -> bool:
    """Whether an official image's own volume, which goes with the container, lies over a volume that is mounted above it.

    A runtime puts a volume of its own at each VOLUME of an image where nothing else is mounted just there.
    """
    if not is_official(image) or not engine.data_path.startswith(mounted.rstrip("/") + "/"):
        return False
    major = re.match(r"\d+", tag(image))
    return engine is not Engine.POSTGRESQL or (major is not None and int(major[0]) < _FOLDER_BY_VERSION)


def without_old_shell(image: str) -> bool:
    """Whether an official image has mongosh only: from 6.0 on the shell of before, `mongo`, is not in it (MongoDB's release notes, 6.0)."""
    if not (is_official(image) and of_image(image) is Engine.MONGODB):
        return False
    major = re.match(r"\d+", tag(image))
    return int(major[0]) >= _WITHOUT_OLD_SHELL if major is not None else tag(image) in ("", "latest")
