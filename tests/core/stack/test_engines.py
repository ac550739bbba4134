"""Which engine a stack's database is, where its data lie, and what PostgreSQL's stacks show of themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack import engines
from shelterctl.core.stack.model import Build, Engine, StackFinding
from shelterctl.core.stack.provable import driver_timeout_s
from shelterctl.core.stack.stack import Stack

pytestmark = pytest.mark.unit

LEDGER = Path(__file__).parents[3] / "examples" / "ledger"


def changed(tmp_path: Path, *changes: tuple[str, str, str]) -> Stack:
    """The ledger with texts of its files in the place of others; a text that is not there would change nothing."""
    folder = tmp_path / "ledger"
    shutil.copytree(LEDGER, folder, dirs_exist_ok=True)
    for name, before, after in changes:
        text = (folder / name).read_text()
        assert before in text
        (folder / name).write_text(text.replace(before, after))
    return reader.read(folder)


def official(tmp_path: Path, image: str, *changes: tuple[str, str, str]) -> Stack:
    """The ledger on an image from elsewhere: it builds none of the database."""
    changed(tmp_path, ("k8s/database.yaml", "image: ledger-db:1.0", f"image: {image}"), *changes)
    shutil.rmtree(tmp_path / "ledger" / "db")
    return reader.read(tmp_path / "ledger")


def finding(stack: Stack, code: str) -> StackFinding | None:
    return next((found for found in stack.findings if found.code == code), None)


@pytest.mark.parametrize(
    ("image", "engine"),
    [
        ("postgres:17", Engine.POSTGRESQL),
        ("docker.io/bitnami/postgresql:16", Engine.POSTGRESQL),
        ("postgis/postgis:16-3.4", Engine.POSTGRESQL),
        ("timescale/timescaledb-ha:pg16", Engine.POSTGRESQL),
        ("percona/percona-server-mongodb:7", Engine.MONGODB),
        ("mariadb:11", Engine.MARIADB),
        ("redis:7", None),
        ("my-postgres-backup:1", None),
    ],
)
def test_an_image_names_its_engine(image: str, engine: Engine | None) -> None:
    assert engines.of_image(image) is engine


@pytest.mark.parametrize(
    ("packages", "engine"),
    [
        (("curl", "postgresql-17"), Engine.POSTGRESQL),
        (("postgresql",), Engine.POSTGRESQL),
        (("postgresql17-server",), Engine.POSTGRESQL),
        (("mariadb-server",), Engine.MARIADB),
        (("default-mysql-server",), Engine.MYSQL),
        (("postgresql-client", "libpq-dev", "postgresql-client-17", "postgresql-common"), None),
        (("default-mysql-client", "mariadb-client"), None),
    ],
)
def test_a_dockerfile_installs_its_server_and_a_client_is_none(packages: tuple[str, ...], engine: Engine | None) -> None:
    found = engines.installed(Build("Dockerfile", ".", "debian", packages=packages))
    assert (found[0] if found is not None else None) is engine


def test_an_application_that_installs_a_server_is_no_database(tmp_path: Path) -> None:
    stack = changed(tmp_path, ("Dockerfile", "COPY requirements.txt .", "RUN apt-get install -y postgresql\nCOPY requirements.txt ."))
    assert stack.roles.app is not None
    assert stack.roles.database is not None
    assert (stack.roles.app.key, stack.roles.database.key) == ("Deployment/ledger", "StatefulSet/ledger-db")


@pytest.mark.parametrize(
    ("image", "pgdata", "path"),
    [
        ("postgres:17", "", "/var/lib/postgresql/data"),
        ("postgres:17-alpine", "/var/lib/postgresql/data/pgdata", "/var/lib/postgresql/data/pgdata"),
        ("postgres:18", "", "/var/lib/postgresql/18/docker"),
        ("postgres:18.1-bookworm", "/data/db", "/data/db"),
        ("postgres", "", "/var/lib/postgresql/data"),
        ("bitnami/postgresql:16", "", "/bitnami/postgresql/data"),
        ("postgis/postgis:16-3.4", "", "/var/lib/postgresql/data"),
    ],
)
def test_the_data_lie_where_image_or_variables_say(tmp_path: Path, image: str, pgdata: str, path: str) -> None:
    variable = ("k8s/database.yaml", "            - name: POSTGRES_DB\n", f"            - name: PGDATA\n              value: {pgdata}\n            - name: POSTGRES_DB\n")  # fmt: skip  # noqa: E501
    assert official(tmp_path, image, *([variable] if pgdata else [])).data_path == path


def test_the_data_of_an_image_of_ones_own_lie_where_its_dockerfile_says(tmp_path: Path) -> None:
    assert changed(tmp_path).data_path == "/var/lib/postgresql/data/pgdata"
    plain = changed(tmp_path / "plain", ("db/Dockerfile", " PGDATA=/var/lib/postgresql/data/pgdata", ""))
    assert plain.data_path == "/var/lib/postgresql/17/main"
    missed = finding(plain, "database-without-volume")
    assert missed is not None
    assert "/var/lib/postgresql/17/main is the container's own layer; its volume is mounted at /var/lib/postgresql/data" in missed.what


def test_a_volume_of_the_old_place_holds_nothing_of_version_18(tmp_path: Path) -> None:
    missed = finding(official(tmp_path, "postgres:18"), "database-without-volume")
    assert missed is not None
    assert missed.mend == "mount a claim at /var/lib/postgresql"
    above = ("k8s/database.yaml", "mountPath: /var/lib/postgresql/data", "mountPath: /var/lib/postgresql")
    right = official(tmp_path, "postgres:18", above)
    assert finding(right, "database-without-volume") is finding(right, "volume-above-image-volume") is None


@pytest.mark.parametrize(
    ("image", "hidden"), [("postgres:17", True), ("postgres:18", False), ("postgres", False), ("own/postgres:17", False)]
)
def test_a_volume_above_the_images_own_is_told(tmp_path: Path, image: str, *, hidden: bool) -> None:
    above = ("k8s/database.yaml", "mountPath: /var/lib/postgresql/data", "mountPath: /var/lib/postgresql")
    assert (finding(official(tmp_path, image, above), "volume-above-image-volume") is not None) is hidden


@pytest.mark.parametrize(
    "change",
    [
        ("k8s/database.yaml", "          ports:\n", '          args: [-c, synchronous_commit=off]\n          ports:\n'),
        ("k8s/database.yaml", "apiVersion: apps/v1\nkind: StatefulSet", 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  postgresql.conf: |\n    a = 1\n    synchronous_commit = off\n---\napiVersion: apps/v1\nkind: StatefulSet'),  # noqa: E501
        ("k8s/app.yaml", "            - name: PGHOST\n", "            - name: PGOPTIONS\n              value: -c synchronous_commit=off\n            - name: PGHOST\n"),  # noqa: E501
        ("k8s/app.yaml", "            - name: PGHOST\n", "            - name: DATABASE_URL\n              value: postgresql://u:p@ledger-db/l?options=-csynchronous_commit%3Doff\n            - name: PGHOST\n"),  # noqa: E501
        ("app.py", "SELECT to_regclass", "SET synchronous_commit TO 'off'; SELECT to_regclass"),
    ],
)  # fmt: skip
def test_commits_that_are_acknowledged_first_are_found_wherever_they_are_asked_for(tmp_path: Path, change: tuple[str, str, str]) -> None:
    assert finding(changed(tmp_path, change), "acknowledged-before-logged") is not None
    off = (change[0], change[1], change[2].replace("synchronous_commit", "# synchronous_commit" if "conf:" in change[2] else "other"))
    assert finding(changed(tmp_path / "other", off), "acknowledged-before-logged") is None


def test_a_table_that_a_crash_empties_is_told(tmp_path: Path) -> None:
    assert finding(changed(tmp_path), "unlogged-table") is None
    found = finding(changed(tmp_path / "un", ("app.py", "CREATE TABLE IF", "CREATE UNLOGGED TABLE IF")), "unlogged-table")
    assert found is not None
    assert "empties it after a crash" in found.why


def test_the_official_image_wants_a_password(tmp_path: Path) -> None:
    named = ("k8s/database.yaml", "name: POSTGRES_PASSWORD", "name: POSTGRES_PASS")
    assert finding(official(tmp_path, "postgres:17"), "database-without-password") is None
    assert finding(official(tmp_path / "a", "postgres:17", named), "database-without-password") is not None
    assert finding(changed(tmp_path / "b", named), "database-without-password") is None


def test_a_uri_without_a_user_and_one_in_pairs(tmp_path: Path) -> None:
    host = ("k8s/app.yaml", "            - name: PGHOST\n              value: ledger-db\n", "            - name: DATABASE_URL\n              value: {}\n")  # fmt: skip  # noqa: E501
    users = (("k8s/app.yaml", "PGUSER", "PGNAME"),)

    def told(folder: str, value: str) -> Stack:
        return changed(tmp_path / folder, (*host[:2], host[2].format(value)), *users)

    missing = finding(told("a", "postgresql+psycopg2://ledger-db:5432/ledger"), "uri-without-user")
    assert missing is not None
    assert missing.mend == "postgresql://USER:PASSWORD@HOST/DATABASE"
    stack = told("b", "\"host=ledger-dp port=5432 dbname=ledger user=me password='it is secret'\"")
    assert finding(stack, "uri-without-user") is None
    typo = finding(stack, "host-names-no-service")
    assert typo is not None
    assert typo.mend == "ledger-db is the nearest"
    assert stack.roles.app is not None
    shown = stack.roles.app.containers[0].variables[0]
    assert (shown.shown, shown.password_in_clear) == ("host=ledger-dp port=5432 dbname=ledger user=me password=***", True)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ((), 10.0),
        ((("app.py", '    "connect_timeout": 3,\n', ""),), 30.0),
        ((("app.py", '"connect_timeout": 3', '"connect_timeout": 60'),), 60.0),
        ((("app.py", '"connect_timeout": 3', '"connect_timeout": 20'),), 30.0),
        ((("requirements.txt", "gunicorn", "Flask-SQLAlchemy==3.1.1\ngunicorn"),), 30.0),
        ((("app.py", "app = Flask(__name__)", "app = Flask(__name__)\npool = psycopg_pool.ConnectionPool('')"),), 30.0),
    ],
)
def test_how_long_the_driver_may_still_write(tmp_path: Path, changes: tuple[tuple[str, str, str], ...], seconds: float) -> None:
    assert driver_timeout_s(changed(tmp_path, *changes)) == seconds
