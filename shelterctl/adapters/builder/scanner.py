"""Scans images with what is on the PATH: trivy, grype or Docker Scout, the first of them that is there.

Each is told to look at this machine's engine alone: under a name that it lacks, a registry may have another image.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.builder.scan_reports import read_grype, read_scout, read_trivy
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.deploy.scan import ImageScan, ScanFindings, image_scan
from shelterctl.errors import CommandFailed, ProgramMissing, ShelterError

#: A first scan downloads a database of vulnerabilities.
SCAN_TIMEOUT_S = 900.0
_VERSION_TIMEOUT_S = 30.0
_MOST_WORDS = 500
INSTALL = (
    "one of trivy (https://trivy.dev/latest/getting-started/installation/), grype (https://github.com/anchore/grype#installation), "
    "docker scout (https://docs.docker.com/scout/install/)"
)


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one scanner is asked. `scan` is followed by `prefix` and the image's name. `ends` are the exit codes of a whole document."""

    name: str
    version: tuple[str, ...]
    scan: tuple[str, ...]
    prefix: str
    read: Callable[[Mapping[str, Any], LocalImage], ScanFindings]
    ends: tuple[int, ...] = (0,)

    def argv(self, reference: str) -> list[str]:
        return [*self.scan, f"{self.prefix}{reference}"]


#: Severities and exit code are said: a configuration file of its user's may leave findings out, or make them a failure.
_TRIVY = "trivy image --format json --no-progress --scanners vuln --image-src docker --exit-code 0 --severity"
_TOOLS = (
    _Tool("trivy", ("trivy", "--version"), (*_TRIVY.split(), "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL"), "", read_trivy),
    # Never with -q, which keeps its errors back, too. 2 is a whole document, with something above a severity that its configuration names.
    _Tool("grype", ("grype", "version"), ("grype", "-o", "json"), "docker:", read_grype, (0, 2)),
    _Tool("docker scout", ("docker", "scout", "version"), ("docker", "scout", "cves", "--format", "sarif"), "local://", read_scout),
)
_VERSION = re.compile(r"^\W*version:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_PLAIN = {"NO_COLOR": "1"}
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"\b(FATAL|ERROR)\b")
_INDEXED_NONE = re.compile(r"\bindexed 0 packages|\b0 packages indexed", re.IGNORECASE)


class ImageScanner:
    """Fulfils `ports.build.Scanner`."""

    def __init__(self, timeout_s: float = SCAN_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._found: tuple[_Tool, str] | None = None

    def check(self) -> str:
        """Name and version of the first that is there. Raises ProgramMissing with all three."""
        return self._chosen()[1]

    def scan(self, image: LocalImage) -> ImageScan:
        """Whatever keeps the scanner from an answer is in the result: it is not raised. Raises ProgramMissing."""
        tool, name = self._chosen()
        argv = tool.argv(image.reference)
        found, said = ScanFindings(), ""
        try:
            ended = process.run(argv, timeout_s=self._timeout_s, env=_PLAIN, check=False)
            said = _COLORS.sub("", ended.error_text)
            if ended.returncode not in tool.ends:
                raise process.failure(argv, ended.returncode, said or ended.text)
            found = tool.read(json.loads(ended.stdout), image)
            if tool.name == "docker scout" and _INDEXED_NONE.search(said):
                found = ScanFindings(problem="it recognized no packages in the image")
        except CommandFailed as error:
            said = said or "\n".join(error.details)
            found = ScanFindings(problem=f"{tool.name} failed with exit code {error.returncode}: {_short(_told(said) or error.why)}")
        except ShelterError as error:
            found = ScanFindings(problem=f"{error.what}{f': {error.why}' if error.why else ''}")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            found = ScanFindings(problem=f"{tool.name}'s document cannot be read: {type(error).__name__}: {_short(str(error))}")
        lines = [line for line in said.splitlines() if line.strip()][-12:]
        return image_scan(image.reference, image.image_id, name, shlex.join(_by_hand(argv)), found, lines)

    def _chosen(self) -> tuple[_Tool, str]:
        if self._found is None:
            self._found = next(filter(None, map(_look, _TOOLS)), None)
        if self._found is None:
            raise ProgramMissing(
                "nothing that scans images is on the PATH: neither trivy nor grype nor docker scout",
                why="shelterctl brings no scanner of its own",
                next_command=f"install {INSTALL}",
            )
        return self._found


def _look(tool: _Tool) -> tuple[_Tool, str] | None:
    """The tool and its name with the version, or None where it is not there."""
    try:
        ended = process.run(tool.version, timeout_s=_VERSION_TIMEOUT_S, check=False)
    except ProgramMissing:
        return None
    except ShelterError:
        return tool, tool.name
    if ended.returncode != 0 and tool.version[0] == "docker":
        # docker is there, and knows no such command.
        return None
    # The first says the program's, later ones those of its parts.
    version = _VERSION.search(ended.text)
    return tool, f"{tool.name} {version[1].lstrip('v')}" if version and "." in version[1] else tool.name


def _by_hand(argv: Sequence[str]) -> list[str]:
    """The same question with an answer for people."""
    shown: list[str] = []
    words = iter(argv)
    for word in words:
        if word in ("--format", "-o", "--severity", "--exit-code"):
            next(words)
        elif word != "--no-progress":
            shown.append(word)
    return shown


def _told(said: str) -> str:
    """The last error with what follows it: a scanner breaks it into lines, of which the last alone says little."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [at for at, line in enumerate(lines) if _ERROR.search(line)]
    return " ".join(" ".join(lines[errors[-1] :]).split()) if errors else ""


def _short(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"
