"""The database's passwords: made once, kept in Secrets of the cluster, never shown, never changed.

They are generated here and leave this process only in the body of a request to the API server.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable

from shelterctl.adapters.kube import apply, manifest_edits
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.errors import ApiRejected, Refused

ROOT_SECRET = "mongodb-root"  # noqa: S105 - the Secret's name
APP_SECRET = "mongodb-app"  # noqa: S105 - the Secret's name
ROOT_USER = "root"
APP_USER = "shelter-app"
#: 32 random bytes: 256 bits, beyond any guess. In hex digits: no shell, URL or flag reads anything into them.
PASSWORD_BYTES = 32


def ensure(api: KubeApi, documents: Iterable[Json]) -> tuple[str, ...]:
    """Creates the Secrets that the documents mount and that are absent; returns `namespace/name` of those it made.

    Raises Refused where a database's claim is there and its root password is not: a new password would not open the old data.
    """
    wanted = _wanted(documents)
    there = {key: api.get_or_none(f"/api/v1/namespaces/{key[0]}/secrets/{key[1]}") for key in wanted}
    app_password = next((_value(secret, "app-password") for (_, name), secret in there.items() if secret and name == APP_SECRET), None)
    absent = [key for key, secret in there.items() if secret is None]
    for namespace, name in absent:
        if name == ROOT_SECRET or app_password is None:
            _refuse_on_old_data(api, namespace, name)
    made = []
    app_password = app_password or secrets.token_hex(PASSWORD_BYTES)
    for namespace, name in absent:
        content = (
            {"username": ROOT_USER, "password": secrets.token_hex(PASSWORD_BYTES)}
            if name == ROOT_SECRET
            else {"username": APP_USER, "app-password": app_password}
        )
        body = {
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace, "labels": {manifest_edits.MANAGED_BY: manifest_edits.MANAGER}},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in content.items()},
        }  # fmt: skip
        try:
            api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=body)
        except ApiRejected as error:
            # Somebody else made it in this moment: theirs is kept.
            if error.status != 409:
                raise apply.explained(error, body) from error
        else:
            made.append(f"{namespace}/{name}")
    return tuple(made)


def _wanted(documents: Iterable[Json]) -> list[tuple[str, str]]:
    found = []
    for document in documents:
        template = (document.get("spec") or {}).get("template") or {}
        for volume in (template.get("spec") or {}).get("volumes") or ():
            names = [(volume.get("secret") or {}).get("secretName")]
            names += [(s.get("secret") or {}).get("name") for s in (volume.get("projected") or {}).get("sources") or ()]
            found += [(document["metadata"]["namespace"], name) for name in names if name in (ROOT_SECRET, APP_SECRET)]
    return list(dict.fromkeys(found))


def _value(secret: Json, key: str) -> str | None:
    encoded = (secret.get("data") or {}).get(key)
    return base64.b64decode(encoded).decode() if encoded else None


def holds_database(claim: str) -> bool:
    """Whether a claim's name is one that the database's StatefulSet gave it."""
    return "mongodb" in claim


def _refuse_on_old_data(api: KubeApi, namespace: str, name: str) -> None:
    claims = api.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
    held = [c["metadata"]["name"] for c in claims if holds_database(c["metadata"]["name"])]
    if held:
        raise Refused(
            f"claim {held[0]} holds a database, and Secret {name} with its password is gone",
            why="MongoDB sets its passwords on an empty data folder only: a new password would not open the old data",
            next_command=f"restore the Secret, or give the data up: shelterctl down --delete-data --namespace {namespace}",
        )
