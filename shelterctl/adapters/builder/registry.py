"""Pushes images to a registry, and makes the Secret with which a cluster pulls them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator
from typing import Any

from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.errors import ImageLoadFailed, UsageError

#: By this `down` finds what no manifest has.
PULL_LABELS = {"app.kubernetes.io/managed-by": "shelterctl", "app.kubernetes.io/component": "pull-secret"}


class RegistryPublisher:
    """Fulfils `ports.build.Publisher`. `where` is HOST/PATH; `pushed` says which images go there."""

    def __init__(self, engine: DockerEngine, where: str, pushed: Callable[[str], bool], pull_secret: str) -> None:
        self._engine = engine
        self.where = where.strip("/")
        self._pushed = pushed
        self.pull_secret = pull_secret

    def pushes(self, reference: str) -> bool:
        return self._pushed(reference)

    def push(self, reference: str) -> Generator[str, None, str]:
        name = reference.rpartition("/")[2]
        target, _, tag = name.partition(":")
        digest = yield from self._engine.push(reference, f"{self.where}/{target}", tag or "latest")
        if not digest:
            raise ImageLoadFailed(
                f"{self.where} took {reference} and did not say under which digest",
                why="without it nothing shows that what runs is what was pushed",
                next_command=f"docker push {self.where}/{name}",
            )
        return f"{self.where}/{target}@{digest}"

    def secret(self, namespace: str) -> dict[str, Any]:
        """A pull Secret out of what `docker login` keeps for the registry's host. Raises UsageError where it keeps nothing."""
        from docker import auth

        host = self.where.partition("/")[0]
        found = auth.resolve_authconfig(auth.load_config(), registry=host) or {}
        user, password = found.get("username") or found.get("Username"), found.get("password") or found.get("Password")
        if not user or not password:
            raise UsageError(f"Docker has no user for {host} to make the Secret {self.pull_secret} of", next_command=f"docker login {host}")
        entry = {"username": user, "password": password, "auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
        content = base64.b64encode(json.dumps({"auths": {host: entry}}).encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": self.pull_secret, "namespace": namespace, "labels": PULL_LABELS},
            "data": {".dockerconfigjson": content},
        }
