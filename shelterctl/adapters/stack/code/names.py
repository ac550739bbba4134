"""Names and texts in a syntax tree."""

from __future__ import annotations

import ast


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
