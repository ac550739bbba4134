"""MongoDB, asked within the database's own pod by mongosh, or by the mongo shell of images that have no mongosh."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from shelterctl.adapters.documents.client import Client
from shelterctl.adapters.documents.mongo import MongoDocuments

#: The variables of the official image, and of Bitnami's, whose administrator is called root unless it says otherwise. mongosh comes with
#: MongoDB 5 and later, mongo until 5; where both are, mongosh is asked.
_SCRIPT = r"""
source=admin
if [ -z "$given" ]; then
  user=$(first MONGO_INITDB_ROOT_USERNAME MONGODB_ROOT_USER)
  password=$(first MONGO_INITDB_ROOT_PASSWORD MONGODB_ROOT_PASSWORD)
  if [ -n "$password" ]; then user=${user:-root}; else
    user=$(first MONGODB_USERNAME)
    password=$(first MONGODB_PASSWORD)
    source=$(first MONGODB_DATABASE)
  fi
fi
if client=$(command -v mongosh); then
  SHELTERCTL_USER=$user SHELTERCTL_PASSWORD=$password SHELTERCTL_SOURCE=$source \
    exec "$client" --quiet --nodb --norc --eval "$1" </dev/null
fi
client=$(command -v mongo) || { echo "neither mongosh nor mongo is in the image" >&2; exit 127; }
printf '%s\n%s\n%s\n' "$user" "$password" "$source" | "$client" --quiet --nodb --norc --eval "$1"
"""


class MongoShell(MongoDocuments):
    """Fulfils `documents.tokens.Shell`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        program = files("shelterctl.adapters.kube.probes").joinpath("mongo_probe.js").read_text(encoding="utf-8")
        code, out, err = self._client.script(_SCRIPT, f"var ASKED = {json.dumps(question)};\n{program}")
        line = next((line for line in out.splitlines() if line.startswith("ANSWER ")), "")
        if code != 0 or not line:
            raise self._client.failed("its shell", err or out)
        answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER "))
        return answer
