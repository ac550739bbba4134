"""Keeps a Job's deadline a little ahead of the present: a tool that is killed takes its load along."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.errors import ApiRejected, ApiUnreachable

#: So long after the last word of who made it, the controller ends a Job: longer than an API server's restart.
AHEAD_S = 90.0
EVERY_S = 20.0


class Lifeline:
    """Of the Job at `path`, which was just made and may never run for longer than `most_s`.

    A Job's deadline counts from its start, and may be changed while it runs (`activeDeadlineSeconds`). Where that is forbidden the Job
    keeps the one that it was made with.
    """

    def __init__(self, api: KubeApi, path: str, most_s: float) -> None:
        self._api, self._path, self._most_s = api, path, most_s
        self._made_s = time.monotonic()
        self._over = threading.Event()
        threading.Thread(target=self._hold, daemon=True).start()

    def let_go(self) -> None:
        """Ends it; the deadline stays as it is."""
        self._over.set()

    def _hold(self) -> None:
        with suppress(ApiRejected):
            while not self._over.is_set():
                # The API server may be away for a while: the next word comes in time.
                with suppress(ApiUnreachable):
                    self._say()
                self._over.wait(EVERY_S)

    def _say(self) -> None:
        deadline_s = math.ceil(min(self._most_s, time.monotonic() - self._made_s + AHEAD_S))
        body = {"spec": {"activeDeadlineSeconds": deadline_s}}
        self._api.request("PATCH", self._path, body=body, content_type="application/merge-patch+json")
