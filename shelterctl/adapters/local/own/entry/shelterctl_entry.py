"""What gunicorn serves where a start command would have started a server of its own. Runs in the application's environment.

SHELTERCTL_RUN has the command's words as JSON: `["app.py", …]` and `["-m", "package", …]` are run as Python would run them, up to where
they serve; `["flask", "module"]` is found as `flask run` finds it. Standard library and Flask only.
"""

import importlib
import importlib.util
import json
import os
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn


class Served(BaseException):
    """Ends the command where it would have begun to serve. No `except Exception` of an application's catches it."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self.app = app


def found(words: list[str]) -> Any:
    """The application that the command serves."""
    if words[0] == "flask":
        from flask.cli import ScriptInfo

        return ScriptInfo(words[1] or None).load_app()
    _catch()
    try:
        _run(words)
    except Served as served:
        return served.app
    raise SystemExit(f"{' '.join(words)} ended and has served nothing: no app.run() was reached")


def _catch() -> None:
    """Puts in the place of each server's start what hands the application over."""
    import flask
    import werkzeug.serving

    def serve(app: Any, *_arguments: Any, **_options: Any) -> NoReturn:
        raise Served(app)

    def run_simple(_host: str, _port: int, app: Any, *_arguments: Any, **_options: Any) -> NoReturn:
        raise Served(app)

    vars(werkzeug.serving)["run_simple"] = run_simple
    # `app.run(…)` is a call of it with the application in front.
    setattr(flask.Flask, "run", serve)  # noqa: B010 - a method of a class is not assigned to, for a reader of types
    with suppress(ImportError):
        vars(importlib.import_module("waitress"))["serve"] = serve


def _run(words: list[str]) -> None:
    """Runs a script or a module as `__main__`, whose globals stay as long as the application lives."""
    main = types.ModuleType("__main__")
    if words[0] == "-m":
        spec = importlib.util.find_spec(words[1])
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{words[1]}.__main__")
        if spec is None or spec.origin is None:
            raise SystemExit(f"no module is called {words[1]}")
        path, arguments = spec.origin, words[2:]
        main.__package__ = spec.parent
    else:
        path, arguments = str(Path(words[0]).resolve()), words[1:]
        sys.path.insert(0, str(Path(path).parent))
    main.__file__ = path
    sys.argv = [path, *arguments]
    sys.modules["__main__"] = main
    code = compile(Path(path).read_bytes(), path, "exec")
    exec(code, main.__dict__)  # noqa: S102 - the application's own program


application = found(json.loads(os.environ["SHELTERCTL_RUN"]))
