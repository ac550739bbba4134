"""The entry point. It answers `--version` before anything is imported: scripts ask for it, and it should cost nothing."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from shelterctl import __version__

        sys.stdout.write(f"shelterctl {__version__}\n")
        return
    # Importing leaves no garbage worth looking for; looking costs a tenth of the start.
    gc.disable()
    from shelterctl.cli.app import main as run

    gc.enable()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
