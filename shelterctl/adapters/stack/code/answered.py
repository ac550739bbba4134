"""What a view function answers: the shape of its JSON as far as the sources write it out, and where an id stands in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from shelterctl.adapters.stack.code import called
from shelterctl.adapters.stack.code.called import Function
from shelterctl.adapters.stack.code.names import dotted, text_of
from shelterctl.core.stack.answer_id import likely

#: How far calls of the project's own functions are followed.
_DEPTH = 2


def id_pointer(function: Function, functions: Mapping[str, Function]) -> str:
    """The JSON pointer to what is named like an id in an answer of the function; empty where none is written out."""
    shapes = (_shape(value, functions, _DEPTH) for value in _returned(function))
    return next((pointer for shape in shapes if (pointer := likely(shape)) is not None), "")


def _returned(function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value


def _shape(node: ast.expr, functions: Mapping[str, Function], depth: int) -> Any:
    """An answer's objects with their keys; a text in the place of every value."""
    if isinstance(node, ast.Dict):
        found: dict[str, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            # Without a key it is another object that is laid out here: {**shown(item)}.
            inner = _shape(value, functions, depth)
            found |= {text_of(key): inner} if key is not None else inner if isinstance(inner, dict) else {}
        return found
    if not isinstance(node, ast.Call):
        return "a value"
    call = dotted(node.func)
    name = call.rpartition(".")[2]
    if name in ("jsonify", "dict", "make_response", "dumps"):
        words = {word.arg: _shape(word.value, functions, depth) for word in node.keywords if word.arg}
        return words or (_shape(node.args[0], functions, depth) if node.args else {})
    if depth and (function := called.find(functions, call)) is not None:
        shapes = (_shape(value, functions, depth - 1) for value in _returned(function))
        return next((shape for shape in shapes if isinstance(shape, dict) and shape), "a value")
    return "a value"
