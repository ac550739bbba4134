"""What Locust's processes find in their environment."""

from __future__ import annotations

import json
import os
from pathlib import Path

from shelterctl import __version__
from shelterctl.core.load.plan import LoadPlan

#: A process imports Locust in about half a second on an idle machine; one elsewhere is started by hand.
ARRIVE_S = 15.0
ARRIVE_ELSEWHERE_S = 120.0
#: A pod of a worker has its image in the node: what takes longer is a node without room.
ARRIVE_IN_CLUSTER_S = 60.0


def arrive_s_of(plan: LoadPlan) -> float:
    """How long a load waits for its workers."""
    if not plan.workers:
        return ARRIVE_S
    return ARRIVE_IN_CLUSTER_S if plan.inside else ARRIVE_ELSEWHERE_S


def environment_of(plan: LoadPlan, samples_path: Path, key: str) -> dict[str, str | None]:
    # Whatever Locust would read out of the environment: the plan alone says how large the load is.
    left_out: dict[str, str | None] = {name: None for name in os.environ if name.startswith("LOCUST_")}
    return {
        **left_out,
        **plan.variables,
        "SHELTERCTL_LOAD_SAMPLES": str(samples_path),
        "SHELTERCTL_LOAD_PARENT": str(os.getpid()),
        "SHELTERCTL_LOAD_DURATION_S": f"{plan.duration_s:g}",
        "SHELTERCTL_LOAD_REQUESTS": "" if plan.requests is None else str(plan.requests),
        "SHELTERCTL_LOAD_STAGES": json.dumps([[stage.duration_s, stage.users] for stage in plan.stages]) if plan.stages else "",
        "SHELTERCTL_LOAD_RATE": "" if plan.rate_per_s is None else f"{plan.rate_per_s:g}",
        "SHELTER_RUN": plan.run,
        "SHELTER_THINK_S": f"{plan.think_s:g}",
        "SHELTER_SEED": "" if plan.seed is None else str(plan.seed),
        "SHELTERCTL_LOAD_PROCESSES": str(plan.generators),
        "SHELTERCTL_LOAD_WORKER": "",
        "SHELTERCTL_LOAD_HANDOVER": "",
        # Its master waits a second for its workers' reports at each step of a shape otherwise, and the users come late.
        "LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP": "0.1",
        "SHELTERCTL_LOAD_ARRIVE_S": f"{arrive_s_of(plan):g}",
        "SHELTERCTL_LOAD_VERSION": __version__,
        "SHELTERCTL_LOAD_KEY": key,
        "PYTHONUNBUFFERED": "1",
    }


def worker_environment(plan: LoadPlan, samples_path: Path, key: str, number: int) -> dict[str, str | None]:
    """What is a worker's own: two that drew the same numbers or wrote the same texts would not be two.

    Its choices have a seed of their own, its texts another mark, its request numbers an ending that says whose they are, and the ceiling
    of what a user's own stack is written is shared.
    """
    found = environment_of(plan, samples_path, key)
    found |= {"SHELTERCTL_LOAD_WORKER": str(number), "SHELTER_RUN": f"{plan.run}-{number}"}
    if plan.seed is not None:
        found["SHELTER_SEED"] = f"{plan.seed}/{number}"
    if "SHELTER_REQUEST" in plan.variables:
        mine = "{n}" + str(number).rjust(len(str(plan.generators)), "0")
        request = json.loads(plan.variables["SHELTER_REQUEST"])
        numbered = {part: request[part].replace("{n}", mine) for part in ("path", "body") if isinstance(request.get(part), str)}
        found["SHELTER_REQUEST"] = json.dumps({**request, **numbered})
    if "STACK_EXCHANGE" in plan.variables:
        rules = json.loads(plan.variables["STACK_EXCHANGE"])
        each, left = divmod(rules.get("most_writes", 0), plan.generators)
        found["STACK_EXCHANGE"] = json.dumps({**rules, "most_writes": each + (number <= left)})
    return found
