"""Helm as a program: `helm template`, which asks no cluster and fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelterctl.adapters import process

TIMEOUT_S = 60.0


def template(release: str, chart: Path, namespace: str, values: Sequence[Path], *, remedy: str) -> str:
    """What a chart renders to, as YAML with a comment before each object that names its template.

    With the chart's own CRDs, which an installation applies, too. `remedy` is what to run where helm is not there.
    Raises ProgramMissing, CommandFailed, WaitTimeout.
    """
    program = process.find("helm", remedy=remedy)
    options = [word for path in values for word in ("--values", str(path))]
    argv = [program, "template", release, str(chart), "--namespace", namespace, "--include-crds", *options]
    return process.run(argv, timeout_s=TIMEOUT_S).text
