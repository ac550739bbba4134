"""kubectl's current context is put back after another profile was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.kubeconfig import current_context_kept

pytestmark = pytest.mark.local

CONFIG = """apiVersion: v1
clusters:
- name: prod
contexts:
- name: prod
current-context: prod
kind: Config
users: []
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def start(path: Path, old: str, new: str) -> None:
    """What `minikube start` does to the file."""
    path.write_text(path.read_text().replace(old, new))


def test_it_is_put_back_and_nothing_else_is_changed(config: Path) -> None:
    config.write_text(CONFIG)
    config.chmod(0o600)
    with current_context_kept():
        start(config, "current-context: prod", "current-context: plain")
    assert config.read_text() == CONFIG
    assert (config.stat().st_mode & 0o777, [path.name for path in config.parent.iterdir()]) == (0o600, ["config"])


def test_it_is_put_back_after_an_interruption(config: Path) -> None:
    config.write_text(CONFIG)

    def started_until_ctrl_c() -> None:
        with current_context_kept():
            start(config, "current-context: prod", "current-context: plain")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        started_until_ctrl_c()
    assert "current-context: prod\n" in config.read_text()


def test_where_none_was_set_the_new_one_stays(config: Path) -> None:
    """`minikube stop` takes it away, and whoever starts that profile again wants it."""
    config.write_text(CONFIG.replace("current-context: prod", 'current-context: ""'))
    with current_context_kept():
        start(config, 'current-context: ""', "current-context: plain")
    assert "current-context: plain\n" in config.read_text()


def test_a_file_that_is_not_there_yet(config: Path) -> None:
    with current_context_kept():
        config.write_text(CONFIG)
    assert config.read_text() == CONFIG
