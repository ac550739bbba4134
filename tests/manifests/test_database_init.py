"""The database's pod as a container of this machine: the rendered arguments, environment, files and restrictions.

It shows that the image initializes itself under them and that the init script makes the application's user; what only a
cluster can show (claims, policies, probes) is for the tests on a cluster.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tests.manifests.rendering import MANIFESTS, Rendered, quantity, render

pytestmark = pytest.mark.local

READY_WITHIN_S = 120


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Database:
    container: str
    root_password: str
    app_password: str
    app_password_file: Path

    def client(self, user: str, password: str, source: str) -> MongoClient[dict[str, Any]]:
        # The port on this machine is another one after each start.
        port = int(docker("port", self.container, "27017/tcp").splitlines()[0].rpartition(":")[2])
        return MongoClient("127.0.0.1", port, username=user, password=password, authSource=source, serverSelectionTimeoutMS=1000)

    def as_app(self, password: str | None = None) -> MongoClient[dict[str, Any]]:
        return self.client("shelter-app", password or self.app_password, "shelter")

    def as_root(self) -> MongoClient[dict[str, Any]]:
        return self.client("root", self.root_password, "admin")

    def wait(self) -> None:
        """Until it serves; during the initialization it listens inside of the container only."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                with self.as_root() as client:
                    client.admin.command("ping")
                    return
            except (PyMongoError, IndexError, subprocess.CalledProcessError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def mounted(path: Path, content: str, user: int) -> Path:
    """A file as a Secret's volume shows it: of root, readable by the pod's group only."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    if os.geteuid() == 0:
        os.chown(path, 0, user)
        path.chmod(0o440)
    else:
        path.chmod(0o444)
    return path


def run_words(rendered: Rendered, name: str, folders: dict[str, str]) -> list[str]:
    """`docker run` for the StatefulSet's container; folders: what stands for each volume that is no emptyDir."""
    pod, container = rendered.pod("StatefulSet", "mongodb"), rendered.container("StatefulSet", "mongodb")
    user, limits = pod["securityContext"]["runAsUser"], container["resources"]["limits"]
    memory = str(int(quantity(limits["memory"])))
    words = ["run", "--detach", "--name", name, "--publish", "127.0.0.1::27017", "--user", f"{user}:{user}"]
    words += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    words += ["--memory", memory, "--memory-swap", memory, "--cpus", str(quantity(limits["cpu"]))]
    words += [word for variable in container["env"] for word in ("--env", f"{variable['name']}={variable['value']}")]
    scratch = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume}
    for mount in container["volumeMounts"]:
        if mount["name"] in scratch:
            size = int(quantity(scratch[mount["name"]]["sizeLimit"]))
            words += ["--tmpfs", f"{mount['mountPath']}:uid={user},size={size}"]
        else:
            access = "ro" if mount.get("readOnly") else "rw"
            words += ["--volume", f"{folders[mount['name']]}:{mount['mountPath']}:{access}"]
    return [*words, container["image"], *container["args"]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, need_docker: Callable[..., None]) -> Iterator[Database]:
    rendered = render(MANIFESTS / "overlays" / "minikube")
    need_docker(rendered.container("StatefulSet", "mongodb")["image"])

    folder = tmp_path_factory.mktemp("pod")
    user = rendered.pod("StatefulSet", "mongodb")["securityContext"]["runAsUser"]
    root_password, app_password = secrets.token_hex(24), secrets.token_hex(24)
    mounted(folder / "root" / "username", "root", user)
    mounted(folder / "root" / "password", root_password, user)
    app_file = mounted(folder / "app" / "app-password", app_password + "\n", user)
    for script, text in rendered.one("ConfigMap", "mongodb-init")["data"].items():
        mounted(folder / "init" / script, text, user)
    name = f"shelter-manifests-{secrets.token_hex(4)}"
    folders = {"data": name, "init": str(folder / "init")}
    folders |= {"mongodb-root": str(folder / "root"), "mongodb-app": str(folder / "app")}
    docker("volume", "create", name)
    try:
        docker(*run_words(rendered, name, folders))
        found = Database(name, root_password, app_password, app_file)
        found.wait()
        yield found
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, timeout=60)
        subprocess.run(["docker", "volume", "rm", name], capture_output=True, timeout=60)


def test_the_applications_user_writes_to_its_database(database: Database) -> None:
    with database.as_app() as client:
        client.shelter.things.insert_one({"_id": "first", "value": 1})
        assert list(client.shelter.things.find()) == [{"_id": "first", "value": 1}]


def test_a_wrong_password_is_refused(database: Database) -> None:
    with database.as_app("wrong") as client, pytest.raises(OperationFailure, match=r"[Aa]uthentication failed"):
        client.shelter.things.find_one()


def test_the_application_cannot_write_elsewhere(database: Database) -> None:
    with database.as_root() as client:
        if "ferretdbVersion" in client.admin.command("buildInfo"):
            pytest.skip("this mongo:8 is FerretDB, which does not enforce roles")
    with database.as_app() as client, pytest.raises(OperationFailure, match="not authorized"):
        client.other.things.insert_one({})


def test_the_applications_password_is_in_no_log_environment_or_command_line(database: Database) -> None:
    in_container = ("exec", database.container, "sh", "-c")
    seen = {
        "log": subprocess.run(["docker", "logs", database.container], capture_output=True, timeout=60, check=True),
        "container": docker("inspect", database.container),
        "processes": docker(*in_container, "cat /proc/[0-9]*/cmdline /proc/1/environ"),
        "files": docker(*in_container, f"grep -rl {database.app_password} /tmp || true"),
    }
    assert [place for place, text in seen.items() if database.app_password in str(text)] == []
    assert seen["files"] == ""


def test_users_and_data_outlive_a_kill(database: Database) -> None:
    with database.as_app() as client:
        client.shelter.things.insert_one({"_id": "before the kill"})
    docker("kill", "--signal", "KILL", database.container)
    docker("start", database.container)
    database.wait()
    with database.as_app() as client:
        assert client.shelter.things.count_documents({"_id": "before the kill"}) == 1


def test_run_again_by_hand_the_script_sets_the_password_anew(database: Database) -> None:
    database.app_password_file.write_text("another-password\n")
    words = ["exec", database.container, "mongosh", "--quiet", "--username", "root"]
    words += ["--password", database.root_password, "--authenticationDatabase", "admin"]
    docker(*words, "mongodb://127.0.0.1/admin", "/docker-entrypoint-initdb.d/10-app-user.js")
    with database.as_app("another-password") as client:
        assert client.shelter.things.count_documents({}) >= 0
    with database.as_app() as client, pytest.raises(OperationFailure, match=r"[Aa]uthentication failed"):
        client.shelter.things.find_one()
