"""Makes the target equal to the plan, or says what that would change."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from shelterctl.core.deploy.stack import ApplyReport, Change, StackPlan
from shelterctl.core.events import Event, Notice, Outcome
from shelterctl.core.words import listed
from shelterctl.errors import ApiRejected, Refused
from shelterctl.ops.steps import Done
from shelterctl.ports.capabilities import Lacking, Policies
from shelterctl.ports.target import Target


@dataclass(frozen=True, slots=True)
class Applied:
    """The objects' changes, and the names of the passwords that were generated."""

    report: ApplyReport
    secrets: tuple[str, ...] = ()


def look_for_others(policies: Policies | Lacking, plan: StackPlan, *, allowed: bool, dry_run: bool) -> Generator[Event, None, None]:
    """The stack denies whatever traffic it does not know in its whole namespace: whose pods are there should not find out that way."""
    others = () if isinstance(policies, Lacking) else policies.cut_off(plan)
    if not others:
        return
    what = f"others' pods run where the stack would go: {listed(others, 3)}"
    if not (allowed or dry_run):
        raise Refused(
            what,
            why="its policies deny all traffic in the namespace but its own: they would be cut off",
            next_command="shelterctl up --namespace shelter   (or any other; with --yes it goes there all the same)",
        )
    yield Notice(f"{what}; its policies cut them off", "warning")


def apply(target: Target, plan: StackPlan, *, force: bool) -> Generator[str, None, Done[Applied]]:
    """Namespaces and passwords first, then everything. Raises ApiRejected, ApiUnreachable."""
    yield "namespace and passwords"
    secrets, ahead = target.ensure_credentials(plan, force=force)
    yield f"{plan.object_count} objects"
    try:
        report = target.apply(plan, force=force).including(ahead)
    except ApiRejected as error:
        made = [f"namespace {change.object.partition('/')[2]}" for change in ahead if change.change is Change.CREATED]
        made += [f"the password {name}" for name in secrets]
        if made:
            error.details = (*error.details, f"made before that, and still there: {', '.join(made)}; `shelterctl down` removes them")
        raise
    outcome = Outcome.CHANGED if report.changed_anything else Outcome.UNCHANGED
    return Done(applied_title(report, secrets), Applied(report, secrets), outcome)


def compare(target: Target, plan: StackPlan, *, force: bool) -> Generator[str, None, Done[Applied]]:
    """What applying would change; nothing is changed."""
    yield f"asking {target.noun}"
    report = target.apply(plan, dry_run=True, force=force)
    return Done(applied_title(report, ()).replace("Applied", "Would apply"), Applied(report), Outcome.SKIPPED)


def applied_title(report: ApplyReport, secrets: tuple[str, ...]) -> str:
    """A sentence about what applying changed."""
    count = sum(1 for change in report.changes if change.change is not Change.PRUNED)
    parts = []
    for change in (Change.CREATED, Change.CHANGED, Change.PRUNED):
        found = report.of(change)
        if found:
            names = f" ({', '.join(item.object for item in found)})" if len(found) <= 3 else ""
            parts.append(f"{len(found)} {change.value}{names}")
    if not parts:
        return f"Applied {count} objects: all as they were"
    unchanged = len(report.of(Change.UNCHANGED))
    rest = f", {unchanged} {'as it was' if unchanged == 1 else 'as they were'}" if unchanged else ""
    made = f"; passwords generated: {', '.join(secrets)}" if secrets else ""
    return f"Applied {count} objects: " + ", ".join(parts) + rest + made
