"""A screen as a picture: `--svg`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

#: Where no terminal says how wide the screen is.
COLUMNS = 100


def write_svg(path: Path, lines: Callable[[int], list[Text]], width: int, title: str) -> None:
    """Writes a screen as a picture of `width` columns, 0 for the usual ones. Raises UsageError where it cannot be written."""
    import io

    from rich.console import Console

    width = width or COLUMNS
    console = Console(
        file=io.StringIO(), record=True, width=width, markup=False, emoji=False, highlight=False, force_terminal=True,
        color_system="truecolor", no_color=False,
    )  # fmt: skip
    for line in lines(width):
        console.print(line, soft_wrap=True)
    # Without the fonts from somebody's server: the reader's own monospace does as well, and nothing is fetched.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=title), flags=re.DOTALL)
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def try_writing(path: Path) -> None:
    """A picture that cannot be written is an error before the watch, and not after it."""
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"--svg {path}: it cannot be written", why=error.strerror or str(error))
