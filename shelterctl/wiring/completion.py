"""The values that a shell may complete: read from what is there at that moment, within a time that a person does not notice."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from shelterctl.settings import DEFAULTS, Settings, load

#: A cluster that does not answer by then has no names to offer.
ANSWER_S = 0.15


def settings() -> Settings:
    """Those that hold without flags: the shell has not told them yet. The defaults where they cannot be read."""
    try:
        return load({}, os.environ, Path.cwd())
    except Exception:  # noqa: BLE001 - a completion says nothing rather than an error in the middle of a line
        return DEFAULTS


def contexts() -> list[str]:
    from shelterctl.adapters.kube.access import context_names

    return context_names()


def profiles() -> list[str]:
    from shelterctl.adapters.minikube.machine import minikube_home

    return sorted(path.parent.name for path in (minikube_home() / "profiles").glob("*/config.json"))


def namespaces() -> list[str]:
    """Those of the stacks on this machine, and those of the cluster if it answers at once."""
    from shelterctl.wiring.local import home_of

    own = {path.parent.name for path in home_of(settings()).folder.parent.glob("*/stack.json")}
    found: list[str] = []

    def ask() -> None:
        from shelterctl.adapters.kube.api import KubeApi

        chosen = settings()
        with suppress(Exception):
            items = KubeApi(chosen.context or chosen.profile).items("/api/v1/namespaces")
            found.extend(str(item["metadata"]["name"]) for item in items)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return sorted(own | set(found))


def overlays() -> list[str]:
    from shelterctl.wiring.parts import project_folder

    return sorted(path.parent.name for path in (project_folder(settings()) / "manifests" / "overlays").glob("*/kustomization.yaml"))


def runs() -> list[str]:
    """The newest first, their tags, and `last`."""
    from shelterctl.adapters.runs.store import TAG
    from shelterctl.wiring.parts import state_dir

    found = sorted((path for path in (state_dir(settings()) / "runs").glob("*") if path.is_dir()), reverse=True)[:50]
    tags = {(path / TAG).read_text(encoding="utf-8").strip() for path in found if (path / TAG).is_file()}
    return ["last", *(path.name for path in found), *sorted(tags)]
