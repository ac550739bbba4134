"""MongoDB, asked by mongosh within the database's own pod."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from shelterctl.adapters.documents.mongo import MongoDocuments
from shelterctl.errors import ApiRejected

#: Runs a command in the database's container: exit code, standard output, standard error.
Exec = Callable[[Sequence[str]], tuple[int, str, str]]


class MongoShell(MongoDocuments):
    """Fulfils `documents.tokens.Shell`."""

    def __init__(self, run: Exec) -> None:
        self._run = run

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        program = files("shelterctl.adapters.kube.probes").joinpath("mongo_probe.js").read_text(encoding="utf-8")
        script = f"const ASKED = {json.dumps(question)};\n{program}"
        code, out, err = self._run(["mongosh", "--quiet", "--nodb", "--norc", "--eval", script])
        line = next((line for line in out.splitlines() if line.startswith("ANSWER ")), "")
        if code != 0 or not line:
            raise ApiRejected("the database could not be read by mongosh in its own pod", why=(err or out).strip()[-300:])
        answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER "))
        return answer
