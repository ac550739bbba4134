"""Where the database in a running container keeps its data, as far as its object says it."""

from __future__ import annotations

import re

from shelterctl.adapters.kube.api import Json

#: From this version on the official image of PostgreSQL has a folder for each version (docker-library/postgres, 1259).
_POSTGRES_FOLDER_BY_VERSION = 18


def of(container: Json) -> str:
    """Where a database keeps its data: what its arguments or PGDATA say, or the image's own folder. Empty where a file says it."""
    words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "--dbpath":
            return following
        if word.startswith("--dbpath="):
            return word.partition("=")[2]
    image = str(container.get("image", ""))
    if "postgres" in image:
        return _postgres(container, words, image)
    for engine, path in (("mysql", "/var/lib/mysql"), ("mariadb", "/var/lib/mysql")):
        if engine in image and "bitnami" not in image:
            named = next((word.partition("=")[2] for word in words if word.startswith("--datadir=")), "")
            return named or path
    if "mongo" not in image or any(word in ("-f", "--config") or word.startswith("--config=") for word in words):
        return ""
    return "/bitnami/mongodb" if "bitnami" in image else "/data/db"


def _postgres(container: Json, words: list[str], image: str) -> str:
    joined = " ".join(words)
    if found := re.search(r"(?:(?:^| )-D |data_directory=)(/\S+)", joined):
        return found[1]
    if "config_file" in joined:
        return ""
    told = next((variable for variable in container.get("env") or () if variable.get("name") == "PGDATA"), None)
    if told is not None:
        return str(told.get("value") or "").rstrip("/")
    if "bitnami" in image:
        return "/bitnami/postgresql/data"
    major = re.search(r"(?:^|/)postgres:(\d+)", image)
    by_version = major is not None and int(major[1]) >= _POSTGRES_FOLDER_BY_VERSION
    return f"/var/lib/postgresql/{major[1]}/docker" if major is not None and by_version else "/var/lib/postgresql/data"
