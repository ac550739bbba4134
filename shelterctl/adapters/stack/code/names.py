"""Names and texts in a syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; calls and subscripts within are passed through."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return ""


def text_of(node: ast.AST | None) -> str:
    """A text constant, with `{}` for what an f-string fills in; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def number_of(node: ast.expr, assigned: Sequence[ast.Assign] = ()) -> str:
    """A whole number of the sources, written out, as a product, or under a name that is given one once; empty for anything else."""
    if isinstance(node, ast.Constant):
        return str(int(node.value)) if isinstance(node.value, int | float) and not isinstance(node.value, bool) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        factors = [number_of(each, assigned) for each in (node.left, node.right)]
        return str(int(factors[0]) * int(factors[1])) if all(factors) else ""
    if isinstance(node, ast.Name):
        given = [each.value for each in assigned if any(isinstance(t, ast.Name) and t.id == node.id for t in each.targets)]
        return number_of(given[0]) if len(given) == 1 else ""
    return ""
