"""Every error that shelterctl raises on purpose, with its exit code, its cause and its remedy.

An error says what happened (`what`), why as far as it is known (`why`), and what to run next (`next_command`). `details` holds
the evidence: the last lines of a log, the events of a pod. One place catches them: `shelterctl.cli.app.main`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a shell sees. The table is part of the public interface."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    PREREQUISITE = 3
    CLUSTER = 4
    TIMEOUT = 5
    CHECK_FAILED = 6
    UNDECIDED = 7
    INTERRUPTED = 130


class ShelterError(Exception):
    """The root of shelterctl's own errors."""

    exit_code: ExitCode = ExitCode.UNEXPECTED

    def __init__(self, what: str, *, why: str = "", next_command: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_command = next_command
        self.details = tuple(details)


class UsageError(ShelterError):
    """A flag, a setting or a value that cannot be meant."""

    exit_code = ExitCode.USAGE


class PrerequisiteError(ShelterError):
    """Something outside that must be there is not."""

    exit_code = ExitCode.PREREQUISITE


class ProgramMissing(PrerequisiteError):
    """A program is not on the PATH."""


class DockerUnavailable(PrerequisiteError):
    """The Docker engine does not answer."""


class MinikubeUnavailable(PrerequisiteError):
    """minikube is absent, or its cluster cannot be started."""


class ContextError(PrerequisiteError):
    """The kubeconfig has no such context, or the context was not confirmed."""


class Refused(PrerequisiteError):
    """A guard: going on could destroy something, or could prove nothing."""


class CapabilityMissing(PrerequisiteError):
    """The target lacks what the command needs: another kind of target has it."""


class StateFolderError(PrerequisiteError):
    """The folder for runs cannot be written."""


class OutputLost(PrerequisiteError):
    """Standard output cannot be written: a full disk behind it, as a rule."""


class ClusterError(ShelterError):
    """The cluster or its API said no."""

    exit_code = ExitCode.CLUSTER


class ApiUnreachable(ClusterError):
    """The API server does not answer (any more)."""


class PodCommandTimeout(ApiUnreachable):
    """A command in a pod took longer than it may."""


class ApiRejected(ClusterError):
    """The API server refused a request. `status` is the HTTP status, `reason` the API's word for it."""

    def __init__(
        self,
        what: str,
        *,
        status: int = 0,
        reason: str = "",
        why: str = "",
        next_command: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(what, why=why, next_command=next_command, details=details)
        self.status = status
        self.reason = reason


class NotDeployed(ClusterError):
    """The stack, or the part of it that the command needs, is not there."""


class BuildFailed(ClusterError):
    """The image could not be built."""


class ImageLoadFailed(ClusterError):
    """The image did not reach the node, or another one did."""


class RolloutFailed(ClusterError):
    """A rollout that waiting cannot mend."""


class ServiceUnreachable(ClusterError):
    """The service does not answer, or something else answers in its place."""


class LoadGeneratorFailed(ClusterError):
    """Locust could not be started, or ended by itself."""


class FaultFailed(ClusterError):
    """The fault could not be injected."""


class CommandFailed(ClusterError):
    """A program ran and failed. `returncode` is its own."""

    def __init__(self, what: str, *, returncode: int, why: str = "", next_command: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(what, why=why, next_command=next_command, details=details)
        self.returncode = returncode


class WaitTimeout(ShelterError):
    """A wait came to its end before what it waited for."""

    exit_code = ExitCode.TIMEOUT


class Interrupted(ShelterError):
    """Ctrl-C or SIGTERM. `what` names what was left as it was, and what was rolled back."""

    exit_code = ExitCode.INTERRUPTED
