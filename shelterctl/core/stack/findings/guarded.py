"""NetworkPolicies that keep the application out of its own database."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack import engines
from shelterctl.core.stack.documents import names
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import policies


def find(stack: Stack) -> Iterator[StackFinding]:
    app, database, engine = stack.roles.app, stack.roles.database, stack.roles.engine
    if app is None or database is None or engine is None:
        return
    guards = policies.of(stack.policies, database)
    known = policies.labels_of_namespaces(stack.manifests)
    if guards and all(policies.admitted(guards, app, port, known) is False for port in policies.ports(database, engines.port(engine))):
        said = names(f"NetworkPolicy {policy.name} lets in {policy.who}" for policy in guards)
        what = f"{app.key} may not reach {database.key}: {said}"
        why = "where the cluster enforces policies, each request hangs until the driver gives up; where it does not, nobody notices"
        labels = ", ".join(f"{key}: {value}" for key, value in app.labels.items())
        mend = f"from: [{{podSelector: {{matchLabels: {{{labels}}}}}}}], and the database's port"
        yield StackFinding("policy-keeps-application-out", Weight.RISK, what, guards[0].origin, why, mend)
