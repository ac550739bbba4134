"""Writes the end of the tutorial's `prove` into the README.

python -m tools.site.readme
"""

from __future__ import annotations

import re

from tools.site.pages import DOCS, ROOT

README = ROOT / "README.md"
TUTORIAL = DOCS / "tutorials" / "bare-machine.md"


def with_excerpt(readme: str, tutorial: str) -> str:
    """The README with the end of the tutorial's `prove`: the claims, and what each rests on. Raises ValueError where there is none."""
    found = re.search(r"^PASS  \d of \d claims proved .*?(?=^```$)", tutorial, re.M | re.S)
    if found is None:
        raise ValueError("the tutorial shows no `prove` that passed")
    lines = ["$ shelterctl prove", "…", *found[0].splitlines()]
    body = "".join(f"    {line}\n" for line in lines)
    return re.sub(r"(<!-- demo -->\n\n).*?\n?(<!-- /demo -->)", lambda mark: f"{mark[1]}{body}\n{mark[2]}", readme, flags=re.S)


if __name__ == "__main__":
    README.write_text(with_excerpt(README.read_text(encoding="utf-8"), TUTORIAL.read_text(encoding="utf-8")), encoding="utf-8")
