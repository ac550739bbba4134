"""What every printed text goes through."""

from __future__ import annotations

import json

import pytest

from shelterctl.cli.text import Aim, harmless, harmless_json

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ✓ and — and\ttabs\nand lines", "plain, with ✓ and — and\ttabs\nand lines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2J\x1b[Hgone", "\\x1b[2J\\x1b[Hgone"),
        ("a\rb\x08\x7f", "a\\x0db\\x08\\x7f"),
        ("\x9b2J", "\\x9b2J"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
    ],
)
def test_no_terminal_obeys_a_text(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_json_means_the_same_and_is_raw_nowhere() -> None:
    document = {"line": "\x1b[2J \x9b \u2028 \u202e ✓"}
    text = harmless_json(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == document
    assert text == '{"line": "\\u001b[2J \\u009b \\u2028 \\u202e ✓"}'


PLAIN = Aim(
    ["--profile plain", "--namespace shop", "--project-dir /home/me/shop"],
    ["--state-dir /tmp/runs"],
    {"kubectl": "--context plain", "minikube": "-p plain"},
)
ALL = "--profile plain --namespace shop --project-dir /home/me/shop --state-dir /tmp/runs"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Next: shelterctl up", f"Next: shelterctl up {ALL}"),
        ("shelterctl loadtest --users 20 --duration 4m", f"shelterctl loadtest {ALL} --users 20 --duration 4m"),
        ("shelterctl status   (a longer wait: --timeout 10m)", f"shelterctl status {ALL}   (a longer wait: --timeout 10m)"),
        (
            "shelterctl down --namespace other",
            "shelterctl down --profile plain --project-dir /home/me/shop --state-dir /tmp/runs --namespace other",
        ),
        ("`shelterctl up` goes on, `shelterctl down` removes it", f"`shelterctl up {ALL}` goes on, `shelterctl down {ALL}` removes it"),
        ("Next: shelterctl hpa explain", f"Next: shelterctl hpa explain {ALL}"),
        ("Every pass: shelterctl hpa replay --all", "Every pass: shelterctl hpa replay --state-dir /tmp/runs --all"),
        ("Next: shelterctl prove", f"Next: shelterctl prove {ALL}"),
        ("shelterctl inspect --running", f"shelterctl inspect {ALL} --running"),
        ("Whole: shelterctl runs show last --writes", "Whole: shelterctl runs show --state-dir /tmp/runs last --writes"),
        ("kubectl -n shop describe hpa app", "kubectl --context plain -n shop describe hpa app"),
        ("kubectl config get-contexts", "kubectl config get-contexts"),
        ("neither kubectl nor kustomize is there", "neither kubectl nor kustomize is there"),
        ("minikube addons enable metrics-server", "minikube -p plain addons enable metrics-server"),
        ("minikube image ls -p plain", "minikube image ls -p plain"),
        ("eval $(minikube docker-env --unset)", "eval $(minikube -p plain docker-env --unset)"),
        ("minikube profile plain is not running", "minikube profile plain is not running"),
        ("shelterctl loadtest (process 7, since 10:00:00)", "shelterctl loadtest (process 7, since 10:00:00)"),
        ("unexpected: this is a fault of shelterctl itself", "unexpected: this is a fault of shelterctl itself"),
    ],
)
def test_a_command_that_is_shown_hits_what_this_run_hit(text: str, shown: str) -> None:
    assert PLAIN.text(text) == shown
    assert PLAIN.json({"reasons": [{"next_command": text, "at_s": 1.5}]}) == {"reasons": [{"next_command": shown, "at_s": 1.5}]}
    assert Aim().text(text) == text


def test_a_command_that_would_ask_where_nobody_can_be_asked_says_yes() -> None:
    alone = Aim(asked=True)
    assert alone.text("shelterctl chaos kill-db --accept-ephemeral") == "shelterctl chaos kill-db --yes --accept-ephemeral"
    assert alone.text("shelterctl down --delete-data --yes") == "shelterctl down --delete-data --yes"
    assert alone.text("shelterctl up") == "shelterctl up"
    elsewhere = Aim(["--context prod"], asked=True, doubt=True)
    assert elsewhere.text("shelterctl prove") == "shelterctl prove --context prod --yes"
    assert elsewhere.text("shelterctl hpa recommend --apply") == "shelterctl hpa recommend --context prod --yes --apply"
    assert elsewhere.text("shelterctl up") == "shelterctl up --context prod --yes"
    assert elsewhere.text("shelterctl status") == "shelterctl status --context prod"
