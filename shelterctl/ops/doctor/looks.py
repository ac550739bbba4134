"""Takes several looks at once, each with a bound in time, and keeps what each saw or why it saw nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shelterctl.core.checkup.check import Check, Finding
from shelterctl.errors import ShelterError, WaitTimeout
from shelterctl.ports.clock import Clock

T = TypeVar("T")
#: Every look bounds what it asks for; this bounds a look whose own bounds failed.
LOOK_TIMEOUT_S = 25.0
_POLL_S = 0.02


@dataclass
class Look(Generic[T]):
    """One look: its value, or the error that kept it from one. Read it when `Looks.wait` is over."""

    name: str
    done: threading.Event = field(default_factory=threading.Event)
    value: T | None = None
    error: ShelterError | None = None

    def findings(self, checks: Sequence[Check], judge: Callable[[T], Iterable[Finding]], *, blocked_by: str = "") -> Iterator[Finding]:
        """What `judge` makes of the value; without one each of `checks` is unknown, with the reason."""
        if self.value is None:
            error = self.error or WaitTimeout(f"{self.name} did not answer within {LOOK_TIMEOUT_S:g} s")
            for check in checks:
                said = f"{error.what}: {error.why}" if error.why else error.what
                yield check.unknown(said, error.next_command, blocked_by=blocked_by)
        else:
            yield from judge(self.value)


class Looks:
    """The looks that are under way. Their threads are daemons: an interruption leaves none behind that keeps the process alive."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: list[Look[object]] = []

    def take(self, name: str, read: Callable[[], T]) -> Look[T]:
        """Starts a look."""
        look: Look[T] = Look(name)

        def work() -> None:
            try:
                look.value = read()
            except ShelterError as error:
                look.error = error
            except Exception as error:  # noqa: BLE001 - an object of a shape that nobody thought of makes one check unknown, not all
                look.error = ShelterError(f"unexpected: {type(error).__name__}: {error}", why="this is a fault of shelterctl itself")
            finally:
                look.done.set()

        threading.Thread(target=work, daemon=True, name=f"look-{name}").start()
        self._looks.append(look)  # type: ignore[arg-type]  # a list of looks at different things
        return look

    def wait(self) -> Generator[str, None, None]:
        """Waits for all looks, each at most LOOK_TIMEOUT_S, and yields what is still waited for."""
        deadline_s = self._clock.monotonic_s() + LOOK_TIMEOUT_S
        shown = ""
        while True:
            open_looks = [look.name for look in self._looks if not look.done.is_set()]
            if not open_looks or self._clock.monotonic_s() > deadline_s:
                break
            if open_looks[0] != shown:
                shown = open_looks[0]
                yield shown
            self._clock.sleep(_POLL_S)
        self._looks.clear()
