"""The passwords of a user's stack that its file has generated: kept beside the stack's data, for as long."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from shelterctl.adapters.local.home import Home, write_json
from shelterctl.errors import StateFolderError

FILE = "generated.json"
PASSWORD_BYTES = 32


class GeneratedPasswords:
    """Made when they are first asked for, and written by `keep`: to look at a stack leaves nothing on the disk."""

    def __init__(self, home: Home) -> None:
        self._path = home.secrets / FILE
        self._passwords: dict[str, str] | None = None

    def of(self, names: frozenset[str]) -> Mapping[str, str]:
        """The passwords of these names, the same ones every time."""
        if self._passwords is None:
            self._passwords = self._kept()
        self._passwords |= {name: secrets.token_hex(PASSWORD_BYTES) for name in sorted(names - self._passwords.keys())}
        return {name: self._passwords[name] for name in names}

    def keep(self) -> None:
        """Writes them into the stack's folder, which is its user's alone."""
        if self._passwords:
            write_json(self._path, self._passwords)

    def _kept(self) -> dict[str, str]:
        try:
            return {str(name): str(value) for name, value in json.loads(self._path.read_text(encoding="utf-8")).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            # New ones would not open the old data.
            raise StateFolderError(f"{self._path}, which has the stack's passwords, cannot be read", why=str(error)) from error
