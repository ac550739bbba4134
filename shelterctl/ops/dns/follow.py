"""Follows the database's own names after a fault: the seconds until each record is the new pod's address."""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass

from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsScene, RecordType, Status, full_name
from shelterctl.core.events import Event, Milestone
from shelterctl.ports.capabilities import DnsProber
from shelterctl.ports.clock import Clock

#: The probe asks again after this time.
RESOLUTION_S = 0.05


@dataclass(frozen=True, slots=True)
class DnsRecovery:
    """One pod's name after a fault.

    `seconds` run from the fault to the first right answer, by wall clocks (this machine's and the asking pod's node's), and are None
    where none came. `at_most` says that the first answer was right already: the record may have been right for longer.
    `addresses` are the pod's; `found` is the last answer.
    """

    name: str
    addresses: tuple[str, ...]
    found: str
    seconds: float | None
    at_most: bool
    resolution_s: float = RESOLUTION_S


def dns_follow(
    prober: DnsProber, clock: Clock, pods: Collection[str], *, fault_wall_s: float, timeout_s: float = 60.0, slice_s: float = 10.0
) -> Generator[Event, None, tuple[DnsRecovery, ...]]:
    """Asks each of the `pods` (names, of a headless Service) by its own name until it leads to the pod's address.

    A pod that has no address yet, or is not to be found yet, is waited for; the whole takes up to `timeout_s`. The pods are read
    again after each `slice_s`, in case one moved once more: an answer counts only if the pod has the same address before and after
    it. A pod that never came is missing from the result. Raises what the prober raises.
    """
    deadline = clock.monotonic_s() + timeout_s
    found: dict[str, DnsRecovery] = {}
    scene = prober.scene()
    while True:
        wanted = _own_names(scene, pods)
        open_names = [name for name in wanted if found.get(name) is None or found[name].seconds is None]
        left = deadline - clock.monotonic_s()
        settled = sum(item.seconds is not None for item in found.values())
        if left <= 0 or settled == len(pods):
            break
        if not open_names:
            clock.sleep(min(0.5, left))
            scene = prober.scene()
            continue
        share_s = min(slice_s, left) / len(open_names)
        queries = [DnsQuery(name, RecordType.A, tries=1, timeout_s=1.0, until=wanted[name], until_s=share_s) for name in open_names]
        answers = prober.ask(queries)
        scene = prober.scene()
        after = _own_names(scene, pods)
        for name, answer in zip(open_names, answers, strict=False):
            recovery = _recovery(name, wanted[name], answer, fault_wall_s, clock.wall_s(), first=name not in found)
            if recovery.seconds is not None and after.get(name) == wanted[name]:
                yield Milestone("dns record is the pod's address", recovery.seconds, name)
                found[name] = recovery
            else:
                found[name] = DnsRecovery(name, after.get(name, ()), recovery.found, None, False)
    return tuple(found.values())


def no_names(scene: DnsScene, pods: Collection[str]) -> str:
    """Why the pods have no names of their own, whatever is waited for; empty where they have some, or are not to be found now."""
    leading = [service for service in scene.services if any(pod.name in pods for pod in service.pods)]
    if not leading or any(service.headless for service in leading):
        return ""
    return f"the pod has no name of its own: Service {leading[0].name} is not headless"


def _own_names(scene: DnsScene, pods: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The pods' own names in headless Services and their IPv4 addresses, of pods that are to be found (ready, or published anyway)."""
    domain = scene.cluster_domain
    return {
        full_name(f"{pod.hostname}.{service.name}.{service.namespace}.svc.{domain}"): addresses
        for service in scene.services
        if service.headless and domain is not None
        for pod in service.pods
        if pod.name in pods
        and pod.hostname
        and pod.subdomain == service.name
        and not pod.terminating
        and (pod.ready or service.publish_not_ready)
        if (addresses := tuple(sorted(address for address in pod.addresses if "." in address)))
    }


def _recovery(
    name: str, addresses: tuple[str, ...], answer: DnsAnswer, fault_wall_s: float, now_wall_s: float, *, first: bool
) -> DnsRecovery:
    right = answer.status is Status.NOERROR and answer.records == addresses
    found = ", ".join(answer.records) or answer.status.value
    seconds = round(answer.answered_at_s - fault_wall_s, 3) if right else None
    if seconds is not None and seconds < 0:
        # The asking pod's node is behind: what is known is that it was right when the answer was here.
        return DnsRecovery(name, addresses, found, round(now_wall_s - fault_wall_s, 3), at_most=True)
    return DnsRecovery(name, addresses, found, seconds, at_most=right and first and len(answer.attempts) == 1)
