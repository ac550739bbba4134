"""Proves every repository in a folder, and prints one table.

python3 prove_class.py FOLDER [arguments of shelterctl prove ...]
"""

import json
import subprocess
import sys
from pathlib import Path

CLAIMS = ("deploys", "scales", "keeps its data", "resolves its names")


def prove(repository: Path, results: Path, arguments: list[str]) -> dict:
    """The document of `prove --output json`, or that of `init` where no stack was recognized; an earlier one where there is one."""
    kept = results / f"{repository.name}.json"
    if not kept.exists():
        with (results / f"{repository.name}.log").open("w") as log:
            text = run(["init"], repository, log)
            # Without it the application that shelterctl carries would be proved in the place of this one.
            if (repository / "shelterctl.toml").exists():
                where = [] if any(word.startswith("--target") for word in arguments) else ["--target", "local", "--down", "--yes"]
                text = run(["prove", *where, *arguments], repository, log)
        # Whole or not at all: a run that was broken off is run again.
        draft = kept.with_suffix(".new")
        draft.write_text(text)
        draft.replace(kept)
    return json.loads(kept.read_text())


def run(words: list[str], repository: Path, log: object) -> str:
    """What a command printed as JSON, whatever its exit code."""
    command = ["shelterctl", *words, "--output", "json", "--quiet"]
    ran = subprocess.run(command, cwd=repository, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    return ran.stdout or json.dumps({"result": None, "error": {"what": f"exit code {ran.returncode}"}})


def row(document: dict) -> tuple[list[str], str]:
    """A verdict for each claim, and the first thing that is wrong."""
    if document["result"] is None:
        return ["UNKNOWN"] * len(CLAIMS), document["error"]["what"]
    claims = document["result"]["claims"]
    wrong = [claim["text"] for claim in claims if claim["verdict"] in ("FAIL", "UNKNOWN")]
    return [claim["verdict"] or "-" for claim in claims], wrong[0] if wrong else ""


def main() -> int:
    folder, arguments = Path(sys.argv[1]), sys.argv[2:]
    results = Path(f"{folder.name}-results")
    results.mkdir(exist_ok=True)
    print(f"{'repository':<12}" + "".join(f"{claim:<20}" for claim in CLAIMS) + "why", flush=True)
    proved = True
    for repository in sorted(path for path in folder.iterdir() if path.is_dir()):
        verdicts, why = row(prove(repository, results, arguments))
        proved = proved and not {"FAIL", "UNKNOWN"} & set(verdicts)
        print(f"{repository.name:<12}" + "".join(f"{verdict:<20}" for verdict in verdicts) + why, flush=True)
    return 0 if proved else 1


if __name__ == "__main__":
    sys.exit(main())
