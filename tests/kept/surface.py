"""What scripts rely on, as data: commands, their flags and arguments, exit codes."""

from __future__ import annotations

import re
from typing import Any

from shelterctl.errors import ExitCode
from tools.site.parser import commands


def surface() -> dict[str, Any]:
    """Flags by command as they are spelled, without the names of their values; arguments by their names."""
    found = {}
    for command in commands():
        words: list[str] = []
        for parameter in command.parameters:
            flags = re.findall(r"(?<![\w-])--?[\w-]+", parameter.spelled)
            words += [parameter.name] if parameter.argument else flags
        found[command.words] = sorted(words)
    return {"commands": found, "exit_codes": {code.name: int(code) for code in ExitCode}}


def gone(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a script that was written for `old` no longer finds."""
    found = [f"{words}: gone" for words in old["commands"] if words not in new["commands"]]
    found += [
        f"{words} {word}: gone" for words, had in old["commands"].items() for word in had if word not in new["commands"].get(words, had)
    ]
    codes = new["exit_codes"]
    found += [f"exit code {name}: {code} is now {codes.get(name)}" for name, code in old["exit_codes"].items() if codes.get(name) != code]
    return found
