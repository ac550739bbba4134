"""A user's MySQL as a mariadbd of this machine: its users from the manifests, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.local import claim
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.own import mariadb, refusals
from shelterctl.adapters.local.own.mariadb import Credentials, Programs, credentials_of, statements
from shelterctl.adapters.local.spec import MARIADB
from shelterctl.adapters.stack import reader
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import PrerequisiteError, Refused
from tests.cluster.commands import REPOSITORY

pytestmark = pytest.mark.unit

THERE = Programs("/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db", "/usr/bin/mariadb", "10.11.19")


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mariadb, "programs", lambda: THERE)


def guestbook(tmp_path: Path, *changes: tuple[str, str]) -> Stack:
    folder = tmp_path / "guestbook"
    folder.mkdir()
    source = REPOSITORY / "examples" / "guestbook"
    for name in ("Dockerfile", "app.py", "requirements.txt"):
        (folder / name).write_text((source / name).read_text())
    (folder / "k8s").mkdir()
    for file in (source / "k8s").iterdir():
        text = file.read_text()
        for old, new in changes if file.name == "mysql.yaml" else ():
            assert old in text
            text = text.replace(old, new)
        (folder / "k8s" / file.name).write_text(text)
    return reader.read(folder)


def test_a_guestbook_can_be_had_where_mariadb_is(tmp_path: Path) -> None:
    stack = guestbook(tmp_path)
    refusals.check(stack)
    assert mariadb.credentials(stack) == Credentials("guestbook-example", "", "", "guestbook")


def test_without_mariadb_it_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mariadb, "programs", lambda: None)
    with pytest.raises(Refused, match="Deployment/mysql, which is mysql") as refused:
        refusals.check(guestbook(tmp_path), insist=True)
    assert "apt-get install mariadb-server" in refused.value.why
    assert "nothing was started" in refused.value.why
    with pytest.raises(PrerequisiteError, match="no MariaDB is on the PATH"):
        mariadb.find(Home(tmp_path), None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mountPath: /var/lib/mysql", "mountPath: /docker-entrypoint-initdb.d", "/docker-entrypoint-initdb.d of Deployment/mysql"),
        ("mountPath: /var/lib/mysql", "mountPath: /etc/mysql/conf.d", "/etc/mysql/conf.d of Deployment/mysql"),
        ("MYSQL_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD of Deployment/mysql"),
        ("MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD_FILE", "MYSQL_ROOT_PASSWORD_FILE of Deployment/mysql"),
        ("name: MYSQL_ROOT_PASSWORD", "name: OTHER", "Deployment/mysql without MYSQL_ROOT_PASSWORD"),
        ("image: mysql:8.4", 'image: mysql:8.4\n          args: ["--skip-grant-tables"]', "the command of Deployment/mysql"),
    ],
)
def test_what_is_not_taken_over_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        refusals.check(guestbook(tmp_path, (old, new)), insist=True)
    assert said in " ".join([refused.value.what, *refused.value.details])


def test_users_are_made_however_often_and_a_text_stays_a_text() -> None:
    told = credentials_of({"MYSQL_ROOT_PASSWORD": "a'b\\c", "MYSQL_USER": "u", "MYSQL_PASSWORD": "p", "MYSQL_DATABASE": "my_`db"})
    lines = statements(told).splitlines()
    assert lines[0] == "CREATE DATABASE IF NOT EXISTS `my_``db`;"
    # The nearest name counts, and a new folder has three without a password.
    for host in ("%", "localhost", "127.0.0.1", "::1"):
        assert f"ALTER USER 'root'@'{host}' IDENTIFIED BY 'a''b\\\\c';" in lines
    assert lines[-1] == "GRANT ALL ON `my\\_``db`.* TO 'u'@'%';"
    assert all(line.endswith(";") for line in lines)
    assert "'a" not in repr(told)


def test_mariadbs_own_names_come_first() -> None:
    assert credentials_of({"MYSQL_ROOT_PASSWORD": "old", "MARIADB_ROOT_PASSWORD": "new"}).root_password == "new"


def test_no_password_is_in_the_command_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    home.secrets.mkdir(exist_ok=True)
    mariadb.write_secrets(home, Credentials("very secret"))
    assert not [word for word in mariadb.find(home, None).program if "very secret" in word]
    assert {file.stat().st_mode & 0o777 for file in home.secrets.iterdir()} == {0o600}


def test_its_data_are_no_other_databases(tmp_path: Path) -> None:
    (tmp_path / "mysql").mkdir()
    assert claim.made_by(tmp_path) == MARIADB
    with pytest.raises(PrerequisiteError, match="made by mariadbd"):
        claim.check(tmp_path, "mongod")
