"""The syntax trees of those sources of a folder that matter: what speaks of Flask or of a database, and what that imports."""

from __future__ import annotations

import ast

from shelterctl.adapters.stack.code.called import Function, module_of
from shelterctl.adapters.stack.code.names import dotted, text_of
from shelterctl.adapters.stack.folder import Listing
from shelterctl.core.stack.documents import Origin

_MARKS = (
    b"flask", b"Flask", b"pymongo", b"MongoClient", b"mysql", b"psycopg", b"sqlalchemy", b"SQLAlchemy", b"environ", b"getenv",
    # What is handed the database names none.
    b"insert_one", b"insert_many", b".insert(", b".save(", b".execute(", b"session.add", b"find_one", b".find(",
)  # fmt: skip
_LARGEST_BYTES = 1_000_000


class Tree:
    """A file's syntax tree, and its nodes by kind: a tree is walked through once."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.tree = tree
        self.calls: list[ast.Call] = []
        self.functions: dict[str, Function] = {}
        self.subscripts: list[ast.Subscript] = []
        self.assigned: list[ast.Assign] = []
        self.texts: list[tuple[int, str]] = []
        self.given: list[tuple[int, str, ast.expr]] = []
        self.either: list[ast.BoolOp] = []
        self.imports: list[ast.ImportFrom] = []
        #: The names of modules that may be the project's own.
        self.imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self.calls.append(node)
                self.given += [(node.lineno, word.arg, word.value) for word in node.keywords if word.arg]
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.Subscript):
                self.subscripts.append(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.texts.append((node.lineno, node.value))
            elif isinstance(node, ast.Dict):
                self.given += [(node.lineno, text_of(key), value) for key, value in zip(node.keys, node.values, strict=True)]
            elif isinstance(node, ast.Assign):
                self.assigned.append(node)
            elif isinstance(node, ast.BoolOp):
                self.either.append(node)
            elif isinstance(node, ast.ImportFrom):
                self.imports.append(node)
                self.imported |= {f"{node.module}.{alias.name}" if node.module else alias.name for alias in node.names}
                self.imported |= {node.module} if node.module else set()
            elif isinstance(node, ast.Import):
                self.imported |= {alias.name for alias in node.names}

    @property
    def makes_application(self) -> bool:
        return any(dotted(call.func) in ("Flask", "flask.Flask") for call in self.calls)


def read_trees(found: Listing) -> tuple[list[Tree], list[Origin]]:
    """The trees, and where a file is no Python of this version. A module between the views and the database may speak of neither: it is
    read because they import it."""
    trees: list[Tree] = []
    unreadable: list[Origin] = []
    others: dict[str, bytes] = {}

    def parse(path: str, raw: bytes) -> None:
        try:
            trees.append(Tree(path, ast.parse(raw)))
        except (SyntaxError, ValueError, RecursionError) as error:
            unreadable.append(Origin(path, getattr(error, "lineno", 0) or 0))

    for path in found.python:
        if any(part in ("tests", "test") for part in path.split("/")[:-1]) or path.rpartition("/")[2].startswith(("test_", "conftest")):
            continue
        try:
            raw = (found.root / path).read_bytes()
        except OSError:
            continue
        if len(raw) > _LARGEST_BYTES:
            continue
        if any(mark in raw for mark in _MARKS):
            parse(path, raw)
        else:
            others[path] = raw
    modules: dict[str, list[str]] = {}
    for path in others:
        modules.setdefault(module_of(path).rpartition("/")[2], []).append(path)
    # What is appended meanwhile is gone through as well.
    for tree in trees:
        for name in sorted(tree.imported):
            end = "/" + name.replace(".", "/")
            for path in modules.get(end.rpartition("/")[2], ()):
                if module_of(path).endswith(end) and path in others:
                    parse(path, others.pop(path))
    return trees, unreadable
