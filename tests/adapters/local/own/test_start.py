"""What serves an application whose start command would bind a port of its own."""

from __future__ import annotations

import json

import pytest

from shelterctl.adapters.local.own.start import ENTRY, start
from shelterctl.errors import Refused

pytestmark = pytest.mark.unit
GTHREAD = ("--worker-class", "gthread", "--workers", "1", "--threads", "8")


def test_gunicorn_keeps_its_options_and_not_its_port() -> None:
    words = [
        "gunicorn",
        "--bind",
        "0.0.0.0:8080",
        "-b",
        ":81",
        "--workers=2",
        "-w3",
        "--threads",
        "4",
        "--preload",
        "-c",
        "conf.py",
        "--reload",
        "app:create_app()",
    ]
    found = start(words, {})
    assert found.application == "app:create_app()"
    assert found.options == ("--workers", "2", "-w", "3", "--threads", "4", "--preload")
    assert (found.config, found.deviation) == ("conf.py", "")


@pytest.mark.parametrize("shell", [["sh", "-c", "exec gunicorn -w $WORKERS app:app"], ["gunicorn", "-w", "${WORKERS}", "app:app"]])
def test_variables_of_the_image_are_put_in(shell: list[str]) -> None:
    assert start(shell, {"WORKERS": "3"}).options == ("-w", "3")


@pytest.mark.parametrize(
    ("command", "environment", "run"),
    [
        (["python", "-u", "app.py", "--fast"], {}, ["app.py", "--fast"]),
        (["python3", "-m", "notes"], {}, ["-m", "notes"]),
        (["flask", "run", "--host", "0.0.0.0"], {"FLASK_APP": "notes_api"}, ["flask", "notes_api"]),
        (["python", "-m", "flask", "--app", "notes", "run"], {}, ["flask", "notes"]),
        ([], {}, ["flask", ""]),
    ],
)
def test_a_development_server_is_stood_in_for_and_that_is_said(command: list[str], environment: dict[str, str], run: list[str]) -> None:
    found = start(command, environment)
    assert (found.application, found.options[:6]) == (ENTRY, GTHREAD)
    assert json.loads(found.variables["SHELTERCTL_RUN"]) == run
    assert "gunicorn with 8 threads instead of" in found.deviation


@pytest.mark.parametrize(
    "command", [["./entrypoint.sh"], ["sh", "-c", "python init.py && gunicorn app:app"], ["node", "server.js"], ["python", "-c", "1"]]
)
def test_what_cannot_be_served_so_is_refused(command: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        start(command, {})
    assert refused.value.why
    assert refused.value.next_command == "--target minikube"
