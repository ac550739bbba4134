"""What a whole load of real processes says of the service, whatever the machine does besides."""

from __future__ import annotations

from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.verdict import Verdict


def served(result: LoadResult) -> Verdict:
    """The verdict on the service alone: on a busy machine the generator is in doubt as well, and with it the whole run."""
    (serving,) = [check.judgement.verdict for check in result.checks if check.name is CheckName.SERVING]
    return serving
