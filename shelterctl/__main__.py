"""The entry point. It answers `--version` and `--help` before any command is imported: both should cost nothing."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from shelterctl import __version__

        _say(f"shelterctl {__version__}\n")
        return
    if sys.argv[1:] in (["--help"], ["-h"]):
        from shelterctl.cli.front_page import front_page

        _say(front_page())
        return
    # Importing leaves no garbage worth looking for; looking costs a tenth of the start.
    gc.disable()
    from shelterctl.cli.app import main as run

    gc.freeze()
    gc.enable()
    code = run(sys.argv[1:])
    # Python looks for garbage three times while it ends: a tenth of a short command's time, for memory that is given back a moment later.
    gc.freeze()
    sys.exit(code)


def _say(text: str) -> None:
    try:
        print(text, end="", flush=True)  # noqa: T201 - the command line's own page
    except OSError as error:
        # What is left in the buffer would be tried once more at the exit, with a traceback.
        sys.stdout = None
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"✗ standard output cannot be written: {error.strerror}\n")
            # `ExitCode.PREREQUISITE`, without the time that its import takes.
            sys.exit(3)


if __name__ == "__main__":
    main()
