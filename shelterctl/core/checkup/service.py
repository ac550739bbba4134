"""Judges the image from the build to the pods, and whether the service answers at its port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding

IMAGE = Check("image", Area.STACK, "image")
PULL_POLICY = Check("pull-policy", Area.STACK, "image's tag and policy")
NODE_PORT = Check("node-port", Area.CLUSTER, "node port")
ANSWER = Check("answer", Area.STACK, "service")
DATABASE_ANSWER = Check("database-access", Area.STACK, "way to the database")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The Deployment's image followed from the build to the pods. A `_problem` says why that link could not be seen."""

    reference: str
    pull_policy: str
    built_id: str = ""
    built_problem: str = ""
    loaded_id: str = ""
    loaded_problem: str = ""
    running_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortFacts:
    """The node port that the stack has or wants, and the Service (namespace/name) that holds it; `own` is the stack's."""

    port: int
    own: str
    holder: str


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What the service answered at `live_path` and `health_path`. A status of 0 is no answer, with the reason in the `_problem`.

    An empty path is a route that the application does not have: it was not asked.

    `database_reason` is the application's own word for why it cannot reach its database, empty where it can; `user_mend` how its user of
    the database is made again.
    """

    url: str
    no_url: str = ""
    live_status: int = 0
    live_problem: str = ""
    health_status: int = 0
    health_problem: str = ""
    database_reason: str = ""
    ready_pods: int = 0
    user_mend: str = ""
    live_path: str = ""
    health_path: str = ""


def judge_image(facts: ImageFacts) -> Iterator[Finding]:
    """Built = loaded = running; the same tag with another id is how old code keeps running."""
    yield _judge_chain(facts)
    tag = facts.reference.rpartition(":")[2] if ":" in facts.reference.rpartition("/")[2] else ""
    if tag in ("", "latest"):
        why = "a tag that moves: minikube skips the load of a tag that a pod uses, and the old code goes on (kubernetes/minikube#11276)"
        yield PULL_POLICY.warning(f"{facts.reference} is not tagged by content", why, "shelterctl up")
    elif facts.pull_policy == "Always":
        why = "the kubelet asks a registry that has never seen the image: every new pod fails"
        yield PULL_POLICY.problem(f"imagePullPolicy Always for {facts.reference}", why, "shelterctl up --force-conflicts")
    else:
        yield PULL_POLICY.ok(f"tagged by content, {facts.pull_policy}")


def _judge_chain(facts: ImageFacts) -> Finding:
    mend = "shelterctl up"
    loaded, built = facts.loaded_id, facts.built_id
    strangers = sorted(image_id for image_id in facts.running_ids if loaded and image_id != loaded)
    if strangers:
        return IMAGE.problem(
            f"pods run {_short(strangers[0])}, the node has {_short(loaded)} under {facts.reference}",
            "the tag was loaded again while pods used it: they run the old code",
            mend,
        )
    if built and loaded and built != loaded:
        return IMAGE.problem(
            f"the node has {_short(loaded)} under {facts.reference}, built is {_short(built)}",
            "a load of the same tag is skipped in silence while a pod uses it (kubernetes/minikube#11276): the old code runs",
            mend,
        )
    if facts.loaded_problem:
        return IMAGE.unknown(f"the node's images: {facts.loaded_problem}", "minikube image ls")
    if not loaded:
        why = "a new pod cannot start: no registry has the image"
        return IMAGE.problem(f"the node has no {facts.reference}", why, mend)
    if not facts.running_ids:
        return IMAGE.unknown(f"no ready pod runs {facts.reference}: loaded is {_short(loaded)}", "shelterctl status")
    if facts.built_problem or not built:
        reason = facts.built_problem or f"this machine's Docker has no {facts.reference}"
        return IMAGE.unknown(f"loaded = running = {_short(loaded)}; {reason}", mend)
    return IMAGE.ok(f"built = loaded = running: {_short(built)}")


def judge_port(facts: PortFacts) -> Finding:
    """A node port belongs to one Service of the whole cluster."""
    if facts.holder and facts.holder != facts.own:
        free = facts.port + 1 if facts.port < 32767 else 30000
        why = "a node port belongs to one Service of the cluster: the API server refuses the stack's"
        return NODE_PORT.problem(f"{facts.port} is taken by Service {facts.holder}", why, f"shelterctl up --node-port {free}")
    return NODE_PORT.ok(f"{facts.port} {'belongs to the stack' if facts.holder else 'is free'}")


def judge_answer(facts: AnswerFacts) -> Iterator[Finding]:
    """Two GETs from this machine, through the node port: whether the application serves, and whether it reaches its database."""
    if not facts.url:
        yield ANSWER.unknown(f"no address to ask: {facts.no_url or 'there is no Service'}", "shelterctl url")
        yield DATABASE_ANSWER.unknown("the service could not be asked", blocked_by=ANSWER.id)
        return
    if facts.live_path and facts.live_status != 200:
        said = f"status {facts.live_status}" if facts.live_status else facts.live_problem
        why = f"{facts.ready_pods} ready pods stand behind it" if facts.ready_pods else "no ready pod stands behind it"
        yield ANSWER.problem(
            f"{facts.url}{facts.live_path}: {said}", why, "shelterctl status" if facts.ready_pods else "shelterctl logs app"
        )
        yield DATABASE_ANSWER.unknown("the service did not answer", blocked_by=ANSWER.id)
        return
    if facts.live_path or facts.health_status:
        yield ANSWER.ok(f"{facts.url} answers")
    else:
        yield ANSWER.problem(f"{facts.url}{facts.health_path}: {facts.health_problem}", "nothing answers there", "shelterctl status")
    yield _judge_database(facts)


def _judge_database(facts: AnswerFacts) -> Finding:
    if not facts.health_path:
        return DATABASE_ANSWER.skipped("the application has no route that tells of it")
    if facts.health_status == 200:
        return DATABASE_ANSWER.ok("the application reaches its database")
    if facts.health_status == 0:
        return DATABASE_ANSWER.unknown(f"{facts.health_path} gave no answer: {facts.health_problem}", "shelterctl logs app")
    reason = facts.database_reason or f"{facts.health_path} answers {facts.health_status}"
    if "user or password" in reason or "lacks the right" in reason:
        why = "its user was never made (the first start was killed half-way), or the Secret is not the one that the data were made with"
        return DATABASE_ANSWER.problem(reason, why, facts.user_mend or "shelterctl logs db")
    return DATABASE_ANSWER.problem(reason, "every read and write gets a 503", "shelterctl logs db")


def _short(image_id: str) -> str:
    return image_id.rpartition(":")[2][:12]
