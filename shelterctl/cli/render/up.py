"""The result of `up`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shelterctl.cli.render import scan as render_scan
from shelterctl.cli.render.stack import autoscaler_line, pod_lines, short_id
from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.deploy.stack import Change
from shelterctl.core.duration import format_duration
from shelterctl.core.state import Role
from shelterctl.ops.up.up import UpResult


def lines(result: UpResult) -> Iterator[Line]:
    """What is true now, then the evidence, then the next command."""
    if result.dry_run:
        yield from _dry_run(result)
        return
    if result.refused:
        yield from _refused(result)
        return
    assert result.endpoint is not None
    yield Line(_links(result.chain), "good")
    yield Line(f"  URL    {result.endpoint.url}")
    yield Line(f"  image  {result.chain.reference}")
    yield from pod_lines(result.pods, (), indent="  ")
    if result.autoscaler is not None:
        yield Line(f"  {autoscaler_line(result.autoscaler)}")
    elif not any(pod.role is Role.APP for pod in result.pods):
        yield Line("  no pod of the application", "bad")
    if result.scan is not None:
        yield from render_scan.lines(result.scan)
    for caveat in result.caveats:
        yield Line(f"  note   {caveat}", "dim")
    changed = "" if result.changed else "Nothing was changed: everything was as it should be. "
    yield Line("")
    yield Line(f"{changed}Ready in {format_duration(result.elapsed_s)}.   Next: shelterctl loadtest --users 200", "strong")


def _refused(result: UpResult) -> Iterator[Line]:
    """What the scan ended."""
    assert result.scan is not None
    assert result.scan.judgement is not None
    verdict = result.scan.judgement.verdict.value
    yield Line(f"{verdict}  the scan of the images: nothing was loaded or applied", verdict_style(verdict))
    reasons = result.scan.judgement.reasons
    for at, reason in enumerate(reasons):
        yield Line(f"  {reason.text}", verdict_style(verdict))
        if reason.next_command not in [later.next_command for later in reasons[at + 1 :]]:
            yield Line(f"    Next: {reason.next_command}")
    # Those that are unknown are among the reasons.
    yield from render_scan.lines(replace(result.scan, images=tuple(image for image in result.scan.images if image.counts is not None)))
    yield Line("")
    yield Line("Next: shelterctl up --scan   (deploys, and only tells what is found)", "strong")


def _links(chain: ImageChain) -> str:
    """Which links of the image's way were seen to be one."""
    links = [*(["built"] if chain.built_id else []), *(["loaded"] if chain.loaded_id else []), "running"]
    links += ["answering"] if chain.answering_tag is not None else []
    said = "; the application answers, and does not say which image it is" if chain.answering_tag is None else ""
    if len(links) == 1:
        return f"Every pod runs the same image: {short_id(chain.image_id)}{said}"
    return f"{', '.join(links[:-1]).capitalize()} and {links[-1]} are the same image: {short_id(chain.image_id)}{said}"


def _dry_run(result: UpResult) -> Iterator[Line]:
    for change in result.applied.changes:
        for text in change.diff:
            yield Line(text, {"+": "good", "-": "bad"}.get(text[:1], "dim"))
    if not result.changed:
        yield Line("Nothing would be changed.", "strong")
        return
    counts = [f"{len(found)} {kind.value}" for kind in Change if (found := result.applied.of(kind))]
    if not result.chain.built_id:
        work = "build it" if result.chain.loaded_id is None else "build and load it"
        yield Line(f"{result.chain.reference} is not built yet: `shelterctl up` would {work} first.")
    yield Line(f"Would be: {', '.join(counts)}. Nothing was changed.   Next: shelterctl up", "strong")
