"""What is made of a kubeconfig, and of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.kube import access
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
    found = open_access("ours")
    assert (found.host, found.headers()) == ("https://127.0.0.1:8443", {"Authorization": "Bearer secret-token"})


def test_the_first_file_that_names_a_context_wins(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = tmp_path / "second"
    second.write_text(CONFIG.format(server="https://elsewhere:1", more=""))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}:{config}:{second}")
    assert open_access("ours").host == "https://127.0.0.1:8443"


def test_what_is_not_in_files_is_left_to_the_official_client(config: Path) -> None:
    config.write_text(CONFIG.format(server="https://127.0.0.1:8443", more=", insecure-skip-tls-verify: true"))
    found = open_access("ours")
    assert found.host == "https://127.0.0.1:8443"
    assert dict(found.headers())["authorization"] == "Bearer secret-token"


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


@pytest.fixture
def in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod as the kubelet makes it: the folder of its ServiceAccount."""
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text("first\n")
    (account / "ca.crt").write_text("")
    monkeypatch.setattr(access, "ACCOUNT", account)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return account


def test_a_pod_reaches_its_own_cluster_with_a_token_that_is_renewed(in_a_pod: Path) -> None:
    found = access.open_access(access.IN_CLUSTER)
    assert found.host == "https://[fd00::1]:6443"
    assert found.headers() == {"Authorization": "Bearer first"}
    (in_a_pod / "token").write_text("second")
    assert found.headers() == {"Authorization": "Bearer second"}


def test_a_kubeconfig_counts_before_the_pods_own_account(in_a_pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.runs_in_a_pod()
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert not access.runs_in_a_pod()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (in_a_pod / "token").unlink()
    assert not access.runs_in_a_pod()


def test_what_runs_in_pods_by_the_official_client_uses_the_same_account(in_a_pod: Path) -> None:
    # The client looks into the certificate; what is in it, nobody asks here.
    (in_a_pod / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    configuration = access.client_for(access.IN_CLUSTER).configuration
    assert configuration.host == "https://[fd00::1]:6443"
    assert configuration.auth_settings()["BearerToken"]["value"].strip() == "bearer first"
    assert configuration.retries is False
