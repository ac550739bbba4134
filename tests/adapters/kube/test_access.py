"""What is made of a kubeconfig, and of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.kube.access import open_access
from shelterctl.adapters.kube.api import KubeApi
from shelterctl.errors import ApiUnreachable, ContextError
from tests.adapters.misbehaving_server import free_port

pytestmark = pytest.mark.local

CONFIG = """
apiVersion: v1
kind: Config
current-context: ours
clusters: [{{name: c, cluster: {{server: "{server}"{more}}}}}]
users: [{{name: u, user: {{token: secret-token}}}}]
contexts: [{{name: ours, context: {{cluster: c, user: u}}}}, {{name: lame, context: {{cluster: absent, user: u}}}}]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG.format(server="https://127.0.0.1:8443/", more=""))
    monkeypatch.setenv("KUBECONFIG", str(path))
    # The official client reads the variable once, when it is imported.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


def test_a_context_whose_files_hold_everything(config: Path) -> None:
    access = open_access("ours")
    assert (access.host, access.headers()) == ("https://127.0.0.1:8443", {"Authorization": "Bearer secret-token"})


def test_the_first_file_that_names_a_context_wins(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = tmp_path / "second"
    second.write_text(CONFIG.format(server="https://elsewhere:1", more=""))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}:{config}:{second}")
    assert open_access("ours").host == "https://127.0.0.1:8443"


def test_what_is_not_in_files_is_left_to_the_official_client(config: Path) -> None:
    config.write_text(CONFIG.format(server="https://127.0.0.1:8443", more=", insecure-skip-tls-verify: true"))
    access = open_access("ours")
    assert access.host == "https://127.0.0.1:8443"
    assert dict(access.headers())["authorization"] == "Bearer secret-token"


def test_an_unknown_context(config: Path) -> None:
    with pytest.raises(ContextError) as caught:
        open_access("nope")
    assert (caught.value.what, caught.value.why) == ("the kubeconfig has no usable context “nope”", "Known contexts: ours, lame.")


@pytest.mark.parametrize("content", ["a: [", "[]", "", "contexts: 3", "contexts: [3]", "text", "\t", None])
def test_a_file_that_is_no_kubeconfig(config: Path, content: str | None) -> None:
    config.unlink() if content is None else config.write_text(content)
    with pytest.raises(ContextError) as caught:
        open_access("ours")
    assert caught.value.why.startswith("No kubeconfig can be used: ")


def test_a_context_that_leads_nowhere(config: Path) -> None:
    with pytest.raises(ContextError):
        open_access("lame")


def test_nobody_is_told_the_token(config: Path) -> None:
    config.write_text(CONFIG.format(server=f"https://127.0.0.1:{free_port()}", more=""))
    with pytest.raises(ApiUnreachable) as caught:
        KubeApi("ours").get("/version")
    assert "secret-token" not in f"{caught.value.what}{caught.value.why}{caught.value.details}{caught.value.__cause__!r}"


def test_a_certificate_that_is_not_there(config: Path) -> None:
    config.write_text(CONFIG.format(server=f"https://127.0.0.1:{free_port()}", more=", certificate-authority: absent.crt"))
    with pytest.raises((ApiUnreachable, ContextError)):
        KubeApi("ours").get("/version")
