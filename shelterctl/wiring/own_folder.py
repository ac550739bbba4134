"""A user's own stack on any target: what its folder says, how it is written to and read, and who answers for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelterctl.wiring.parts import Wiring

if TYPE_CHECKING:
    from shelterctl.adapters.stack.config import StackConfig
    from shelterctl.core.serial import JsonValue
    from shelterctl.core.stack.exchange import Exchange
    from shelterctl.core.stack.stack import Stack
    from shelterctl.ops.chaos.tokens import Tokens
    from shelterctl.ops.up.answer import Answers
    from shelterctl.ports.faults import TokenReader

#: An application that reads its whole collection at once answers more with each write; this many are read in a second or two.
_MOST_WRITES = 20_000
#: Under a load every user reads it, and all the time.
_MOST_LOAD_WRITES = 2_000


class OwnFolder(Wiring):
    """It stands before the wiring of the target that the stack is on."""

    folder: Path
    owners = True
    #: What a run of `kill-db` writes at most, and what a load does.
    most_writes = _MOST_WRITES
    most_load_writes = _MOST_LOAD_WRITES
    #: Whether the application runs from an image that it may name.
    names_image = True

    @property
    def token_reader(self) -> TokenReader:
        """The database, which finds a text wherever it lies."""
        found: TokenReader = self.database  # type: ignore[assignment]
        return found

    @cached_property
    def stack(self) -> Stack:
        from shelterctl.wiring.stacks import read_stack

        return read_stack(self.settings)

    @cached_property
    def project(self) -> Path:
        return self.folder

    def sources_meant(self) -> str:
        return ""

    def _app_image(self) -> str:
        app = self.stack.roles.app
        return app.containers[0].image if app is not None and app.containers else ""

    def described(self) -> str:
        """What `version` says of the sources."""
        return f"{self.folder.name}, {len(self.stack.documents)} objects"

    @cached_property
    def settled(self) -> StackConfig:
        """What the owner's file says. Raises UsageError."""
        from shelterctl.adapters.stack import config

        return config.read(self.folder)

    @cached_property
    def told(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self.settled.writes, self.settled.reads

    @cached_property
    def exchange(self) -> Exchange:
        from shelterctl.core.stack import exchange

        writes = self.settled.writes
        if "headers" in writes:
            writes = {**writes, "headers": self._filled("writes", writes["headers"])}
        return exchange.of(self.stack, writes, self.settled.reads)

    def _filled(self, table: str, given: Mapping[str, str]) -> dict[str, str]:
        """Headers with what stands in no file. Raises UsageError, which says nothing of a value."""
        from shelterctl.core import headers
        from shelterctl.errors import UsageError

        def find(kind: str, what: str) -> str:
            if kind == "secret":
                return self.secret_value(*what.split("/"))
            if not os.environ.get(what):
                raise UsageError(f"[{table}] headers: the variable {what} is not set", next_command=f"export {what}=…")
            return os.environ[what]

        try:
            return headers.filled(given, find)
        except ValueError as error:
            raise UsageError(f"[{table}] headers: {error}") from error

    def secret_value(self, name: str, key: str) -> str:
        """A Secret's value, for a header of a load. Raises UsageError."""
        from shelterctl.errors import UsageError

        raise UsageError(
            f"[load] headers: {{secret:{name}/{key}}}: this target has no Secrets",
            next_command="{env:NAME}, with the value in that variable",
        )

    def prefix_of(self, run: str) -> str:
        """How the tokens of a run begin."""
        from shelterctl.ops.chaos.tokens import marks

        return f"t{marks(run)}"

    def sent(self, mark: str) -> Mapping[str, JsonValue]:
        """The fields of a write by its token."""
        from shelterctl.ops.chaos.tokens import number_of, sent_fields

        write = self.exchange.write
        assert write is not None
        return sent_fields(write, mark, number_of(mark))

    def dialogue(self) -> Tokens:
        from shelterctl.ops.chaos.tokens import Tokens

        return Tokens(self.exchange, self.token_reader, self.clock, driver_timeout_s=self._driver_timeout_s, most_writes=self.most_writes)

    def learning(self) -> Tokens:
        return self.dialogue()

    def load_file(self) -> tuple[Path, Mapping[str, str]]:
        """Users by rules: what the stack writes and reads."""
        import json
        from dataclasses import asdict

        from shelterctl.core.headers import merged
        from shelterctl.wiring.parts import carried_file

        load = self.settled.load
        write, read = self.exchange.write, self.exchange.read
        mix = {str(kind): int(share) for kind, share in load.get("mix", {"write": 1, "read": 2}).items()}
        fields = {"method", "path", "template", "key"}
        own = self._filled("load", load.get("headers", {}))
        told = None
        if write is not None:
            told = {**{name: getattr(write, name) for name in fields}, "body": write.body.value, "headers": merged(own, write.headers)}
        most = int(load.get("max_writes", self.most_load_writes))
        ok = None if write is None or write.ok is None else asdict(write.ok)
        rules = {"write": told, "ok": ok, "read": None if read is None else read.path, "mix": mix, "most_writes": most, "headers": own}
        return carried_file("locustfiles/stack.py"), {"STACK_EXCHANGE": json.dumps(rules)}

    @property
    def _driver_timeout_s(self) -> float:
        """How long the application's driver may still make a write that was given up on: what was configured, else its default."""
        from shelterctl.core.duration import parse_duration_s
        from shelterctl.core.stack.provable import driver_timeout_s

        given = self.settled.database_facts.get("driver_timeout")
        if given:
            return parse_duration_s(str(given))
        return driver_timeout_s(self.stack)

    def answers(self) -> Answers:
        from shelterctl.ops.up.marked import MarkedAnswers

        marked = MarkedAnswers(self.question(), self.clock, self.exchange, self.target.log_tail)
        if not self.routes.version or not self.names_image:
            return marked
        from shelterctl.ops.up.answer import NamedAnswers, VersionAnswers

        return NamedAnswers(marked, VersionAnswers(self.question(), self.clock, self.routes.version))
