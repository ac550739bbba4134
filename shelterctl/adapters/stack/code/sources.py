"""Reads Flask sources by their syntax tree: routes, what they take and answer, variables that are read, traits that matter in an outage."""

from __future__ import annotations

import ast
import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shelterctl.adapters.stack.code import addresses, called, write_concern
from shelterctl.adapters.stack.code.called import Function
from shelterctl.adapters.stack.code.guards import Guards
from shelterctl.adapters.stack.code.handlers import Handler
from shelterctl.adapters.stack.code.names import dotted, number_of, text_of
from shelterctl.adapters.stack.code.trees import Tree, read_trees
from shelterctl.adapters.stack.folder import Listing
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Route, Sources, Trait, VariableRead
from shelterctl.core.stack.told.selection import OPTIONS

_METHODS = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE", "patch": "PATCH"}
_LOCKED = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?:[=~><!]=?\s*([^\s;,#]+))?")
_CONNECTS = ("connector.connect", "pymysql.connect", "MySQLdb.connect", "psycopg2.connect", "psycopg.connect", "Connection.connect")
#: What statements say, by the trait that comes of it.
_TEXTS = (
    ("asynchronous-commit", re.compile(r"\bsynchronous_commit\s*(?:=|\bTO\b)\s*'?(?:off|false|no|0)\b", re.IGNORECASE)),
    ("unlogged-table", re.compile(r"\bCREATE\s+UNLOGGED\s+TABLE\b", re.IGNORECASE)),
    ("limited-read", re.compile(r"^\s*SELECT\b.*\b(?:LIMIT|FETCH\s+FIRST)\s+\S", re.IGNORECASE | re.DOTALL)),
)
#: Options of a URI that the sources hold themselves.
_URI_OPTION = re.compile(r"[?&](serverSelectionTimeoutMS|timeoutMS)=(\d+)", re.IGNORECASE)


@dataclass
class _Read:
    """What the files gave so far."""

    routes: list[Route] = field(default_factory=list)
    reads: list[VariableRead] = field(default_factory=list)
    traits: list[Trait] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    unreadable: list[Origin] = field(default_factory=list)
    files: int = 0


def read(found: Listing) -> Sources:
    """What the sources of a folder say. A file that is no Python of this version is named, and the others are read all the same."""
    # Trees are large and have no garbage in them: collecting it meanwhile takes half as long as parsing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _read(found)
    finally:
        if collecting:
            gc.enable()


def _read(found: Listing) -> Sources:
    gathered = _Read()
    trees, unreadable = read_trees(found)
    gathered.unreadable += unreadable
    prefixes = _prefixes(trees)
    project = called.Project({tree.path: tree.functions for tree in trees})
    kept = Guards(trees)
    for tree in trees:
        gathered.files += 1
        _file(tree, prefixes, project.callable_from(tree.functions, tree.imports), gathered, kept)
    return Sources(
        tuple(gathered.routes), tuple(gathered.reads), tuple(gathered.traits), _requirements(found),
        tuple(dict.fromkeys(gathered.roots)), gathered.files, tuple(gathered.unreadable),
        tuple(addresses.find(trees)),
    )  # fmt: skip


def _prefixes(trees: list[Tree]) -> dict[str, str]:
    """The prefix of each blueprint by the name of its variable: where it is made, and where it is registered."""
    found: dict[str, str] = {}
    for tree in trees:
        for node in tree.assigned:
            if isinstance(node.value, ast.Call) and dotted(node.value.func).endswith("Blueprint"):
                prefix = _keyword(node.value, "url_prefix")
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, prefix)
    for tree in trees:
        for call in tree.calls:
            if call.args and dotted(call.func).endswith("register_blueprint"):
                name = dotted(call.args[0]).rpartition(".")[2]
                if prefix := _keyword(call, "url_prefix"):
                    found[name] = prefix
    return found


def _keyword(call: ast.Call, name: str) -> str:
    return next((text_of(word.value) for word in call.keywords if word.arg == name), "")


def _file(tree: Tree, prefixes: dict[str, str], callable_here: dict[str, Function], gathered: _Read, kept: Guards) -> None:
    path, functions = tree.path, tree.functions
    routes = len(gathered.routes)
    for function in functions.values():
        for decorator in function.decorator_list:
            for address, methods in _decorated(decorator, prefixes):
                owner = dotted(decorator).split(".")[-2]
                gathered.routes.append(Handler(function, callable_here, path, tree.assigned).route(address, methods, kept, owner))
    for call in tree.calls:
        if call.args and dotted(call.func).endswith("add_url_rule"):
            view = next((dotted(word.value) for word in call.keywords if word.arg == "view_func"), "")
            handled = callable_here.get(view.rpartition(".")[2])
            if handled is not None:
                handler = Handler(handled, callable_here, path, tree.assigned)
                owner = dotted(call.func).split(".")[-2:][0]
                gathered.routes.append(handler.route(text_of(call.args[0]), _methods(call) or ("GET",), kept, owner))
    for node in (*tree.subscripts, *tree.calls):
        gathered.reads.extend(_variable(node, path))
    if len(gathered.routes) > routes or tree.makes_application:
        gathered.roots.append(str(Path(path).parent))
    gathered.traits.extend(_traits(tree))


def _decorated(decorator: ast.expr, prefixes: dict[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.args):
        return
    name, owner = decorator.func.attr, dotted(decorator.func.value).rpartition(".")[2]
    if name == "route":
        methods = _methods(decorator) or ("GET",)
    elif name in _METHODS:
        methods = (_METHODS[name],)
    else:
        return
    address, prefix = text_of(decorator.args[0]), prefixes.get(owner, "")
    # A blueprint's own address is its prefix: @bp.route("").
    if address.startswith("/") or (not address and prefix and isinstance(decorator.args[0], ast.Constant)):
        yield prefix.rstrip("/") + address, methods


def _methods(call: ast.Call) -> tuple[str, ...]:
    for word in call.keywords:
        if word.arg == "methods" and isinstance(word.value, ast.List | ast.Tuple | ast.Set):
            return tuple(text_of(item).upper() for item in word.value.elts)
    return ()


def _variable(node: ast.AST, path: str) -> Iterator[VariableRead]:
    """`os.environ["X"]`, `os.environ.get("X", default)`, `os.getenv("X", default)`, and the same after `from os import`."""
    if isinstance(node, ast.Subscript) and dotted(node.value).endswith("environ"):
        if name := text_of(node.slice):
            yield VariableRead(name, "", Origin(path, node.lineno))
    elif isinstance(node, ast.Call) and node.args and dotted(node.func).endswith(("environ.get", "getenv", "environ.setdefault")):
        default = text_of(node.args[1]) if len(node.args) > 1 else ""
        if name := text_of(node.args[0]):
            yield VariableRead(name, default, Origin(path, node.lineno))


def _traits(tree: Tree) -> Iterator[Trait]:
    path = tree.path
    for node in tree.calls:
        name = dotted(node.func)
        origin = Origin(path, node.lineno)
        words = {word.arg: word.value for word in node.keywords}
        if (
            name.endswith(".run")
            and ("host" in words or "debug" in words or "port" in words)
            and name.partition(".")[0] in ("app", "application")
        ):
            yield Trait("dev-server", origin)
            if isinstance(words.get("debug"), ast.Constant) and words["debug"].value:  # type: ignore[attr-defined]
                yield Trait("debug", origin)
        if name.endswith(("MongoClient", "PyMongo")):
            yield Trait("mongo-client", origin)
        if name.endswith(("MongoClient", "PyMongo", "WriteConcern")) and (asked := write_concern.asked_for(node)):
            yield Trait("write-concern", origin, asked)
        if name.endswith("load_dotenv"):
            yield Trait("variables-from-file", origin)
        if name.endswith("ConnectionPool"):
            yield Trait("pool", origin)
        if name.endswith(".limit") or (name.endswith(".find") and "limit" in words):
            yield Trait("limited-read", origin)
    for line, key, value in tree.given:
        # Given where the sources connect, or in a table of what is given there.
        if key == "$limit":
            yield Trait("limited-read", Origin(path, line))
        if (code := OPTIONS.get(key.lower())) is not None:
            yield Trait(code, Origin(path, line), number_of(value, tree.assigned))
        if key == "connect_timeout" and isinstance(value, ast.Constant):
            yield Trait("connect-timeout", Origin(path, line), str(value.value))
    for line, text in tree.texts:
        for found in _URI_OPTION.finditer(text):
            yield Trait(OPTIONS[found.group(1).lower()], Origin(path, line), found.group(2))
        for code, pattern in _TEXTS:
            if pattern.search(text):
                yield Trait(code, Origin(path, line))
    for statement in tree.tree.body:
        yield from _at_import(statement, path)


def _at_import(statement: ast.stmt, path: str) -> Iterator[Trait]:
    """What happens when the module is imported, outside every function."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    if isinstance(statement, ast.If) and "__main__" in ast.unparse(statement.test):
        return
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        name, origin = dotted(node.func), Origin(path, node.lineno)
        # A pool of psycopg2's opens its first connections where it is made.
        pool = name.endswith(("SimpleConnectionPool", "ThreadedConnectionPool"))
        if pool or name.endswith(_CONNECTS):
            yield Trait("connects-at-import", origin)
            if isinstance(statement, ast.Assign) and not pool:
                yield Trait("one-connection", origin)
        if name.endswith(
            (".admin.command", ".server_info", ".list_database_names", ".list_collection_names", ".create_index", ".create_all")
        ):
            yield Trait("connects-at-import", origin)


def _requirements(found: Listing) -> dict[str, str] | None:
    if not found.requirements:
        return None
    path = min(found.requirements, key=lambda name: (name.count("/"), len(name)))
    try:
        lines = (found.root / path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    matches = [_LOCKED.match(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]
    return {match.group(1).lower(): match.group(2) or "" for match in matches if match is not None}
