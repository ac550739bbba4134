"""What sources ask of MongoDB before it acknowledges a write, where they say it: in a client's options or in a WriteConcern."""

from __future__ import annotations

import ast

from shelterctl.adapters.stack.code.names import dotted
from shelterctl.core.stack.model import JOURNALED, UNACKNOWLEDGED, UNDECIDED

#: WriteConcern(w, wtimeout, j, fsync).
_POSITIONS = ("w", "wtimeout", "j")
_NOT_GIVEN = ast.Constant(None)


def asked_for(call: ast.Call) -> str:
    """JOURNALED, UNACKNOWLEDGED, UNDECIDED where the value is computed; empty where nothing that matters is asked for.

    `w="majority"` waits for the journal (writeConcernMajorityJournalDefault in MongoDB's manual), unless it is told not to.
    """
    words = {word.arg: word.value for word in call.keywords if word.arg}
    if dotted(call.func).rpartition(".")[2] == "WriteConcern":
        words |= dict(zip(_POSITIONS, call.args, strict=False))
    members, journal = words.get("w", _NOT_GIVEN), words.get("journal", words.get("j", _NOT_GIVEN))
    if not (isinstance(members, ast.Constant) and isinstance(journal, ast.Constant)):
        return UNDECIDED
    if journal.value:
        return JOURNALED
    if members.value == "majority":
        return JOURNALED if journal.value is None else ""
    # Of a boolean the driver says that it is no number of members.
    return UNACKNOWLEDGED if members.value == 0 and not isinstance(members.value, bool) else ""
