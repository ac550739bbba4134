"""Users who send one request again and again: what `shelterctl loadtest --path` and its fellows ask for.

Environment: SHELTER_REQUEST (JSON: method, path, body, headers), SHELTER_THINK_S (mean think time in seconds), SHELTER_RUN (marks what is
sent), SHELTER_SEED (makes the users' pauses repeatable). In the path and the body `{n}` becomes the request's number and `{token}` a text
that no other request of any run has.

Users pause and change their connections as those of locustfiles/shelter.py do, and for the same reasons.
"""

import json
import os
import random
import time

import gevent
from locust import FastHttpUser, task

REQUEST = json.loads(os.environ["SHELTER_REQUEST"])
THINK_S = float(os.environ.get("SHELTER_THINK_S", "1"))
THINK_LIMIT = 10
RUN = os.environ.get("SHELTER_RUN", "locust")
SEED = os.environ.get("SHELTER_SEED", "")
CONNECTION_S = (10.0, 30.0)
IDLE_S = 1.9


class RequestUser(FastHttpUser):
    """One user."""

    connection_timeout = 5.0
    network_timeout = 10.0
    _count = 0
    _sent = 0

    def __init__(self, environment) -> None:
        super().__init__(environment)
        RequestUser._count += 1
        self.chance = random.Random(f"{SEED}/{RequestUser._count}" if SEED else None)
        self.reconnect_at = 0.0

    def on_start(self) -> None:
        gevent.sleep(self.chance.uniform(0, THINK_S))
        self.reconnect_at = time.monotonic() + self.chance.uniform(0, CONNECTION_S[1])

    def wait_time(self) -> float:
        now = time.monotonic()
        pause_s = min(self.chance.expovariate(1 / THINK_S), THINK_LIMIT * THINK_S) if THINK_S > 0 else 0.0
        due = now >= self.reconnect_at
        if due or pause_s > IDLE_S:
            self.client.client.close()
        if due:
            self.reconnect_at = now + self.chance.uniform(*CONNECTION_S)
        return pause_s

    @task
    def ask(self) -> None:
        RequestUser._sent += 1
        number = RequestUser._sent
        path, body = (self.filled(REQUEST[part], number) for part in ("path", "body"))
        options = {"data": body} if body is not None else {}
        self.client.request(REQUEST["method"], path, name=REQUEST["path"], headers=REQUEST["headers"], **options)

    def filled(self, text, number: int):
        return None if text is None else text.replace("{n}", str(number)).replace("{token}", f"{RUN}-{number}")
