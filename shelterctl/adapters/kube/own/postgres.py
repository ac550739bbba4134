"""PostgreSQL, asked by psql within the database's own pod. The password goes by psql's environment only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shelterctl.adapters.documents.client import Client
from shelterctl.adapters.documents.sql import row_field
from shelterctl.adapters.documents.tokens import Place, is_at
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary
from shelterctl.errors import ApiRejected

#: The variables of the official image, of Bitnami's and of Red Hat's. The socket first, which the official image trusts; then TCP, which
#: asks for the password. Exit code 2 is psql's for a connection that failed: only then another way is tried.
_SCRIPT = r"""
if [ -z "$given" ]; then
  password=$(first POSTGRESQL_POSTGRES_PASSWORD POSTGRES_POSTGRES_PASSWORD POSTGRESQL_ADMIN_PASSWORD)
  if [ -n "$password" ]; then user=postgres; else
    user=$(first POSTGRES_USER POSTGRESQL_USERNAME POSTGRESQL_USER)
    password=$(first POSTGRES_PASSWORD POSTGRESQL_PASSWORD)
  fi
fi
client=$(command -v psql) || { echo "psql is not in the image" >&2; exit 127; }
own=$(first POSTGRES_DB POSTGRES_DATABASE POSTGRESQL_DATABASE)
port=${PGPORT:-$(first POSTGRESQL_PORT_NUMBER)}
unset PGHOST PGHOSTADDR PGSERVICE PGPASSFILE PGSSLMODE PGTARGETSESSIONATTRS
export PGUSER="${user:-postgres}" PGPASSWORD="$password" PGPORT="${port:-5432}" PGCONNECT_TIMEOUT=8 PGCLIENTENCODING=UTF8
export PGAPPNAME=shelterctl PGOPTIONS="-c default_transaction_read_only=on -c row_security=off -c statement_timeout=50s"
statement=$2
if [ -n "$1" ]; then set -- "$1"; else set -- "$own" "$PGUSER" postgres; fi
code=2
for host in "" 127.0.0.1; do
  for base in "$@"; do
    [ -n "$base" ] || continue
    PGHOST=$host PGDATABASE=$base "$client" -X -w -q -A -t -v ON_ERROR_STOP=1 -c "$statement" </dev/null
    code=$?
    [ $code -eq 2 ] || exit $code
  done
done
exit $code
"""
#: An argument may have 128 KiB (MAX_ARG_STRLEN); a statement with many columns is asked in parts.
_LONGEST_STATEMENT = 60_000
_DATABASES = """
SELECT to_json(datname::text) FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT') ORDER BY datname <> current_database(), datname
"""
#: Columns of texts, of JSON, of domains over them and of lists of texts. Rows of a partition are read with its parent's.
_COLUMNS = """
SELECT json_build_array(n.nspname, c.relname, a.attname)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid)
  AND n.nspname <> 'information_schema' AND left(n.nspname::text, 3) <> 'pg_'
  AND (t.typcategory = 'S' OR e.typcategory = 'S' OR coalesce(b.typname, t.typname) IN ('json', 'jsonb'))
  AND t.typname NOT IN ('name', '_name', 'char', '_char')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum
"""
_ROW_COLUMNS = """
SELECT json_build_array(a.attname, a.attnum = ANY(coalesce(i.indkey::int2[], '{{}}')))
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname = {schema} AND c.relname = {table} AND a.attnum > 0 AND NOT a.attisdropped AND t.typname <> 'bytea'
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
"""
#: Tables with what they hold themselves; a partition's rows are its parent's.
_TABLES = """
SELECT json_build_array(n.nspname, c.relname, c.relpersistence = 'u' OR EXISTS (
    SELECT 1 FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid WHERE i.inhparent = c.oid AND p.relpersistence = 'u'),
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid AND p.relkind = 'p')
  AND n.nspname <> 'information_schema' AND left(n.nspname::text, 3) <> 'pg_'
ORDER BY n.nspname, c.relname
"""
#: Of more rows no checksum is made: they are counted.
_CHECKSUM_ROWS = 5_000_000
#: A session, a role or a database may have its own synchronous_commit.
_IDENTITY = """
SELECT json_build_array(extract(epoch FROM pg_postmaster_start_time()), current_setting('server_version'),
  current_setting('synchronous_commit') = 'off' OR EXISTS (
    SELECT 1 FROM pg_db_role_setting, unnest(setconfig) AS said WHERE said ~ '^synchronous_commit=(off|false|no|0)$'))
