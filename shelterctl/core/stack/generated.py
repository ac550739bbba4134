"""Secrets that no file holds: `up` makes each where it is not there yet, with passwords that it generates.

A key's template is a text in which `{name}` stands for a password. The same name is the same password, in whichever Secrets it stands:
the database's own and the application's URI agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shelterctl.core.stack.documents import Document

_NAME = re.compile(r"\{([a-z][a-z0-9-]*)\}")
#: What shelterctl generates: hex digits, in which no shell, URL or flag reads anything.
PASSWORD = "[0-9a-f]{16,}"  # noqa: S105 - a pattern


@dataclass(frozen=True, slots=True)
class GeneratedSecret:
    """`namespace` is empty where it is wanted in each namespace whose pods take it. `keys` are templates."""

    name: str
    keys: Mapping[str, str]
    namespace: str = ""

    @property
    def passwords(self) -> frozenset[str]:
        """The names of the passwords in it."""
        return frozenset(name for template in self.keys.values() for name in _NAME.findall(template))

    def filled(self, passwords: Mapping[str, str]) -> dict[str, str]:
        """Its content. Raises KeyError for a password that is not given."""
        return {key: _NAME.sub(lambda found: passwords[found[1]], template) for key, template in self.keys.items()}

    def recovered(self, content: Mapping[str, str]) -> dict[str, str]:
        """The passwords that its content shows, which may have been made by hand; those that cannot be told are left out."""
        found: dict[str, str] = {}
        for key, template in self.keys.items():
            names = _NAME.findall(template)
            # Alone in a key it may be anything; between other text only what is generated is told from that text.
            inside = ".+" if template == f"{{{''.join(names)}}}" else PASSWORD
            parts = [re.escape(part) if index % 2 == 0 else f"({inside})" for index, part in enumerate(_NAME.split(template))]
            match = re.fullmatch("".join(parts), content.get(key, ""), re.DOTALL)
            if match is not None:
                found |= dict(zip(names, match.groups(), strict=True))
        return found

    def document(self, file: str, content: Mapping[str, str] | None = None) -> Document:
        """It as a manifest would hold it; without `content` its values are empty."""
        metadata = {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        values = dict.fromkeys(self.keys, "") if content is None else dict(content)
        return Document({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}, file)


def misread(template: str) -> str:
    """The brace that belongs to no `{name}`, with what follows it; empty where a template can be read."""
    rest = _NAME.sub("", template)
    at = re.search(r"[{}]", rest)
    return rest[at.start() :][:20] if at is not None else ""


def needed(secrets: Iterable[GeneratedSecret]) -> frozenset[str]:
    """The names of all passwords."""
    return frozenset(name for secret in secrets for name in secret.passwords)
