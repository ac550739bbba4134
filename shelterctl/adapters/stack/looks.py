"""Whether a folder is a stack, by a look at it: every command asks that, so that nothing is read or imported for it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from shelterctl.settings import FILE_NAME

#: The tables of shelterctl.toml that describe a stack.
TABLES = frozenset({"stack", "manifests", "writes", "reads", "database", "load"})
#: How writes are told apart: by tokens within any document, or by the ids that a service takes and gives back.
TOKENS, IDS = "tokens", "ids"
#: Not the user's own work, or far too much of it.
PASSED_OVER = frozenset(
    {".git", ".shelterctl", ".venv", "venv", "env", ".env", "node_modules", "__pycache__", ".tox", ".mypy_cache", ".pytest_cache",
     "site-packages", "dist", "build", ".idea", ".vscode", "vendor", "target", ".terraform"}
)  # fmt: skip
#: What people call the folders of one project.
_PARTS = frozenset(
    {"k8s", "kubernetes", "kube", "manifests", "deploy", "deployment", "yaml", "charts", "helm", "src", "app", "api", "backend", "server",
     "web"}
)  # fmt: skip


def accounting(root: Path) -> str | None:
    """How the stack that shelterctl.toml there describes has its writes told apart: by IDS where it is the tool's own application, else by
    TOKENS, also where the file cannot be read. None where it describes none."""
    try:
        found = tomllib.loads((root / FILE_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return TOKENS
    stack = found.get("stack")
    if isinstance(stack, dict) and stack.get("accounting") == IDS:
        return IDS
    return TOKENS if TABLES & found.keys() else None


def looks_like_one(root: Path) -> bool:
    """Whether a stack lies right here: a workload's manifest and a Dockerfile or Python source, in the folder itself or just below.

    Manifests may lie one folder deeper where the Dockerfile is right here. No deeper: a folder of many projects is none of them.
    """
    try:
        files = [path for path in root.iterdir() if not path.name.startswith(".")]
        files += _below(files)
        if (root / "Dockerfile").is_file():
            files += _below([path for path in files if path.parent != root])
    except OSError:
        return False
    if not any(path.name == "Dockerfile" or path.suffix == ".py" for path in files):
        return False
    return any(path.suffix in (".yaml", ".yml") and _has_workload(path) for path in files[:1000])


def somebodys_work(root: Path) -> str:
    """What shows that somebody's own project is here, recognized or not: a name below the folder; empty where nothing does."""
    if any((place / ".git").exists() for place in (root, *root.parents)):
        return ".git"
    try:
        files = [path for path in root.iterdir() if not path.name.startswith(".")]
        # Beside folders of other names lie other projects: a home folder is none.
        files += _below([path for path in files if path.name.lower() in _PARTS])
    except OSError:
        return ""
    found = next((path for path in sorted(files) if _is_source(path)), None)
    return "" if found is None else found.relative_to(root).as_posix()


def _is_source(path: Path) -> bool:
    known = path.name in ("requirements.txt", "pyproject.toml", "package.json") or path.name.startswith("Dockerfile")
    return (known or path.suffix in (".py", ".yaml", ".yml", ".ipynb")) and path.is_file()


def _below(paths: list[Path]) -> list[Path]:
    return [path for each in paths if each.is_dir() and each.name not in PASSED_OVER for path in list(each.iterdir())[:200]]


def _has_workload(path: Path) -> bool:
    try:
        text = path.read_bytes()[:50_000]
    except OSError:
        return False
    return b"apiVersion" in text and (b"kind: Deployment" in text or b"kind: StatefulSet" in text)
