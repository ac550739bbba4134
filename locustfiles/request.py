"""Users who send one request again and again: what `shelterctl loadtest --path` and its fellows ask for.

Environment: SHELTER_REQUEST (JSON: method, path, body, headers), and that of lean_user.py. In the path and the body `{n}` becomes the
request's number and `{token}` a text that no other request of any run has.
"""

import json
import os

from lean_user import RUN, LeanUser
from locust import task

REQUEST = json.loads(os.environ["SHELTER_REQUEST"])


class RequestUser(LeanUser):
    """One user."""

    _sent = 0

    @task
    def ask(self) -> None:
        RequestUser._sent += 1
        number = RequestUser._sent
        path, body = (self.filled(REQUEST[part], number) for part in ("path", "body"))
        options = {"data": body} if body is not None else {}
        self.client.request(REQUEST["method"], path, name=REQUEST["path"], headers=REQUEST["headers"], **options)

    def filled(self, text, number: int):
        return None if text is None else text.replace("{n}", str(number)).replace("{token}", f"{RUN}-{number}")
