"""What acknowledges a write is learned before a load, as `kill-db` learns it: marked writes that are found in the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from shelterctl.core.events import Event, Notice, Outcome
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.stack.exchange import Signature
from shelterctl.core.stack.refusal import Refusal
from shelterctl.core.verdict import Reason
from shelterctl.errors import ShelterError
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http

#: The variable in which the users of an own stack find their rules.
RULES = "STACK_EXCHANGE"
#: The step's name.
CALIBRATION = "calibration"


class Learns(Protocol):
    """What `ops.chaos.tokens.Tokens` knows after its calibration."""

    learned: Signature | None
    turned: Refusal | None

    def learn(self, http: Http, url: str) -> Generator[str, None, list[Reason]]: ...


@dataclass(frozen=True, slots=True)
class LearningPorts:
    """`url` is where the service is asked from here; empty where it cannot be."""

    dialogue: Learns
    http: Callable[[], Http]
    clock: Clock
    url: str


def is_wanted(plan: LoadPlan) -> bool:
    """Whether the load writes by rules, and its owner does not say what acknowledges a write."""
    rules = json.loads(plan.variables.get(RULES, "{}"))
    shares = rules.get("mix", {}).get("write", 0), rules.get("most_writes", 0)
    share = plan.variables.get("SHELTER_WRITE_SHARE", "")
    return bool(rules.get("write")) and rules.get("ok") is None and bool(shares[1]) and bool(float(share) if share else shares[0])


def learned(ports: LearningPorts, plan: LoadPlan) -> Generator[Event, None, LoadPlan]:
    """The plan, with what acknowledges a write. Where that cannot be learned the load goes on, and a notice says what counts then."""
    if not is_wanted(plan):
        return plan
    rules = json.loads(plan.variables[RULES])
    told = yield from run_step(ports.clock, CALIBRATION, "Learning what acknowledges a write", _learn(ports, rules["write"]))
    if "why" in told:
        why = told.pop("why")
        yield Notice(f"what acknowledges a write was not learned ({why}): one below 400 without an error in its JSON counts", "warning")
    return replace(plan, variables={**plan.variables, RULES: json.dumps({**rules, **told})})


def _learn(ports: LearningPorts, write: dict[str, Any]) -> Generator[str, None, Done[dict[str, Any]]]:
    """What the users' rules say besides: `learned`, or `refused`, else `why` neither is known."""
    spoken = f"{write['method']} {write['path']}"
    why = "the service cannot be asked from here"
    if ports.url:
        http = ports.http()
        try:
            doubts = yield from ports.dialogue.learn(http, ports.url)
            why = "; ".join(doubt.text for doubt in doubts)
        except ShelterError as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
        finally:
            http.close()
    found, turned = ports.dialogue.learned, ports.dialogue.turned
    if found is not None:
        return Done(f"{spoken} answers {found.status} to a write that the database has: so are the load's held", {"learned": asdict(found)})
    if turned is not None:
        return Done(f"{spoken} {turned.what}: no write of the load counts", {"refused": turned.what}, Outcome.FAILED)
    return Done(f"{spoken}: what acknowledges a write is not known", {"why": why}, Outcome.FAILED)
