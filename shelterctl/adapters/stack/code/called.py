"""The functions of other modules of a project that a call leads to, by their name: a view calls a service, a service a store."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef

#: What dictionaries, lists, sets and texts have too: a call of one of these names leads to them as a rule.
_OF_EVERYTHING = frozenset(name for kind in (dict, list, set, str, bytes) for name in dir(kind))


class Project:
    """The functions of a project's modules. `modules` are those by their path."""

    def __init__(self, modules: Mapping[str, Mapping[str, Function]]) -> None:
        self._by_last_name: dict[str, list[tuple[str, Mapping[str, Function]]]] = {}
        by_name: dict[str, list[Function]] = {}
        for path, functions in modules.items():
            module = module_of(path)
            self._by_last_name.setdefault(module.rpartition("/")[2], []).append((module, functions))
            for name, function in functions.items():
                if name not in _OF_EVERYTHING and not _is_view(function):
                    by_name.setdefault(name, []).append(function)
        # Of a name that two define nobody knows which is meant.
        self._once = {name: each[0] for name, each in by_name.items() if len(each) == 1}

    def callable_from(self, own: Mapping[str, Function], imports: Sequence[ast.ImportFrom]) -> dict[str, Function]:
        """What a module may call, by the names that it calls it by: its own functions, what it imports (`from services.notes import add as
        add_note`, `from services import notes`), and what one module alone defines."""
        found = dict(self._once)
        for statement in imports:
            of = (statement.module or "").replace(".", "/")
            functions = self._module(of or "__init__")
            for alias in statement.names:
                name = alias.asname or alias.name
                if alias.name in functions:
                    found[name] = functions[alias.name]
                else:
                    inside = self._module(f"{of}/{alias.name}" if of else alias.name)
                    found |= {f"{name}.{each}": function for each, function in inside.items()}
        return found | dict(own)

    def _module(self, name: str) -> Mapping[str, Function]:
        named = self._by_last_name.get(name.rpartition("/")[2], ())
        return next((functions for module, functions in named if module.endswith("/" + name)), {})


def find(functions: Mapping[str, Function], call: str) -> Function | None:
    """What a call leads to: `notes.newest` to that module's function where it is imported, else to the only one of that name."""
    return functions.get(call) or functions.get(call.rpartition(".")[2])


def module_of(path: str) -> str:
    """`/services/notes` for `services/notes.py`, and `/services` for its `__init__.py`."""
    return "/" + path.removesuffix(".py").removesuffix("/__init__")


def _is_view(function: Function) -> bool:
    return any(isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) for decorator in function.decorator_list)
