"""The keys that a view function takes out of a request's body, by the syntax tree.

`body["title"]`, `body.get("title")`, `"title" in body`, and a loop over `("title", "text")` that looks for each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from shelterctl.adapters.stack.code import called
from shelterctl.adapters.stack.code.called import Function
from shelterctl.adapters.stack.code.names import dotted, text_of

_BODIES = frozenset({"request.json", "request.form", "request.values", "request.get_json"})
#: What gives back what it was given, as far as keys are concerned.
_PASSES = ("dict", "to_dict", "copy")
#: The database's own name for a document; an application that takes it out of a body takes it out of what it stored.
_NOT_SENT = frozenset({"_id"})


def keys(nodes: Sequence[ast.AST], functions: Mapping[str, Function], module: Sequence[ast.Assign] = ()) -> Iterator[str]:
    """`nodes` are those of the view and of the functions that it calls, `functions` those that it may call, and `module` what is
    assigned in it: lists of fields stand at its top as a rule."""
    holders = _holders(nodes, functions)
    passed_over = _rebound(nodes, holders)
    lists: dict[str, tuple[str, ...]] = {}
    for node in (*module, *nodes):
        if isinstance(node, ast.Assign) and (words := _words(node.value)):
            lists.update(dict.fromkeys(_names(node.targets), words))
    for node in nodes:
        if id(node) not in passed_over:
            yield from (key for key in _of(node, holders, lists) if key not in _NOT_SENT)


def _of(node: ast.AST, holders: set[str], lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if isinstance(node, ast.For | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
        for each in [node] if isinstance(node, ast.For) else node.generators:
            words = lists.get(dotted(each.iter)) or _words(each.iter)
            if words and isinstance(each.target, ast.Name):
                name = each.target.id
                if any(_asks(inner, holders, name) for inner in ast.walk(node)):
                    yield from words
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _source(node.value) in holders and text_of(node.slice):
        yield text_of(node.slice)
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn) and _source(node.comparators[0]) in holders:
        if text_of(node.left):
            yield text_of(node.left)
    elif _is_get(node) and _source(node.func.value) in holders and text_of(node.args[0]):  # type: ignore[attr-defined]
        yield text_of(node.args[0])  # type: ignore[attr-defined]


def _asks(node: ast.AST, holders: set[str], name: str) -> bool:
    """Whether `name` is looked for in the body."""
    if isinstance(node, ast.Compare):
        return isinstance(node.ops[0], ast.In | ast.NotIn) and dotted(node.left) == name and _source(node.comparators[0]) in holders
    if isinstance(node, ast.Subscript):
        return dotted(node.slice) == name and _source(node.value) in holders
    return _is_get(node) and dotted(node.args[0]) == name and _source(node.func.value) in holders  # type: ignore[attr-defined]


def _is_get(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and bool(node.args)


def _source(node: ast.AST) -> str:
    """What an expression's value comes from: `request.get_json() or {}` and `dict(request.form)` are what they hold."""
    if isinstance(node, ast.BoolOp):
        return _source(node.values[0])
    if isinstance(node, ast.Await | ast.NamedExpr):
        return _source(node.value)
    if isinstance(node, ast.IfExp):
        return _source(node.body)
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        if name == "dict" and node.args:
            return _source(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PASSES:
            return _source(node.func.value)
    return dotted(node)


def _holders(nodes: Sequence[ast.AST], functions: Mapping[str, Function]) -> set[str]:
    """The names that hold the body: variables, and the parameters of own functions that are called with it."""
    found = set(_BODIES)
    # A name may come from another one, and a function from below its call.
    for _ in range(3):
        before = len(found)
        for node in nodes:
            if isinstance(node, ast.Assign) and _source(node.value) in found:
                found |= set(_names(node.targets))
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None and _source(node.value) in found:
                found |= set(_names([node.target]))
            elif isinstance(node, ast.Call) and (function := called.find(functions, dotted(node.func))) is not None:
                parameters = [parameter.arg for parameter in function.args.args]
                if parameters[:1] == ["self"]:
                    parameters = parameters[1:]
                found |= {name for name, given in zip(parameters, node.args, strict=False) if _source(given) in found}
                found |= {word.arg for word in node.keywords if word.arg and _source(word.value) in found}
        if len(found) == before:
            break
    return found


def _rebound(nodes: Sequence[ast.AST], holders: set[str]) -> set[int]:
    """The nodes of loops whose variable has a holder's name: there it holds something else."""
    loops: list[ast.AST] = []
    for node in nodes:
        if isinstance(node, ast.For):
            targets = [node.target]
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
            targets = [each.target for each in node.generators]
        else:
            continue
        if set(_names(targets)) & holders:
            loops.append(node)
    return {id(inner) for loop in loops for inner in ast.walk(loop)}


def _names(targets: Sequence[ast.expr]) -> Iterator[str]:
    return (target.id for target in targets if isinstance(target, ast.Name))


def _words(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and node.elts and all(text_of(each) for each in node.elts):
        return tuple(text_of(each) for each in node.elts)
    return ()
