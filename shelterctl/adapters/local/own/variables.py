"""The variables of a user's application as they are on this machine: the manifests' values, with the database where it listens here.

Values may be secret: nothing here prints or logs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from shelterctl.core.stack.documents import Document, Manifests, items, section, template_path
from shelterctl.core.stack.model import Workload
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.variables import contents, expanded

#: Filled in by the supervisor, which alone knows them.
DATABASE_PORT, POD_NAME = "{database_port}", "{pod_name}"
HERE = "127.0.0.1"
_URI = re.compile(r"(?P<scheme>mongodb(?:\+srv)?)://(?:(?P<login>[^@/\s]*)@)?(?P<hosts>[^/?\s]+)(?P<path>/[^?\s]*)?(?:\?(?P<query>\S*))?")
_HOST = re.compile(r"(?P<name>[a-z0-9]([-a-z0-9.]*[a-z0-9])?)(?P<port>:\d{1,5})?", re.IGNORECASE)
_ADDRESS = re.compile(r"HOST|SERVER|ADDR|SERVICE|UR[LI]$", re.IGNORECASE)
_USER, _PASSWORD = re.compile(r"USER", re.IGNORECASE), re.compile(r"PASS|PWD", re.IGNORECASE)
#: What a single server without TLS does not know.
_NOT_HERE = re.compile(r"replicaSet|tls.*|ssl.*|directConnection|loadBalanced|srv.*", re.IGNORECASE)


@dataclass(frozen=True)
class Variables:
    """`fixed` are as they are; `late` hold what the supervisor fills in. `port_wanted` is where the sources look for the database by
    themselves; None where a variable says it."""

    fixed: Mapping[str, str] = field(repr=False, default_factory=dict)
    late: Mapping[str, str] = field(repr=False, default_factory=dict)
    leads: bool = False
    port_wanted: int | None = None


def of_application(stack: Stack) -> Variables:
    """The variables of the application's container."""
    app = stack.roles.app
    assert app is not None
    values = of_workload(stack.manifests, app, 0)
    # What the sources take where nothing is set, a cluster's names among it, would lead nowhere here.
    defaults = {read.name: read.default for read in stack.sources.reads if read.name not in values and read.default}
    names = frozenset(service.name for service in stack.services_of(stack.roles.database))
    ports = {str(port) for service in stack.services_of(stack.roles.database) for port, _, _ in service.ports}
    late = {name: value for name, value in values.items() if POD_NAME in value}
    found = {
        name: there for name, value in {**defaults, **values}.items() if (there := _led(name, value, names)) is not None and there != value
    }
    leads, with_port = bool(found), any(DATABASE_PORT in value for value in found.values())
    if leads and not with_port:
        given = {**defaults, **values}
        port_names = [name for name, value in given.items() if value in ports and "PORT" in name.upper()]
        found |= dict.fromkeys(port_names, DATABASE_PORT)
        with_port = bool(port_names)
    late |= found
    wanted = int(min(ports)) if leads and not with_port and ports else None
    return Variables({name: value for name, value in values.items() if name not in late}, late, leads, wanted)


def logins(stack: Stack) -> list[tuple[str, str]]:
    """The users and passwords that the stack's manifests speak of: the database here takes each of them, and no other."""
    found: dict[tuple[str, str], None] = {}
    for workload in (stack.roles.app, stack.roles.database):
        if workload is None:
            continue
        for index in range(len(workload.containers)):
            values = of_workload(stack.manifests, workload, index)
            for value in values.values():
                login = (_URI.search(value) or {"login": None})["login"]
                if login:
                    user, _, password = login.partition(":")
                    found[unquote(user), unquote(password)] = None
            users = [value for name, value in values.items() if _USER.search(name) and not _PASSWORD.search(name)]
            passwords = [value for name, value in values.items() if _PASSWORD.search(name)]
            found |= {(user, password): None for user in users for password in passwords}
    return list(found)


def of_workload(manifests: Manifests, workload: Workload, index: int) -> dict[str, str]:
    """The values that a container's environment holds on a cluster (Container.env, core/v1)."""
    document = manifests.find(workload.kind, workload.name, workload.namespace)
    if document is None:
        return {}
    pod = section(document.body, *[str(part) for part in template_path(document.kind)])
    container = list(items(pod, "containers"))[index]
    found: dict[str, str] = {}
    for name, value in (*_all_of(manifests, document, items(container, "envFrom")), *_each(manifests, document, items(container, "env"))):
        found[name] = expanded(value, found)
    return found


def _all_of(manifests: Manifests, document: Document, entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for kind, key in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            name = str(section(entry, key).get("name") or "")
            for item, value, _ in contents(manifests, kind, name, document.namespace) if name else ():
                yield f"{entry.get('prefix') or ''}{item}", value


def _each(manifests: Manifests, document: Document, entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        name, source = str(entry.get("name") or ""), section(entry, "valueFrom")
        if not source:
            yield name, "" if entry.get("value") is None else str(entry["value"])
            continue
        for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            chosen = section(source, key)
            for item, value, _ in contents(manifests, kind, str(chosen.get("name") or ""), document.namespace) if chosen else ():
                if item == str(chosen.get("key") or ""):
                    yield name, value
        told = str(section(source, "fieldRef").get("fieldPath") or "")
        facts = {
            "metadata.name": POD_NAME,
            "status.podIP": HERE,
            "status.hostIP": HERE,
            "metadata.namespace": document.namespace or "default",
        }
        if told in facts:
            yield name, facts[told]


def _led(variable: str, value: str, names: frozenset[str]) -> str | None:
    """The value with the database's address here in the place of its Service; None where it names no such Service."""
    uri = _URI.search(value)
    if uri is not None:
        if not any(_is_one_of(host, names) for host in uri["hosts"].split(",")):
            return None
        query = [(key, said) for key, said in parse_qsl(uri["query"] or "", keep_blank_values=True) if not _NOT_HERE.fullmatch(key)]
        login = f"{uri['login']}@" if uri["login"] is not None else ""
        path = uri["path"] or ("/" if query else "")
        here = f"mongodb://{login}{HERE}:{DATABASE_PORT}{path}{f'?{urlencode(query)}' if query else ''}"
        return value[: uri.start()] + here + value[uri.end() :]
    host = _HOST.fullmatch(value)
    if host is None or not _is_one_of(value, names):
        return None
    if not (host["port"] or "." in value or _ADDRESS.search(variable)):
        # A database or a user may be called as the Service is.
        return None
    return f"{HERE}:{DATABASE_PORT}" if host["port"] else HERE


def _is_one_of(host: str, names: frozenset[str]) -> bool:
    """`mongo`, `mongo.default.svc`, and a pod's own name behind a headless Service, `mongo-0.mongo`."""
    labels = host.partition(":")[0].split(".")
    return labels[0] in names or (len(labels) > 1 and labels[1] in names)
