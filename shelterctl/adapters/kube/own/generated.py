"""The Secrets of a user's stack that no file holds: made by `up` where they are not there, kept by `down` as long as the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shelterctl.adapters.kube import apply, credentials
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.core.stack.stack import Stack


def ensure(api: KubeApi, stack: Stack, claims: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """`claims` gives those in a namespace that hold the stack's database. Raises Refused, see `credentials.ensure`."""
    database = stack.roles.database
    taken = {reference.name for reference in database.needs} if database is not None else set()
    of_database = {name for secret in stack.generated if secret.name in taken for name in secret.passwords}
    give_up = "shelterctl down --delete-data"
    return credentials.ensure(api, stack.wanted_secrets, of_database=of_database, claims=claims, give_up=give_up)


def made(api: KubeApi, stack: Stack) -> Iterator[Json]:
    """Those that `up` made, as they are in the cluster."""
    for namespace, secret in stack.wanted_secrets:
        found = api.get_or_none(api.object_path("v1", "Secret", namespace, secret.name))
        if found is not None and credentials.is_generated(found):
            yield {**found, "apiVersion": "v1", "kind": "Secret"}


def remove(api: KubeApi, stack: Stack, *, delete_data: bool) -> tuple[list[str], list[str]]:
    """They open the data, and go with it only. Returns what was removed and what was kept."""
    removed: list[str] = []
    kept: list[str] = []
    for secret in made(api, stack):
        if delete_data:
            apply.delete(api, secret)
        (removed if delete_data else kept).append(apply.label(secret))
    return removed, kept
