"""An object as it may be shown and kept: no status, no bookkeeping, and no password, wherever its owner wrote it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import Any

from shelterctl.adapters.kube.api import Json

_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
#: What kubectl keeps of an object in itself: all of it, passwords too.
_COPIES = ("kubectl.kubernetes.io/last-applied-configuration",)
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE", re.IGNORECASE)
#: `password=x` in an argument, a properties file or a shell line.
_ASSIGNED = re.compile(r"(?P<before>[\w.-]*(?:pass(?:word|wd)?|pwd|secret|token)[\w.-]*\s*[=:]\s*)(?P<password>[^\s,;\"']+)", re.IGNORECASE)
#: A user and a password before a host.
_LOGIN = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^:/@\s]*:)(?P<password>[^@/\s]+)@", re.IGNORECASE)
#: Kubernetes' own fields whose names sound like it.
_FIELDS = frozenset({"secret", "tokenExpirationSeconds", "automountServiceAccountToken", "imagePullSecrets"})
#: Two hidden values are told apart within one run, and nobody can try passwords on what was kept of it.
_KEY = secrets.token_bytes(16)


def without_secrets(document: Json) -> dict[str, Any]:
    """A copy without what only the cluster writes, each password replaced by a mark that differs where the password does."""
    shown: dict[str, Any] = json.loads(json.dumps(document))
    shown.pop("status", None)
    meta = shown.get("metadata") or {}
    for field in _BOOKKEEPING:
        meta.pop(field, None)
    for name in _COPIES:
        (meta.get("annotations") or {}).pop(name, None)
    if shown.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in shown:
                shown[key] = {name: _mark(str(value)) for name, value in (shown[key] or {}).items()}
        return shown
    found = _cleared(shown)
    assert isinstance(found, dict)
    return found


def _cleared(value: object) -> object:
    if isinstance(value, dict):
        named = isinstance(value.get("name"), str) and isinstance(value.get("value"), str) and _SECRET_NAME.search(value["name"])
        return {
            key: _mark(item)
            if isinstance(item, str) and item and ((named and key == "value") or (key != "name" and _is_secret_entry(key, item)))
            else _cleared(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleared(item) for item in value]
    if isinstance(value, str):
        value = _LOGIN.sub(lambda found: f"{found['before']}{_mark(found['password'])}@", value)
        return _ASSIGNED.sub(lambda found: f"{found['before']}{_mark(found['password'])}", value)
    return value


def _is_secret_entry(key: str, item: str) -> bool:
    """A ConfigMap's `DB_PASSWORD: …` or `password: …`; not `secretName: …` and the like, which only point to a Secret."""
    return bool(_SECRET_NAME.search(key)) and not key.endswith("Name") and key not in _FIELDS and not item.startswith("$(")


def _mark(value: str) -> str:
    return f"(not shown {hmac.new(_KEY, value.encode(), hashlib.sha256).hexdigest()[:4]})"
