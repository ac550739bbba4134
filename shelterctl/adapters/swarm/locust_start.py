"""Starts Locust without the user's own settings: ~/.locust.conf and what lies in the working folder would change what is measured.

A program of its own, like `python -m locust`.
"""

from __future__ import annotations

from locust import argument_parser

for function in (argument_parser.get_empty_argument_parser, argument_parser.get_parser):
    function.__defaults__ = tuple(() if value is argument_parser.DEFAULT_CONFIG_FILES else value for value in function.__defaults__ or ())

from locust.main import main  # noqa: E402 - it makes parsers while it is imported

if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
