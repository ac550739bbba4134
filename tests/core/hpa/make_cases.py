"""Compare our HorizontalPodAutoscaler with a recorder of Kubernetes' own, and keep its answers as test data.

    python tests/core/hpa/make_cases.py RECORDER --compare 100000    # random cases, stops at a difference
    python tests/core/hpa/make_cases.py RECORDER --write             # writes tests/core/hpa/data/hpa-*.jsonl.gz

RECORDER is a program that reads a case a line from standard input, as JSON, and answers each with a line: a case is
{"current", "target", "tolerance", "pods"} or {"trace": {...}}, as the data shows.
"""

import argparse
import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.core.hpa.test_recorded import DATA, JsonObject, propose, propose_answer, trace_answer

BATCH = 2000
PROPOSALS_KEPT_PER_RULE = 400
TRACES_KEPT = 1100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorder", type=Path)
    parser.add_argument("--compare", type=int, default=0, metavar="CASES")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.compare:
        for name, make, ours in (
            ("proposals", random_proposal, propose_answer),
            ("traces", random_trace, trace_answer),
        ):
            if not compare(options.recorder, name, make, ours, options.compare, options.seed):
                return 1
    if options.write:
        write(options.recorder, options.seed)
    return 0


def ask(recorder: Path, cases: list[JsonObject]) -> list[JsonObject]:
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([recorder.resolve()], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(
    recorder: Path,
    name: str,
    make: Callable[[random.Random], JsonObject],
    ours: Callable[[JsonObject], JsonObject],
    count: int,
    seed: int,
) -> bool:
    rng = random.Random(f"{name} {seed}")
    for done in range(0, count, BATCH):
        cases = [make(rng) for _ in range(min(BATCH, count - done))]
        for case, answer in zip(cases, ask(recorder, cases), strict=True):
            if ours(case) != answer:
                print(json.dumps({"case": case, "answer": answer, "ours": ours(case)}))
                return False
    print(f"{count} random {name}: no difference (seed {seed})")
    return True


def write(recorder: Path, seed: int) -> None:
    rng = random.Random(f"kept {seed}")
    kept: dict[str, list[JsonObject]] = {}
    for _ in range(60_000):
        case = random_proposal(rng)
        of_rule = kept.setdefault(propose(case).rule.name, [])
        if len(of_rule) < PROPOSALS_KEPT_PER_RULE:
            of_rule.append(case)
    proposals = [case for of_rule in kept.values() for case in of_rule]
    write_answers(recorder, "hpa-proposals.jsonl.gz", proposals)
    write_answers(recorder, "hpa-traces.jsonl.gz", [random_trace(rng) for _ in range(TRACES_KEPT)])


def write_answers(recorder: Path, name: str, cases: list[JsonObject]) -> None:
    answers = ask(recorder, cases)
    lines = [json.dumps({"case": case, "answer": answer}, separators=(",", ":")) for case, answer in zip(cases, answers, strict=True)]
    text = "\n".join(lines) + "\n"
    # Without a time in it, the same cases give the same file.
    (DATA / name).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{name}: {len(lines)} cases, {(DATA / name).stat().st_size} bytes")


def random_proposal(rng: random.Random) -> JsonObject:
    target = rng.choice([1, 10, 20, 30, 50, 60, 70, 80, 90, 91, 99, 100, 120, 150, 200, rng.randint(1, 300)])
    request = rng.choice([1, 7, 10, 33, 50, 100, 200, 250, 333, 500, 1000, 4000])
    # Near the target, near the edges of the tolerance, or anywhere.
    level = rng.choice([1.0, rng.uniform(0.85, 1.15), rng.choice([0.9, 1.1]), rng.uniform(0, 3), 0.0, rng.uniform(0, 40)])
    oddness = rng.choice([0.0, 0.1, 0.3, 0.6])
    count = rng.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12, rng.randint(1, 40)])
    pods = [random_pod(rng, f"web-{position}", request, target * level, oddness) for position in range(count)]
    if pods and rng.random() < 0.01:
        # Beyond int32, and sometimes beyond int64.
        rng.choice(pods)["usage_millicores"] = rng.choice([10**10, 10**12, 10**17, 2**60])
    if pods and rng.random() < 0.02:
        requests = rng.choice(pods)["requests_millicores"]
        requests.insert(rng.randint(0, len(requests)), -1)
    return {
        "current": rng.choice([count, count, count, max(count + rng.randint(-4, 4), 0), rng.randint(0, 30)]),
        "target": target,
        "tolerance": rng.choice([0.1, 0.1, 0.1, 0.0, 0.01, 0.05, 0.2, 0.25, 0.5, round(rng.uniform(0, 1), 3)]),
        "pods": pods,
    }


