"""The variables of a container: where each value comes from, which hosts it names, and what may be shown of it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from shelterctl.core.stack.documents import Document, Manifests, Origin, Path, items, section
from shelterctl.core.stack.model import Reference, Variable

HIDDEN = "***"
_SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE", re.IGNORECASE)
_URI = re.compile(
    r"(?P<scheme>mongodb(?:\+srv)?|mysql(?:\+\w+)?|mariadb(?:\+\w+)?|postgres(?:ql)?(?:\+\w+)?)://"
    r"(?:(?P<user>[^:@/\s]+)(?::(?P<password>[^@/\s]*))?@)?(?P<hosts>[^/?\s]+)(?:/(?P<database>[^?\s]*))?(?:\?(?P<query>\S*))?"
)
#: libpq's other form: `host=db dbname=notes password='a b'` (its manual, 32.1.1.1).
_PAIRS = re.compile(r"\b(?P<key>[a-z_]+)\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|\S+)")
_HOST_NAME = re.compile(r"HOST|SERVER|ADDR|_URL$|_URI$", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(?::\d{1,5})?", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def read(manifests: Manifests, document: Document, path: Path, container: Mapping[str, Any]) -> tuple[list[Variable], list[Reference]]:
    """The variables of one container at `path` of its document, and the objects that it takes them from."""
    namespace = document.namespace
    found: list[Variable] = []
    values: dict[str, str] = {}
    references: list[Reference] = []
    for index, entry in enumerate(items(container, "envFrom")):
        for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            name = str(section(entry, field).get("name") or "")
            if not name:
                continue
            origin = document.at(*path, "envFrom", index)
            references.append(Reference(kind, name, "", origin, bool(section(entry, field).get("optional"))))
            for key, value, where in contents(manifests, kind, name, namespace):
                full = f"{entry.get('prefix') or ''}{key}"
                values[full] = value
                found.append(variable(full, value, f"{kind.lower()}/{name}/{key}", where))
    for index, entry in enumerate(items(container, "env")):
        name = str(entry.get("name") or "")
        origin = document.at(*path, "env", index)
        reference = _reference(entry, origin)
        if reference is None:
            raw = entry.get("value")
            value = expanded("" if raw is None else str(raw), values)
            values[name] = value
            found.append(_literal(variable(name, value, "", origin), "" if raw is None else str(raw)))
            continue
        references.append(reference)
        told = next((c for c in contents(manifests, reference.kind, reference.name, namespace) if c[0] == reference.key), None)
        values[name] = told[1] if told else ""
        found.append(variable(name, values[name], f"{reference.kind.lower()}/{reference.name}/{reference.key}", origin))
    return found, references


def variable(name: str, value: str, source: str, origin: Origin) -> Variable:
    """What is known of a value, and what of it may be shown."""
    uri = _URI.search(value)
    pairs = {found["key"]: found for found in _PAIRS.finditer(value)}
    if uri is None and pairs.keys() & {"host", "hostaddr"} and pairs.keys() & {"dbname", "user", "password"}:
        return _of_pairs(name, value, source, origin, pairs)
    if uri is None:
        # NAME_FILE names the file that has the secret (the convention of Docker's official images).
        told_by_file = name.upper().endswith("_FILE") and value.startswith("/")
        named_secret = bool(_SECRET_NAME.search(name)) and not told_by_file
        secret = source.startswith("secret/") or named_secret
        hosts = (value,) if _HOST_NAME.search(name) and _HOST.fullmatch(value) and not value.isdigit() else ()
        clear = named_secret and not source and bool(value)
        return Variable(name, source, HIDDEN if secret and value else value, origin, hosts, password_in_clear=clear)
    shown = value
    if uri["password"]:
        shown = value.replace(f":{uri['password']}@", f":{HIDDEN}@")
    return Variable(
        name, source, shown, origin, tuple(uri["hosts"].split(",")), bool(uri["user"]), uri["database"] or "",
        dict(parse_qsl(uri["query"] or "", keep_blank_values=True)), bool(uri["password"]) and not source.startswith("secret/"),
    )  # fmt: skip


def _of_pairs(name: str, value: str, source: str, origin: Origin, pairs: Mapping[str, re.Match[str]]) -> Variable:
    """A connection as libpq's pairs of keywords and values."""
    told = {key: found["value"].strip("'") for key, found in pairs.items()}
    password = pairs.get("password")
    shown = value if password is None else value[: password.start("value")] + HIDDEN + value[password.end("value") :]
    hosts = (told.get("host") or told["hostaddr"]).split(",")
    query = {key: text for key, text in told.items() if key not in ("host", "hostaddr", "port", "user", "password", "dbname")}
    clear = password is not None and not source.startswith("secret/") and not _REFERENCE.fullmatch(told["password"])
    where = tuple(host for host in hosts if not host.startswith("/"))
    return Variable(name, source, shown, origin, where, "user" in told, told.get("dbname", ""), query, clear)


def _literal(found: Variable, raw: str) -> Variable:
    """A password that `$(NAME)` brings in is not in the manifest's own text."""
    password = (_URI.search(raw) or {"password": raw})["password"]
    return replace(found, password_in_clear=False) if found.password_in_clear and _REFERENCE.fullmatch(password or "") else found


def contents(manifests: Manifests, kind: str, name: str, namespace: str) -> Iterator[tuple[str, str, Origin]]:
    """Key, value and origin of what a Secret or ConfigMap of the manifests holds."""
    document = manifests.find(kind, name, namespace)
    if document is None:
        return
    for key, value in section(document.body, "stringData").items():
        yield str(key), str(value), document.at("stringData", key)
    for key, value in section(document.body, "data").items():
        text = str(value if value is not None else "")
        if kind == "Secret":
            try:
                text = base64.b64decode(text, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                text = ""
        yield str(key), text.rstrip("\n"), document.at("data", key)


def _reference(entry: Mapping[str, Any], origin: Origin) -> Reference | None:
    source = section(entry, "valueFrom")
    for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        chosen = section(source, field)
        if chosen:
            return Reference(kind, str(chosen.get("name") or ""), str(chosen.get("key") or ""), origin, bool(chosen.get("optional")))
    return None


def expanded(value: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` as the kubelet puts earlier variables in (Container.env, core/v1)."""
    return _REFERENCE.sub(lambda found: known.get(found.group(1), found.group(0)), value)
