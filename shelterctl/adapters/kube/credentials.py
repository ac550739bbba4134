"""Secrets that no file holds: made once, kept in the cluster, never shown, never changed.

Passwords are generated here and leave this process only in the body of a request to the API server.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

from shelterctl.adapters.kube import apply, manifest_edits
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.core.stack.generated import GeneratedSecret, needed
from shelterctl.errors import ApiRejected, Refused

ROOT_SECRET = "mongodb-root"  # noqa: S105 - the Secret's name
APP_SECRET = "mongodb-app"  # noqa: S105 - the Secret's name
#: Those of the tool's own manifests.
SHIPPED = (
    GeneratedSecret(ROOT_SECRET, {"username": "root", "password": "{root}"}),
    GeneratedSecret(APP_SECRET, {"username": "shelter-app", "app-password": "{app}"}),
)
COMPONENT, GENERATED = "app.kubernetes.io/component", "generated-secret"
#: 32 random bytes: 256 bits, beyond any guess. In hex digits: no shell, URL or flag reads anything into them.
PASSWORD_BYTES = 32

#: A Secret and the namespace that it is wanted in.
Wanted = tuple[str, GeneratedSecret]


def ensure(
    api: KubeApi, wanted: Sequence[Wanted], *, of_database: Iterable[str], claims: Callable[[str], Sequence[str]], give_up: str
) -> tuple[str, ...]:
    """Creates those that are absent; returns `namespace/name` of those it made. A password that another of them has is taken from there.

    `of_database` are the names of the passwords that open the database, `claims` the claims in a namespace that hold one, `give_up` the
    command that gives its data up. Raises Refused where such a claim is there and its password is not: a new one would not open the old
    data.
    """
    there = {(namespace, secret.name): api.get_or_none(_path(namespace, secret.name)) for namespace, secret in wanted}
    passwords: dict[str, str] = {}
    for namespace, secret in wanted:
        found = there[namespace, secret.name]
        passwords |= secret.recovered(_content(found)) if found is not None else {}
    absent = [(namespace, secret) for namespace, secret in wanted if there[namespace, secret.name] is None]
    for namespace, secret in absent:
        if (secret.passwords & frozenset(of_database)) - passwords.keys():
            _refuse_on_old_data(claims(namespace), secret.name, give_up.format(namespace=namespace))
    for _, secret in absent:
        passwords |= {name: secrets.token_hex(PASSWORD_BYTES) for name in sorted(secret.passwords - passwords.keys())}
    return tuple(f"{namespace}/{secret.name}" for namespace, secret in absent if _make(api, namespace, secret, passwords))


def ensure_shipped(api: KubeApi, documents: Iterable[Json]) -> tuple[str, ...]:
    """The same for the tool's own manifests: the Secrets that their pods mount, in each namespace. Raises Refused."""

    def claims(namespace: str) -> Sequence[str]:
        there = api.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
        return [name for claim in there if holds_database(name := claim["metadata"]["name"])]

    give_up = "shelterctl down --delete-data --namespace {namespace}"
    return ensure(api, _mounted(documents), of_database=needed(SHIPPED), claims=claims, give_up=give_up)


def _mounted(documents: Iterable[Json]) -> list[Wanted]:
    known = {secret.name: secret for secret in SHIPPED}
    found = []
    for document in documents:
        template = (document.get("spec") or {}).get("template") or {}
        for volume in (template.get("spec") or {}).get("volumes") or ():
            names = [(volume.get("secret") or {}).get("secretName")]
            names += [(s.get("secret") or {}).get("name") for s in (volume.get("projected") or {}).get("sources") or ()]
            found += [(document["metadata"]["namespace"], name) for name in names if name in known]
    return [(namespace, known[name]) for namespace, name in dict.fromkeys(found)]


def is_generated(secret: Json) -> bool:
    """Whether shelterctl made it for a stack, by the labels that it gives them."""
    labels = secret["metadata"].get("labels") or {}
    return labels.get(manifest_edits.MANAGED_BY) == manifest_edits.MANAGER and labels.get(COMPONENT) == GENERATED


def holds_database(claim: str) -> bool:
    """Whether a claim's name is one that the shipped database's StatefulSet gave it."""
    return "mongodb" in claim


def _make(api: KubeApi, namespace: str, secret: GeneratedSecret, passwords: Mapping[str, str]) -> bool:
    labels = {manifest_edits.MANAGED_BY: manifest_edits.MANAGER, COMPONENT: GENERATED}
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": secret.name, "namespace": namespace, "labels": labels},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in secret.filled(passwords).items()},
    }  # fmt: skip
    try:
        api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=body)
    except ApiRejected as error:
        # Somebody else made it in this moment: theirs is kept.
        if error.status != 409:
            raise apply.explained(error, body, tuple) from error
        return False
    return True


def _path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def _content(secret: Json) -> dict[str, str]:
    return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in (secret.get("data") or {}).items()}


def _refuse_on_old_data(claims: Sequence[str], name: str, give_up: str) -> None:
    if claims:
        raise Refused(
            f"claim {claims[0]} holds a database, and Secret {name} with its password is gone",
            why="a database takes its passwords on an empty data folder only: a new password would not open the old data",
            next_command=f"restore the Secret, or give the data up: {give_up}",
        )
