"""Follows a killed pod's name in the background, while the writers go on."""

from __future__ import annotations

import threading

from shelterctl.errors import ShelterError
from shelterctl.ops.dns.follow import DnsRecovery, dns_follow, no_names
from shelterctl.ports.capabilities import DnsProber
from shelterctl.ports.clock import Clock

TIMEOUT_S = 60.0


class DnsRecoveryWatch:
    """Start it right after the fault; `result` waits for its end."""

    def __init__(self, prober: DnsProber, clock: Clock, pod: str, *, fault_wall_s: float) -> None:
        self._arguments = (prober, clock, pod, fault_wall_s)
        self._found: tuple[DnsRecovery, ...] = ()
        self._problem = ""
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def result(self) -> tuple[tuple[DnsRecovery, ...], str]:
        """What was found, and why nothing was where nothing was."""
        self._thread.join(TIMEOUT_S + 10)
        if self._thread.is_alive():
            return (), "the names were still being asked after a minute"
        return self._found, self._problem or ("" if self._found else "no record led to the new pod within a minute")

    def _follow(self) -> None:
        try:
            self._ask()
        finally:
            self._arguments[0].close()

    def _ask(self) -> None:
        prober, clock, pod, fault_wall_s = self._arguments
        try:
            self._problem = no_names(prober.scene(), [pod])
        except ShelterError as error:
            self._problem = f"{error.what}: {error.why}".rstrip(": ")
        if self._problem:
            return
        operation = dns_follow(prober, clock, [pod], fault_wall_s=fault_wall_s, timeout_s=TIMEOUT_S)
        try:
            while True:
                next(operation)
        except StopIteration as stop:
            self._found = stop.value
        except ShelterError as error:
            self._problem = f"{error.what}: {error.why}".rstrip(": ")