def random_pod(rng: random.Random, name: str, request: int, percent: float, oddness: float) -> JsonObject:
    if rng.random() < 0.3:
        request = rng.choice([0, 1, 50, 100, 150, 999])
    requests = [request] if rng.random() < 0.8 else [request, rng.choice([0, 5, 20, 100])]
    usage = int(sum(requests) * percent / 100 * rng.choice([1.0, 1.0, rng.uniform(0.5, 1.5)]))
    pod: JsonObject = {
        "name": name,
        "phase": "Running",
        "ready": True,
        "start_age_s": 900,
        "transition_age_s": 890,
        "deleting": False,
        "requests_millicores": requests,
        "usage_millicores": usage + rng.choice([0, 0, 0, -1, 1]) if usage else usage,
        "sample_age_s": rng.choice([1, 5, 14, 29, 60]),
        "window_s": rng.choice([10, 15, 30, 60]),
    }
    if rng.random() < oddness:
        make_odd(rng, pod)
    return pod


def make_odd(rng: random.Random, pod: JsonObject) -> None:
    """Change what the controller sorts pods by; ages stay a second away from its thresholds, for its clock moves."""
    match rng.randint(0, 6):
        case 0:
            pod["deleting"] = True
        case 1:
            pod["phase"] = rng.choice(["Failed", "Pending", "Succeeded", "Unknown"])
        case 2:
            del pod["usage_millicores"]
        case 3:
            del pod["ready" if rng.random() < 0.5 else "start_age_s"]
        case 4:
            pod["ready"] = rng.random() < 0.6
            pod["start_age_s"] = rng.choice([2, 20, 60, 150, 280, 298, 299])
            pod["transition_age_s"] = max(pod["sample_age_s"] + pod["window_s"] + rng.choice([-9, -2, -1, 1, 2, 9]), 0)
        case 5:
            pod["ready"] = rng.random() < 0.4
            pod["start_age_s"] = rng.choice([301, 302, 350, 900, 5000])
            pod["transition_age_s"] = pod["start_age_s"] - rng.choice([0, 5, 28, 29, 31, 32, 100, 300])
        case _:
            pod["phase"] = "Pending"
            pod["ready"] = False
            del pod["usage_millicores"]
            for absent in rng.sample(["ready", "start_age_s", "transition_age_s"], rng.randint(0, 3)):
                del pod[absent]


def random_trace(rng: random.Random) -> JsonObject:
    lowest = rng.choice([0, 1, 1, 1, 2, 3, 5])
    highest = max(lowest, 1) + rng.choice([0, 1, 3, 5, 9, 20, 100, 400])
    beyond = rng.choice([0, 0, 5])
    walk = rng.random() < 0.5
    recommendation, recommendations = rng.randint(0, highest + beyond), []
    for _ in range(rng.choice([5, 10, 20, 40])):
        if walk:
            recommendation = min(max(recommendation + rng.randint(-3, 3), 0), highest + beyond)
        elif rng.random() < 0.4:
            recommendation = rng.randint(0, highest + beyond)
        recommendations.append(recommendation)
    start = rng.randint(lowest, highest) if rng.random() < 0.9 else rng.randint(1, highest + 20)
    trace: JsonObject = {
        "min": lowest,
        "max": highest,
        "start": start,
        "step_s": rng.choice([5, 15, 15, 15, 30, 60, 7, 100]),
        "recommendations": recommendations,
    }
    if rng.random() < 0.75:
        trace["behavior"] = rng.choice([{}, None]) if rng.random() < 0.1 else random_behavior(rng)
    return {"trace": trace}


def random_behavior(rng: random.Random) -> JsonObject:
    directions = [name for name in ("scaleUp", "scaleDown") if rng.random() < 0.8]
    return {name: random_rules(rng) for name in directions}


def random_rules(rng: random.Random) -> JsonObject:
    rules: JsonObject = {}
    if rng.random() < 0.7:
        rules["stabilizationWindowSeconds"] = rng.choice([0, 0, 15, 30, 45, 60, 120, 300, 600, 3600])
    if rng.random() < 0.5:
        rules["selectPolicy"] = rng.choice(["Max", "Max", "Min", "Min", "Disabled"])
    if rng.random() < 0.8:
        rules["policies"] = [random_policy(rng) for _ in range(rng.randint(1, 3))]
    return rules


def random_policy(rng: random.Random) -> JsonObject:
    kind = rng.choice(["Pods", "Percent"])
    usual = [1, 2, 3, 4, 10] if kind == "Pods" else [1, 10, 25, 33, 50, 90, 100, 150, 900]
    value = 2**31 - 1 if rng.random() < 0.03 else rng.choice(usual)
    return {"type": kind, "value": value, "periodSeconds": rng.choice([1, 15, 30, 45, 60, 90, 120, 300, 1800])}


if __name__ == "__main__":
    sys.exit(main())
