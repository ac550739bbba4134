"""One view function: whether it writes or reads the database, what it takes from the body, what it answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from shelterctl.adapters.stack.code import answered, called, guards, taken
from shelterctl.adapters.stack.code.called import Function
from shelterctl.adapters.stack.code.guards import Guards
from shelterctl.adapters.stack.code.names import dotted, text_of
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Body, Route

_WRITES = (
    "insert_one",
    "insert_many",
    "insert",
    "save",
    "session.add",
    "session.add_all",
    "session.merge",
    "session.bulk_save_objects",
    "bulk_write",
    "update_one",
    "replace_one",
)
_READS = ("find", "find_one", "aggregate", "fetchall", "fetchone", "all", "first", "scalars", "paginate", "count_documents")
_DELETES = ("delete_one", "delete_many", "drop", "remove", "session.delete")
_SQL_WRITE = re.compile(r"^\s*(INSERT|REPLACE)\b", re.IGNORECASE)
_SQL_READ = re.compile(r"^\s*SELECT\b", re.IGNORECASE)
_SQL_DELETE = re.compile(r"^\s*(DELETE|TRUNCATE|DROP)\b", re.IGNORECASE)
#: What CSRF protection is about, and what a login stands before as a rule.
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
#: How far calls of the project's own functions are followed.
_DEPTH = 3


class Handler:
    """A view function of a module, with the functions that it may call, by the names that it calls them by."""

    def __init__(self, function: Function, functions: Mapping[str, Function], path: str, module: Sequence[ast.Assign] = ()) -> None:
        self._function = function
        self._functions = functions
        self._path = path
        self._module = module

    def route(self, address: str, methods: tuple[str, ...], kept: Guards | None = None, owner: str = "") -> Route:
        """What the function is for the address that it serves. `kept` is what the whole application is kept by, `owner` the application or
        the blueprint that the route was made with."""
        nodes = list(self._nodes(self._function, _DEPTH, {id(self._function)}))
        calls = [dotted(node.func) for node in nodes if isinstance(node, ast.Call)]
        statements = [text_of(node) for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr)]
        names = {dotted(node) for node in nodes if isinstance(node, ast.Attribute | ast.Subscript)}
        keys = tuple(dict.fromkeys(taken.keys(nodes, self._functions, self._module)))
        body = self._body(names, calls)
        writes = any(_ends(call, _WRITES) for call in calls) or any(_SQL_WRITE.match(text) for text in statements)
        return Route(
            path=address,
            methods=methods,
            origin=Origin(self._path, self._function.lineno),
            function=self._function.name,
            writes=writes,
            reads=any(_ends(call, _READS) for call in calls) or any(_SQL_READ.match(text) for text in statements),
            deletes=any(_ends(call, _DELETES) for call in calls) or any(_SQL_DELETE.match(text) for text in statements),
            body=body,
            keys=keys,
            verbatim=writes and body is Body.JSON and not keys,
            statuses=tuple(dict.fromkeys(self._statuses(nodes))),
            redirects=any(call.rpartition(".")[2] == "redirect" for call in calls),
            html=any(call.rpartition(".")[2] in ("render_template", "render_template_string") for call in calls),
            answers_id=answered.id_pointer(self._function, self._functions) if writes else "",
            guarded=guards.of_decorators(self._function)
            or (kept.of(self._function, owner, address) if kept is not None and set(methods) & _CHANGING else "")
            or ("session" if any(name.partition(".")[0] == "session" for name in names) and not self._own_session(nodes) else ""),
        )

    def _own_session(self, nodes: list[ast.AST]) -> bool:
        """Whether `session` is what the sources call one of SQLAlchemy's, not Flask's."""
        stored = [*nodes, *(target for assigned in self._module for target in assigned.targets)]
        return any(isinstance(node, ast.Name) and node.id == "session" and isinstance(node.ctx, ast.Store) for node in stored)

    def _nodes(self, function: Function, depth: int, seen: set[int]) -> Iterator[ast.AST]:
        for node in ast.walk(function):
            yield node
            if depth and isinstance(node, ast.Call):
                function_called = called.find(self._functions, dotted(node.func))
                if function_called is not None and id(function_called) not in seen:
                    seen.add(id(function_called))
                    yield from self._nodes(function_called, depth - 1, seen)

    @staticmethod
    def _body(names: set[str], calls: list[str]) -> Body:
        if "request.files" in names:
            return Body.FILE
        if "request.json" in names or any(call.endswith("request.get_json") for call in calls):
            return Body.JSON
        if names & {"request.form", "request.values"}:
            return Body.FORM
        if "request.data" in names or any(call.endswith("request.get_data") for call in calls):
            return Body.JSON
        return Body.NONE

    @staticmethod
    def _statuses(nodes: list[ast.AST]) -> Iterator[int]:
        for node in nodes:
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
                status = node.value.elts[1]
                if isinstance(status, ast.Constant) and isinstance(status.value, int):
                    yield status.value


def _ends(call: str, endings: tuple[str, ...]) -> bool:
    return any(call == ending or call.endswith("." + ending) for ending in endings) and "." in call
