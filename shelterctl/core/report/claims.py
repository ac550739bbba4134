"""The claims: what each run shows of one, and what was not shown. A run is held to its own result, whatever `prove` said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shelterctl.core.claims import Claim, Evidence
from shelterctl.core.dns.records import DnsReport
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.scaling import ScalingState
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.report import told
from shelterctl.core.report.document import Card
from shelterctl.core.report.doubts.contradiction import contradiction
from shelterctl.core.report.records import Deployed, Killed, Proved
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json
from shelterctl.core.verdict import Verdict

KINDS = {Claim.DEPLOYS: "up", Claim.SCALES: "loadtest", Claim.KEEPS_DATA: "kill-db", Claim.RESOLVES_NAMES: "dns-check"}
_COMMANDS = {
    Claim.DEPLOYS: "shelterctl up",
    Claim.SCALES: "shelterctl loadtest --users 200",
    Claim.KEEPS_DATA: "shelterctl chaos kill-db",
    Claim.RESOLVES_NAMES: "shelterctl dns check",
}
#: Errors of `up` that are the stack's own (`ops.prove.of_error`); with any other, nothing was learned of it.
_STACKS_OWN = ("RolloutFailed", "BuildFailed", "ServiceUnreachable", "ImageLoadFailed", "CommandFailed")
LIMITS = {
    KillMode.SIGKILL: "a power failure: SIGKILL leaves the page cache",
    KillMode.DELETE: "a crash: deleting lets the database shut down in order",
    KillMode.FORCE_DELETE: "a crash or a power failure: the kubelet still left the database about 2 s",
}


def title(claim: Claim) -> str:
    words = claim.words
    return f"{words[0].upper()}{words[1:]}"


def cards(runs: Sequence[Run]) -> Iterator[Card]:
    """One card for each run that was to show a claim, in the claims' order."""
    for claim, kind in KINDS.items():
        for run in (each for each in runs if each.kind == kind):
            yield _guarded(claim, run, runs)


def _guarded(claim: Claim, run: Run, runs: Sequence[Run]) -> Card:
    try:
        card = _card(claim, run)
        against = contradiction(claim, run) if card.verdict is Verdict.PASS else ""
        if against:
            card = replace(card, verdict=Verdict.UNKNOWN, sentence=against)
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError):
        card = Card(title(claim), Verdict.UNKNOWN, "its result is not one that this version of shelterctl can read", run=run.name)
    said = _said(claim, run, runs)
    if said is not None and said.verdict is not None and said.verdict is not card.verdict:
        sentence = f"prove said {said.verdict.value} of this run, and its folder says {card.verdict.value if card.verdict else 'nothing'}"
        return Card(card.title, Verdict.UNKNOWN, f"{sentence}: {card.sentence}", card.numbers, card.command, card.run)
    return card


def _said(claim: Claim, run: Run, runs: Sequence[Run]) -> Evidence | None:
    for proof in (each for each in runs if each.kind == "prove" and each.result is not None):
        try:
            found = from_json(Proved, proof.result)
        except ValueError:
            continue
        for evidence in found.claims:
            if evidence.claim is claim and evidence.run == run.name:
                return evidence
    return None


def _card(claim: Claim, run: Run) -> Card:
    command = told.aimed(_COMMANDS[claim], run)
    if run.missing:
        kind = str((run.error or {}).get("type", ""))
        own = claim is Claim.DEPLOYS and kind in _STACKS_OWN
        verdict = None if kind == "CapabilityMissing" else Verdict.FAIL if own else Verdict.UNKNOWN
        return Card(title(claim), verdict, run.missing, command=command, run=run.name)
    if claim is Claim.DEPLOYS:
        return _deployed(from_json(Deployed, run.result), run, command)
    if claim is Claim.SCALES and "deployed" in (run.result or {}):
        sentence = "a load under a rollout: it shows whether its users noticed that, and nothing of scaling"
        return Card(title(claim), None, sentence, command=command, run=run.name)
    if claim is Claim.SCALES:
        return _scaled(from_json(LoadResult, run.result), run)
    if claim is Claim.KEEPS_DATA:
        return _kept(from_json(Killed, run.result), run, command)
    return _resolved(from_json(DnsReport, run.result), run, command)


def _deployed(up: Deployed, run: Run, command: str) -> Card:
    chain = up.chain
    numbers = (
        ("image", chain.reference),
        ("pods ready", f"{sum(pod.ready for pod in up.pods)} of {len(up.pods)}"),
        ("time", told.seconds(up.elapsed_s)),
        ("objects changed", str(sum(item.change.value != "unchanged" for item in up.applied.changes))),
    )
    if up.dry_run:
        return Card(title(Claim.DEPLOYS), None, "a dry run: nothing was applied", numbers, command, run.name)
    if run.exit_code != 0:
        judged = up.scan.judgement if up.scan is not None else None
        why = judged.reasons[0].text if judged is not None and judged.reasons else f"it ended with exit code {run.exit_code}"
        verdict = judged.verdict if judged is not None and judged.verdict is not Verdict.PASS else Verdict.UNKNOWN
        return Card(title(Claim.DEPLOYS), verdict, why, numbers, command, run.name)
    if chain.broken_at:
        return Card(title(Claim.DEPLOYS), Verdict.FAIL, chain.broken_at, numbers, command, run.name)
    url = up.endpoint.url if up.endpoint is not None else ""
    sentence = f"{chain.reference} is {'built, ' if chain.built_id is not None else ''}runs, and answers at {url}".replace(
        "is runs, and", "runs and"
    )
    return Card(title(Claim.DEPLOYS), Verdict.PASS, sentence, numbers, command, run.name)


