"""MySQL and MariaDB, asked by their own client within the database's own pod. The password goes by the client's environment only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shelterctl.adapters.kube.own.mongo import Exec
from shelterctl.errors import ApiRejected

#: The container's own variables, as the official images name them, each also as the file of that name with _FILE.
_SCRIPT = """
secret() { eval "value=\\${$1:-}; file=\\${$1_FILE:-}"; if [ -n "$file" ]; then cat "$file"; else printf %s "$value"; fi; }
user=root
password=$(secret MYSQL_ROOT_PASSWORD)$(secret MARIADB_ROOT_PASSWORD)
if [ -z "$password" ]; then
  password=$(secret MYSQL_PASSWORD)$(secret MARIADB_PASSWORD)
  [ -z "$password" ] || user=$(secret MYSQL_USER)$(secret MARIADB_USER)
fi
client=$(command -v mariadb || command -v mysql) || { echo "neither mariadb nor mysql is in the image" >&2; exit 127; }
MYSQL_PWD=$password exec "$client" --user="$user" --batch --raw --skip-column-names --default-character-set=utf8mb4 --execute="$1"
"""
_TEXT_TYPES = "'char','varchar','tinytext','text','mediumtext','longtext','json'"
_SYSTEM = "'mysql','sys','information_schema','performance_schema'"


class SqlShell:
    """Fulfils `own_database.Shell`. A place is (schema, table, column)."""

    def __init__(self, run: Exec) -> None:
        self._run = run

    def locate(self, mark: str) -> list[tuple[str, str, str]]:
        columns = self._rows(
            f"SELECT table_schema, table_name, column_name FROM information_schema.columns "  # noqa: S608 - constants of this module
            f"WHERE table_schema NOT IN ({_SYSTEM}) AND data_type IN ({_TEXT_TYPES}) ORDER BY 1, 2, ordinal_position"
        )
        if not columns:
            return []
        asked = [
            f"SELECT {_text(schema)}, {_text(table)}, {_text(column)} FROM {_name(schema)}.{_name(table)} "  # noqa: S608 - quoted
            f"WHERE {_name(column)} LIKE {_text(f'%{mark}%')}"
            for schema, table, column in columns
        ]
        return [(schema, table, column) for schema, table, column in self._rows(" UNION ALL ".join(asked))]

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Rows in the order of their key, each with the key as text; one more than `limit` where there are more."""
        schema, table, column = place
        described = self._rows(
            "SELECT column_name, data_type, column_key FROM information_schema.columns "  # noqa: S608 - quoted
            f"WHERE table_schema = {_text(schema)} AND table_name = {_text(table)} ORDER BY ordinal_position"
        )
        shown = [name for name, kind, _ in described if "blob" not in kind and "binary" not in kind]
        keys = [name for name, _, key in described if key == "PRI"] or shown
        fields = ", ".join(f"{_text(name)}, {_name(name)}" for name in shown)
        chosen = f" WHERE {_name(column)} LIKE {_text(f'%{prefix}%')}" if prefix else ""
        order = ", ".join(_name(name) for name in keys)
        rows = self._rows(
            f"SELECT JSON_OBJECT({fields}) FROM {_name(schema)}.{_name(table)}{chosen} ORDER BY {order} LIMIT {limit + 1}"  # noqa: S608
        )
        items = [json.loads(row[0]) for row in rows]
        return [(json.dumps([item.get(name) for name in keys], sort_keys=True), item) for item in items]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return item.get(place[2]), item

    def identity(self) -> tuple[str, float | None, str]:
        ((_, uptime_s),) = self._rows("SHOW GLOBAL STATUS LIKE 'Uptime'")
        ((now_s, version),) = self._rows("SELECT UNIX_TIMESTAMP(NOW(6)), VERSION()")
        server = f"MariaDB {version.partition('-')[0]}" if "MariaDB" in version else f"MySQL {version}"
        return "", float(now_s) - float(uptime_s), server

    def _rows(self, statement: str) -> list[list[str]]:
        code, out, err = self._run(["sh", "-c", _SCRIPT, "sh", statement])
        if code != 0:
            raise ApiRejected("the database could not be read by its client in its own pod", why=err.strip()[-300:] or f"exit code {code}")
        return [line.split("\t") for line in out.split("\n") if line]


def _name(text: str) -> str:
    """An identifier, quoted (MySQL's manual, 11.2)."""
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    """A text, quoted for whatever sql_mode there is: in hexadecimal nothing is special. As a literal it yields to a column's collation."""
    return f"_utf8mb4 X'{text.encode().hex()}'"
