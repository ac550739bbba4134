"""Where the sources themselves say at which host their database is: what a client is given, and what is taken where no variable is set."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from shelterctl.adapters.stack.code.called import module_of
from shelterctl.adapters.stack.code.names import dotted, text_of
from shelterctl.adapters.stack.code.trees import Tree
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Variable
from shelterctl.core.stack.told.addresses import BESIDE, CODE, DEFAULT
from shelterctl.core.stack.variables import variable

_CLIENTS = (
    "MongoClient", "AsyncIOMotorClient", "PyMongo", "MongoEngine", "mongoengine.connect", "create_engine", "connector.connect",
    "MySQLConnectionPool", "pymysql.connect", "MySQLdb.connect", "psycopg2.connect", "psycopg.connect", "Connection.connect",
    "ThreadedConnectionPool", "SimpleConnectionPool", "psycopg_pool.ConnectionPool",
)  # fmt: skip
#: The words by which a client is told where to go.
_WORDS = ("host", "uri", "url", "dsn", "conninfo")
_SETTING = ("MONGO_URI", "SQLALCHEMY_DATABASE_URI", "MYSQL_HOST", "MYSQL_DATABASE_HOST", "DATABASE_URL", "MONGODB_HOST")


def find(trees: Sequence[Tree]) -> Iterator[Variable]:
    """Those of the modules that make the application and of what these import: a script beside them is no part of it."""
    for tree in _of_application(trees):
        constants = _constants(tree.assigned)
        for call in tree.calls:
            if dotted(call.func).endswith(("environ.get", "getenv", "environ.setdefault")) and len(call.args) > 1:
                yield from _named(text_of(call.args[0]), call.args[1], DEFAULT, tree, constants)
            elif dotted(call.func).endswith(_CLIENTS):
                yield from _given(call, tree, constants)
        for either in tree.either:
            first, last = either.values[0], either.values[-1]
            if isinstance(either.op, ast.Or) and (name := _read(first)):
                yield from _named(name, last, DEFAULT, tree, constants)
        for assigned in tree.assigned:
            for target in assigned.targets:
                if isinstance(target, ast.Subscript) and dotted(target.value).endswith("config") and text_of(target.slice) in _SETTING:
                    yield from _named(text_of(target.slice), assigned.value, CODE, tree, constants)
                elif isinstance(target, ast.Name) and "://" in text_of(assigned.value):
                    yield from _named(target.id, assigned.value, BESIDE, tree, {})


def _of_application(trees: Sequence[Tree]) -> list[Tree]:
    by_last_name: dict[str, list[Tree]] = {}
    for tree in trees:
        by_last_name.setdefault(module_of(tree.path).rpartition("/")[2], []).append(tree)
    reached = {tree.path: tree for tree in trees if tree.makes_application}
    left = list(reached.values())
    while left:
        for name in left.pop().imported:
            end = "/" + name.replace(".", "/")
            for tree in by_last_name.get(end.rpartition("/")[2], ()):
                if module_of(tree.path).endswith(end) and tree.path not in reached:
                    reached[tree.path] = tree
                    left.append(tree)
    return sorted(reached.values(), key=lambda tree: tree.path)


def _constants(assigned: Iterable[ast.Assign]) -> dict[str, ast.expr]:
    """What a name stands for, where it is assigned once."""
    found: dict[str, list[ast.expr]] = {}
    for each in assigned:
        for target in each.targets:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(each.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _given(call: ast.Call, tree: Tree, constants: Mapping[str, ast.expr]) -> Iterator[Variable]:
    client = dotted(call.func).rpartition(".")[2]
    client = dotted(call.func) if client == "connect" else client
    for place in call.args[:1]:
        yield from _named(f"host of {client}", place, CODE, tree, constants)
    for word in call.keywords:
        table = constants.get(dotted(word.value), word.value) if word.arg is None else None
        if isinstance(table, ast.Dict):
            for key, value in zip(table.keys, table.values, strict=True):
                if text_of(key) in _WORDS:
                    yield from _named(f"host of {client}", value, CODE, tree, constants)
        elif word.arg in _WORDS:
            yield from _named(f"host of {client}", word.value, CODE, tree, constants)


def _named(name: str, value: ast.expr, source: str, tree: Tree, constants: Mapping[str, ast.expr]) -> Iterator[Variable]:
    """`value` as the text that it is; nothing where it is none, or where it names its host by what is computed."""
    text = text_of(value) or (text_of(constants.get(value.id)) if isinstance(value, ast.Name) else "")
    found = variable(name, text, source, Origin(tree.path, value.lineno))
    hosts = tuple(host for host in found.hosts if "{" not in host)
    if name and hosts:
        yield replace(found, hosts=hosts)


def _read(node: ast.expr) -> str:
    """The variable that an expression reads, without a default of its own."""
    if isinstance(node, ast.Call) and dotted(node.func).endswith(("environ.get", "getenv")) and len(node.args) == 1:
        return text_of(node.args[0])
    return ""