"""


class PostgresShell:
    """Fulfils `documents.tokens.Shell`. A place is (database, schema, table, column)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def locate(self, mark: str, wanted: str = "") -> list[Place]:
        """In all databases that the user may connect to. One that cannot be read counts where the text was found in no other."""
        found: list[Place] = []
        failed: list[ApiRejected] = []
        for base in self._rows("", _DATABASES):
            try:
                columns = [(str(base), *map(str, column)) for column in self._rows(str(base), _COLUMNS)]
                for statement in _searches([place for place in columns if is_at(place, wanted)], mark):
                    found += [(str(base), *map(str, row)) for row in self._rows(str(base), statement)]
            except ApiRejected as error:
                failed.append(error)
        if failed and not found:
            raise failed[0]
        return found

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Rows in the order of their key, each with the key as text; one more than `limit` where there are more."""
        base, schema, table, column = place
        described = self._rows(base, _ROW_COLUMNS.format(schema=_text(schema), table=_text(table)))
        names = [str(name) for name, _ in described]
        keys = [str(name) for name, is_key in described if is_key]
        chosen = f" WHERE {_holds(column, prefix)}" if prefix else ""
        # A row without a key is put in its place by all that it holds.
        order = ", ".join(f"r.{_name(name)}" for name in keys) or 'r::text COLLATE "C"'
        rows = self._rows(
            base,
            # A column of type json keeps its line breaks, and a row is a line here.
            "SELECT translate(row_to_json(r)::text, chr(10) || chr(13), '  ') FROM ("  # noqa: S608 - quoted
            f"SELECT {', '.join(map(_name, names))} FROM {_name(schema)}.{_name(table)}{chosen}) r ORDER BY {order} LIMIT {limit + 1}",
        )
        return [(json.dumps([row.get(name) for name in keys or names], sort_keys=True), row) for row in rows]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return row_field(item, place[-1])

    def summary(self) -> DatabaseSummary:
        """Rows counted, and the sum of a hash of each: addition knows no order."""
        found: list[TableSummary] = []
        unread: list[str] = []
        for base in map(str, self._rows("", _DATABASES)):
            for schema, name, unlogged, readable in self._rows(base, _TABLES):
                whole = f"{base}.{schema}.{name}"
                if not readable:
                    unread.append(whole)
                    continue
                # ONLY would leave out a partition's rows; a child of old inheritance is counted with its parent and by itself.
                table = f"{_name(schema)}.{_name(name)}"
                (rows,) = self._rows(base, f"SELECT count(*) FROM {table}")  # noqa: S608 - quoted
                checksum = ""
                if rows <= _CHECKSUM_ROWS:
                    hashed = "('x' || substr(md5(r::text), 1, 16))::bit(64)::bigint"
                    statement = f"SELECT json_build_array(count(*), coalesce(sum({hashed}::numeric), 0)::text) FROM {table} r"  # noqa: S608
                    ((rows, checksum),) = self._rows(base, statement)
                found.append(TableSummary(whole, int(rows), str(checksum), volatile="UNLOGGED: a crash empties it" if unlogged else ""))
        return DatabaseSummary(tuple(found), unread=tuple(unread))

    def identity(self) -> tuple[str, float | None, str]:
        ((started_s, version, asynchronous),) = self._rows("", _IDENTITY)
        server = f"PostgreSQL {str(version).partition(' ')[0]}"
        return "", float(started_s), f"{server} (synchronous_commit=off)" if asynchronous else server

    def _rows(self, base: str, statement: str) -> list[Any]:
        """Each row is one JSON value. `base` is empty for the container's own database."""
        code, out, err = self._client.script(_SCRIPT, base, statement.strip())
        if code != 0:
            raise self._client.failed("psql", " ".join(err.split()) or f"exit code {code}")
        return [json.loads(line) for line in out.split("\n") if line]


def _searches(places: Sequence[Place], mark: str) -> Iterator[str]:
    """Statements that give schema, table and column once for each row that holds the text."""
    parts: list[str] = []
    for _, schema, table, column in places:
        told = ", ".join(f"{_text(word)}::text" for word in (schema, table, column))
        part = f"SELECT json_build_array({told})::text FROM {_name(schema)}.{_name(table)} WHERE {_holds(column, mark)}"  # noqa: S608
        if parts and sum(map(len, parts)) + len(part) > _LONGEST_STATEMENT:
            yield " UNION ALL ".join(parts)
            parts = []
        parts.append(part)
    if parts:
        yield " UNION ALL ".join(parts)


def _holds(column: str, mark: str) -> str:
    """By bytes: a collation that takes two letters for one has no substrings."""
    return f'strpos({_name(column)}::text COLLATE "C", {_text(mark)}) > 0'


def _name(text: str) -> str:
    """An identifier, quoted (PostgreSQL's manual, 4.1.1)."""
    return '"' + text.replace("\0", "").replace('"', '""') + '"'


def _text(text: str) -> str:
    """A text, quoted: E'' reads backslashes alike whatever standard_conforming_strings is (PostgreSQL's manual, 4.1.2.2)."""
    return "E'" + text.replace("\0", "").replace("\\", "\\\\").replace("'", "''") + "'"
