"""Flags over variables over the file over the defaults; typed; an unknown key suggests the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.errors import UsageError
from shelterctl.settings import Settings, load, nearest

pytestmark = pytest.mark.unit

KNOWN = (
    "Known: adopt, context, debug, duration, mongo_password_file, mongo_uri, namespace, output, overlay, profile, project_dir, "
    "pull_secret, quiet, reach, registry, spawn_rate, stages, state_dir, target, timeout, users, verbose, writers, yes"
)


def settings(folder: Path, *, file: str = "", env: dict[str, str] | None = None, **flags: object) -> Settings:
    if file:
        (folder / "shelterctl.toml").write_text(file)
    return load(flags, env or {}, folder)


def problem(folder: Path, *, file: str = "", env: dict[str, str] | None = None, **flags: object) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        settings(folder, file=file, env=env, **flags)
    return caught.value.what.replace(str(folder), "<folder>"), caught.value.why


def test_the_defaults(tmp_path: Path) -> None:
    assert settings(tmp_path) == Settings(
        context=None, profile="minikube", namespace="shelter", overlay="minikube", state_dir=".shelterctl", output="table", timeout_s=300.0
    )


@pytest.mark.parametrize(
    ("file", "env", "flags", "expected"),
    [
        ("", {}, {}, 200),
        ("users = 10", {}, {}, 10),
        ("users = 10", {"SHELTERCTL_USERS": "20"}, {}, 20),
        ("users = 10", {"SHELTERCTL_USERS": "20"}, {"users": 30}, 30),
        ("users = 10", {}, {"users": 30}, 30),
        ("users = 10", {"SHELTERCTL_USERS": "20"}, {"users": None}, 20),
    ],
)
def test_who_has_the_last_word(tmp_path: Path, file: str, env: dict[str, str], flags: dict[str, object], expected: int) -> None:
    assert settings(tmp_path, file=file, env=env, **flags).users == expected


def test_a_file_further_up_counts(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "shelterctl.toml").write_text('namespace = "outer"\nusers = 7')
    assert settings(tmp_path / "a" / "b").namespace == "outer"
    (tmp_path / "a" / "shelterctl.toml").write_text('namespace = "inner"')
    nearest_only = settings(tmp_path / "a" / "b")
    assert (nearest_only.namespace, nearest_only.users) == ("inner", 200)


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ('timeout = "5m"', "timeout_s", 300.0),
        ("timeout = 90", "timeout_s", 90.0),
        ("timeout = 1.5", "timeout_s", 1.5),
        ('duration = "1m30s"', "duration_s", 90.0),
        ("spawn_rate = 5", "spawn_rate", 5.0),
        ('users = "50"', "users", 50),
        ("quiet = true", "quiet", True),
        ('quiet = "off"', "quiet", False),
        ('context = "kind"', "context", "kind"),
    ],
)
def test_types_in_the_file(tmp_path: Path, file: str, field: str, value: object) -> None:
    found = getattr(settings(tmp_path, file=file), field)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_switches_in_variables(tmp_path: Path, text: str, value: bool) -> None:
    assert settings(tmp_path, env={"SHELTERCTL_DEBUG": text}).debug is value


@pytest.mark.parametrize(
    ("file", "what", "why"),
    [
        ("user = 3", "<folder>/shelterctl.toml: no setting is called user (did you mean users?)", KNOWN),
        ("xyzzy = 3", "<folder>/shelterctl.toml: no setting is called xyzzy", KNOWN),
        ("timeout_s = 3", "<folder>/shelterctl.toml: no setting is called timeout_s (did you mean timeout?)", KNOWN),
        ("[loadtest]\nusers = 3", "<folder>/shelterctl.toml: no setting is called loadtest", KNOWN),
        ("users = 2.5", "shelterctl.toml: users = 2.5", "a whole number is wanted"),
        ("users = true", "shelterctl.toml: users = True", "a whole number is wanted"),
        ('timeout = "soon"', "shelterctl.toml: timeout = 'soon'", "“soon” is not a duration: write 45s, 5m or 1m30s"),
        ("timeout = -1", "shelterctl.toml: timeout = -1", "“-1” is not a duration: write 45s, 5m or 1m30s"),
        ('quiet = "maybe"', "shelterctl.toml: quiet = 'maybe'", "true or false is wanted"),
        ("namespace = 3", "shelterctl.toml: namespace = 3", "a text is wanted"),
        ('namespace = ""', "shelterctl.toml: namespace = ''", "a text is wanted"),
    ],
)
def test_what_is_wrong_in_the_file(tmp_path: Path, file: str, what: str, why: str) -> None:
    assert problem(tmp_path, file=file) == (what, why)


@pytest.mark.parametrize("content", [b"users = ", b"\xff\xfe", b"users = 1\nusers = 2"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "shelterctl.toml").write_bytes(content)
    what, why = problem(tmp_path)
    assert what == "<folder>/shelterctl.toml cannot be read"
    assert why


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("SHELTERCTL_USER", "the environment: no setting is called SHELTERCTL_USER (did you mean SHELTERCTL_USERS?)"),
        ("SHELTERCTL_TIMEOUT_S", "the environment: no setting is called SHELTERCTL_TIMEOUT_S (did you mean SHELTERCTL_TIMEOUT?)"),
    ],
)
def test_an_unknown_variable(tmp_path: Path, name: str, what: str) -> None:
    assert problem(tmp_path, env={name: "1"})[0] == what


def test_variables_of_others_are_none_of_ours(tmp_path: Path) -> None:
    env = {"PATH": "/bin", "SHELTER_MONGO_HOST": "x", "SHELTERCTL_REQUIRE_CLUSTER": "1", "_SHELTERCTL_COMPLETE": "x"}
    assert settings(tmp_path, env=env) == Settings()


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ({"output": "xml"}, "output “xml” is not known"),
        ({"timeout_s": "0"}, "--timeout must be more than 0 s"),
        ({"timeout_s": "5x"}, "the command line: timeout = '5x'"),
        ({"namespace": "Bad_Name"}, "namespace “Bad_Name” cannot be the name of one"),
        ({"namespace": "a/pods"}, "namespace “a/pods” cannot be the name of one"),
        ({"namespace": "-a"}, "namespace “-a” cannot be the name of one"),
        ({"namespace": "a" * 61}, f"namespace “{'a' * 61}” cannot be the name of one"),
    ],
)
def test_flags_that_cannot_be_meant(tmp_path: Path, flags: dict[str, object], what: str) -> None:
    assert problem(tmp_path, **flags)[0] == what  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a", "shelter", "team-2", "0", "a" * 60])
def test_namespaces(tmp_path: Path, name: str) -> None:
    assert settings(tmp_path, namespace=name).namespace == name


def test_the_nearest_word() -> None:
    assert nearest("sigkil", ["delete", "force-delete", "sigkill"]) == " (did you mean sigkill?)"
    assert nearest("xyzzy", ["delete", "sigkill"]) == ""
