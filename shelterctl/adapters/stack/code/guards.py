"""What keeps a stranger's write from a route: a decorator, CSRF protection of the whole application, a function before each request."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from shelterctl.adapters.stack.code.called import Function
from shelterctl.adapters.stack.code.names import dotted, text_of
from shelterctl.adapters.stack.code.trees import Tree

#: What is required, as decorators of Flask-Login, Flask-HTTPAuth, Flask-JWT-Extended, Flask-Security, Authlib and people's own name it.
_WHAT = (
    r"log(?:ged)?_?in|auth(?:entication|enticated|orization|orized)?|jwt|token|roles?|permissions?|scopes?|(?:api|access)_?keys?"
    r"|user|admin|session|credentials|oauth2?|verified"
)
_DECORATOR = re.compile(
    rf"(?:^|[._])(?:{_WHAT})(?:_is)?_(?:required|accepted)$"
    rf"|(?:^|[._])requires?_(?:\w+_)?(?:{_WHAT})$"
    rf"|(?:^|\.)\w*(?:auth|token|jwt|login|oauth|permission|role)\w*\.(?:required|require|login|protect)$"
    r"|(?:^|\.)(?:authenticated|protected|authorized|check_auth|validate_token|verify_token|permission_required)$",
    re.IGNORECASE,
)
_CSRF = ("CSRFProtect", "CsrfProtect", "SeaSurf")
_BEFORE = ("before_request", "before_app_request")
_SENT_AWAY = (401, 403)


def of_decorators(function: Function) -> str:
    """The decorator that wants a login, a token or a key; empty where none does."""
    return next((name for each in function.decorator_list if _DECORATOR.search(name := dotted(each))), "")


class Guards:
    """What the whole application is kept by. `of` says what keeps one of its routes."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        calls = [(dotted(call.func), call) for tree in trees for call in tree.calls]
        off = any(_is_off(assigned) for tree in trees for assigned in tree.assigned)
        self._csrf = "" if off else next((name for name, _ in calls if name.rpartition(".")[2] in _CSRF), "")
        self._exempt = {dotted(call.args[0]).rpartition(".")[2] for name, call in calls if name.endswith(".exempt") and call.args}
        functions = [function for tree in trees for function in tree.functions.values()]
        before = {function.name: owner for function in functions if (owner := _before(function)) is not None}
        hung = [(name, call) for name, call in calls if name.endswith(_BEFORE) and call.args]
        given = {dotted(call.args[0]).rpartition(".")[2]: name.partition(".")[0] for name, call in hung}
        #: The name of the function, the blueprint that it stands before (empty for all), and the paths that it is about.
        self._before = [
            (function.name, owner, paths)
            for function in functions
            if (owner := before.get(function.name, given.get(function.name))) is not None and (paths := _paths(function)) is not None
        ]

    def of(self, function: Function, owner: str, address: str) -> str:
        """`owner` is the name of the application or blueprint that the route was made with."""
        exempt = {function.name, owner} & self._exempt or any(dotted(each).endswith(".exempt") for each in function.decorator_list)
        if self._csrf and not exempt:
            return self._csrf
        for name, before, paths in self._before:
            if before in ("", owner) and (not paths or address.startswith(paths)):
                return name
        return ""


def _before(function: Function) -> str | None:
    """The blueprint whose requests the function stands before, empty for the application's; None where it is no such function."""
    for each in function.decorator_list:
        owner, _, name = dotted(each).rpartition(".")
        if name in _BEFORE:
            return owner if name == "before_request" and owner not in ("app", "application") else ""
    return None


def _paths(function: Function) -> tuple[str, ...] | None:
    """The beginnings of the paths that a function sends strangers away from, empty for all; None where it sends nobody away."""
    nodes = list(ast.walk(function))
    if not any(_sends_away(node) for node in nodes):
        return None
    negated = {id(node.operand) for node in nodes if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)}
    asked = [node for node in nodes if isinstance(node, ast.Call) and dotted(node.func).endswith("path.startswith") and node.args]
    if any(id(node) in negated for node in asked):
        return ()
    return tuple(filter(None, (text for node in asked for text in _texts(node.args[0]))))


def _texts(node: ast.expr) -> Iterator[str]:
    for each in node.elts if isinstance(node, ast.Tuple) else [node]:
        yield text_of(each)


def _sends_away(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = dotted(node.func).rpartition(".")[2]
        return name == "redirect" or (name == "abort" and bool(node.args) and _status(node.args[0]) in _SENT_AWAY)
    told = node.value.elts if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) else []
    return any(_status(each) in _SENT_AWAY for each in told)


def _status(node: ast.expr) -> int:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0


def _is_off(assigned: ast.Assign) -> bool:
    """`app.config["WTF_CSRF_ENABLED"] = False`, and the same as a class's or a module's setting."""
    value = assigned.value
    names = [text_of(each.slice) if isinstance(each, ast.Subscript) else dotted(each) for each in assigned.targets]
    off = isinstance(value, ast.Constant) and value.value is False
    return off and bool({"WTF_CSRF_ENABLED", "WTF_CSRF_CHECK_DEFAULT"} & set(names))