def _scaled(load: LoadResult, run: Run) -> Card:
    traffic, timeline = load.traffic, load.timeline
    numbers = [
        ("requests", f"{traffic.requests:,}, {traffic.failures:,} failed"),
        ("rate", f"{traffic.requests_per_s:.0f} requests/s"),
        ("p95", told.milliseconds(traffic.p95_ms)),
    ]
    if timeline is not None:
        numbers.append(("replicas ready", f"{timeline.first_ready} → {timeline.peak_ready}"))
    how = next((check.judgement.reasons for check in load.checks if check.name is CheckName.SCALING), ())
    verdict = load.judgement.verdict
    if verdict is Verdict.PASS:
        sentence = how[0].text if how else "it scaled" if load.scaling is ScalingState.SHOWN else "no scaling was looked for"
        if load.scaling is not ScalingState.SHOWN:
            # A load may pass without a scale-up; the claim may not.
            verdict = Verdict.UNKNOWN
    else:
        sentence = load.judgement.reasons[0].text if load.judgement.reasons else "no reason was given"
    command = told.aimed(load.plan.command(watched=timeline is not None), run)
    return Card(title(Claim.SCALES), verdict, sentence, tuple(numbers), command, run.name)


def _kept(kill: Killed, run: Run, command: str) -> Card:
    numbers = [
        ("writes", f"{kill.attempts:,}"),
        ("acknowledged", f"{kill.acknowledged:,}, lost {kill.counts.get('lost', 0)}" if kill.counts else f"{kill.acknowledged:,}"),
        ("killed by", kill.mode.value),
    ]
    silence = kill.recovery.silence_s if kill.recovery is not None else None
    if silence is not None:
        numbers.append(("no write for", told.seconds(silence[1] - silence[0], 2)))
    window = kill.window
    verdict = kill.judgement.verdict
    if verdict is Verdict.PASS:
        sentence = f"{kill.acknowledged:,} acknowledged writes through the kill, and every one is there"
        if window is not None and window.loss_bound is not None:
            numbers.append(("loss rate", f"below {window.loss_bound:.2%} (95%, n = {window.at_risk})"))
    else:
        sentence = kill.judgement.reasons[0].text if kill.judgement.reasons else "no reason was given"
    mode = "" if kill.mode is KillMode.SIGKILL else f" --mode {kill.mode.value}"
    return Card(title(Claim.KEEPS_DATA), verdict, sentence, tuple(numbers), command.replace("kill-db", f"kill-db{mode}", 1), run.name)


def _resolved(report: DnsReport, run: Run, command: str) -> Card:
    right = sum(row.verdict is Verdict.PASS for row in report.rows)
    numbers = (("records", f"{right} of {len(report.rows)} as expected"), ("asked from", report.client_pod), ("rounds", str(report.rounds)))
    reasons = report.judgement.reasons
    sentence = reasons[0].text if reasons else f"{len(report.rows)} records are as expected"
    return Card(title(Claim.RESOLVES_NAMES), report.judgement.verdict, sentence, numbers, command, run.name)


def not_shown(runs: Sequence[Run], shown: Sequence[Card]) -> Iterator[Card]:
    """What the runs leave open, each as large as a claim."""
    of_proof = {claim: evidence for claim in Claim for evidence in _proofs(runs) if evidence.claim is claim}
    there = {card.title for card in shown}
    for claim in Claim:
        evidence = of_proof.get(claim)
        if title(claim) not in there:
            if evidence is not None and evidence.run:
                # A verdict without the run that shows it is a word.
                said = evidence.verdict.value if evidence.verdict is not None else "nothing"
                yield Card(title(claim), Verdict.UNKNOWN, f"prove said {said}, and its run is not there: {evidence.text}", run=evidence.run)
            elif evidence is not None:
                yield Card(title(claim), evidence.verdict, evidence.text, command=told.without_state_folder(evidence.next_command))
            else:
                yield Card(title(claim), None, "none of these runs looked at it", command=_COMMANDS[claim])
    for run in runs:
        if run.kind == "kill-db" and not run.missing:
            try:
                kill = from_json(Killed, run.result)
            except ValueError:
                continue
            yield Card("What this kill does not cover", None, LIMITS[kill.mode], run=run.name)
    caveats: dict[str, None] = {}
    for run in runs:
        if run.kind == "up" and not run.missing:
            raw = (run.result or {}).get("caveats")
            caveats.update(dict.fromkeys(str(item) for item in raw) if isinstance(raw, list) else {})
    for text in caveats:
        yield Card("What need not hold elsewhere", None, text)


def _proofs(runs: Sequence[Run]) -> Iterator[Evidence]:
    for run in runs:
        if run.kind == "prove" and run.result is not None:
            try:
                yield from from_json(Proved, run.result).claims
            except ValueError:
                continue
