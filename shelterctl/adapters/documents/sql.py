"""MySQL and MariaDB, asked by their own client within the database's own pod. The password goes by the client's environment only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shelterctl.adapters.documents.client import Client
from shelterctl.adapters.documents.tokens import Place, is_at
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary

#: The container's own variables, as the official images and Bitnami's name them. MariaDB's image takes its own names first. With
#: SHELTERCTL_SQL_PORT a server of this machine is asked, and no settings of its user's are read.
_SCRIPT = """
if [ -z "$given" ]; then
  user=$(first MARIADB_ROOT_USER MYSQL_ROOT_USER)
  user=${user:-root}
  password=$(first MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD)
  if [ -z "$password" ]; then
    password=$(first MARIADB_PASSWORD MYSQL_PASSWORD)
    [ -z "$password" ] || user=$(first MARIADB_USER MYSQL_USER)
  fi
fi
client=$(command -v mariadb || command -v mysql) || { echo "neither mariadb nor mysql is in the image" >&2; exit 127; }
export MYSQL_PWD="$password"
set -- "$1" ${SHELTERCTL_SQL_PORT:+--no-defaults --protocol=TCP --host=127.0.0.1 --port="$SHELTERCTL_SQL_PORT"}
statement=$1; shift
exec "$client" "$@" --user="$user" --batch --raw --skip-column-names --default-character-set=utf8mb4 --execute="$statement" </dev/null
"""
_TEXT_TYPES = "'char','varchar','tinytext','text','mediumtext','longtext','json'"
_SYSTEM = "'mysql','sys','information_schema','performance_schema'"
#: An argument may have 128 KiB (MAX_ARG_STRLEN); many tables are asked in parts. Of more rows no checksum is made: they are counted.
_AT_ONCE, _CHECKSUM_ROWS = 100, 5_000_000


class SqlShell:
    """Fulfils `documents.tokens.Shell`. A place is (schema, table, column)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def locate(self, mark: str, wanted: str = "") -> list[Place]:
        columns = self._rows(
            f"SELECT table_schema, table_name, column_name FROM information_schema.columns "  # noqa: S608 - constants of this module
            f"WHERE table_schema NOT IN ({_SYSTEM}) AND data_type IN ({_TEXT_TYPES}) ORDER BY 1, 2, ordinal_position"
        )
        columns = [column for column in columns if is_at(column, wanted)]
        if not columns:
            return []
        asked = [
            f"SELECT {_text(schema)}, {_text(table)}, {_text(column)} FROM {_name(schema)}.{_name(table)} "  # noqa: S608 - quoted
            f"WHERE {_holds(column, mark)}"
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
        chosen = f" WHERE {_holds(column, prefix)}" if prefix else ""
        order = ", ".join(_name(name) for name in keys)
        rows = self._rows(
            f"SELECT JSON_OBJECT({fields}) FROM {_name(schema)}.{_name(table)}{chosen} ORDER BY {order} LIMIT {limit + 1}"  # noqa: S608
        )
        items = [json.loads(row[0]) for row in rows]
        return [(json.dumps([item.get(name) for name in keys], sort_keys=True), item) for item in items]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return row_field(item, place[-1])

    def summary(self) -> DatabaseSummary:
        """COUNT, and CHECKSUM TABLE, which adds up the rows in whatever order (MySQL's manual, 15.7.3.3)."""
        listed = self._rows(
            "SELECT t.table_schema, t.table_name, coalesce(t.engine, ''), EXISTS (SELECT 1 FROM information_schema.events e "  # noqa: S608 - constants
            "WHERE e.event_schema = t.table_schema AND e.status = 'ENABLED') AND @@event_scheduler = 'ON' FROM information_schema.tables t "
            f"WHERE t.table_schema NOT IN ({_SYSTEM}) AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2"
        )
        found: list[TableSummary] = []
        for start in range(0, len(listed), _AT_ONCE):
            part = listed[start : start + _AT_ONCE]
            counting = [f"SELECT {i}, COUNT(*) FROM {_name(table[0])}.{_name(table[1])}" for i, table in enumerate(part)]  # noqa: S608 - quoted
            counts = {int(number): int(count) for number, count in self._rows(" UNION ALL ".join(counting))}
            few = [i for i in range(len(part)) if counts[i] <= _CHECKSUM_ROWS]
            tables = ", ".join(f"{_name(part[i][0])}.{_name(part[i][1])}" for i in few)
            # In the order in which they are named.
            sums = dict(zip(few, [row[-1] for row in self._rows(f"CHECKSUM TABLE {tables} EXTENDED")], strict=True)) if few else {}
            for i, (schema, name, engine, scheduled) in enumerate(part):
                checksum = sums.get(i, "NULL")
                found.append(
                    TableSummary(
                        f"{schema}.{name}",
                        counts[i],
                        "" if checksum == "NULL" else checksum,
                        "a scheduled event" if scheduled == "1" else "",
                        f"engine {engine}" if engine.upper() in ("MEMORY", "BLACKHOLE") else "",
                    )
                )
        return DatabaseSummary(tuple(found))

    def identity(self) -> tuple[str, float | None, str]:
        ((_, uptime_s),) = self._rows("SHOW GLOBAL STATUS LIKE 'Uptime'")
        ((now_s, version),) = self._rows("SELECT UNIX_TIMESTAMP(NOW(6)), VERSION()")
        server = f"MariaDB {version.partition('-')[0]}" if "MariaDB" in version else f"MySQL {version}"
        return "", float(now_s) - float(uptime_s), server

    def _rows(self, statement: str) -> list[list[str]]:
        code, out, err = self._client.script(_SCRIPT, statement)
        if code != 0:
            raise self._client.failed("its client", err.strip() or f"exit code {code}")
        return [line.split("\t") for line in out.split("\n") if line]


def row_field(item: Mapping[str, Any], column: str) -> tuple[object, Mapping[str, Any]]:
    """The text of a row's column, and the fields around it: the row's own, and those of an object in the column."""
    value = item.get(column)
    if isinstance(value, Mapping):
        return json.dumps(value), {**item, **value}
    return (json.dumps(value), item) if isinstance(value, list) else (value, item)


def _holds(column: str, text: str) -> str:
    """Letter by letter: most collations take capitals and small letters for the same, and a token in capitals is another one. The column
    becomes utf8mb4 first, as a collation belongs to one character set, and bytes of two sets cannot be compared."""
    return f"CONVERT({_name(column)} USING utf8mb4) COLLATE utf8mb4_bin LIKE {_text(f'%{text}%')}"


def _name(text: str) -> str:
    """An identifier, quoted (MySQL's manual, 11.2)."""
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    """A text, quoted for whatever sql_mode there is: in hexadecimal nothing is special. As a literal it yields to a column's collation."""
    return f"_utf8mb4 X'{text.encode().hex()}'"
