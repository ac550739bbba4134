"""Which container is the database, where its data lie, and whether the same process answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.faults.database import DatabaseIdentity, data_problem, database_container
from shelterctl.core.state import Mount, Pod
from tests.core.stack_examples import DATABASE

pytestmark = pytest.mark.unit

MONGO = replace(DATABASE.containers[0], ports=(27017,), data_path="/data/db")
EXPORTER = replace(MONGO, name="aaa-exporter", ports=(9216,), data_path="")


def pod(*containers: object) -> Pod:
    return replace(DATABASE, containers=containers)  # type: ignore[arg-type]


def test_the_container_that_serves_the_port_is_the_database() -> None:
    assert database_container(pod(EXPORTER, MONGO)) == MONGO
    assert database_container(pod(EXPORTER)) == EXPORTER


@pytest.mark.parametrize("containers", [(EXPORTER, replace(MONGO, ports=())), (MONGO, replace(MONGO, name="other"))])
def test_where_none_or_two_could_be_meant_none_is(containers: tuple[object, ...]) -> None:
    assert database_container(pod(*containers)) is None


CLAIM_HERE = Mount("/data/db", "claim", "data-mongodb-0")
CLAIM_ELSEWHERE = Mount("/backup", "claim", "data-mongodb-0")
SCRATCH = Mount("/data/db", "emptyDir", "scratch")


@pytest.mark.parametrize(
    ("mounts", "problem"),
    [
        ((CLAIM_HERE,), ""),
        ((Mount("/data", "claim", "data-mongodb-0"),), ""),
        ((Mount("/", "claim", "data-mongodb-0"),), ""),
        ((Mount("/data/", "emptyDir", "tmp"), CLAIM_HERE), ""),
        ((CLAIM_ELSEWHERE,), "in the container's own layer, and its claim is mounted elsewhere (data-mongodb-0 at /backup)"),
        ((CLAIM_ELSEWHERE, SCRATCH), "in emptyDir scratch, and its claim is mounted elsewhere (data-mongodb-0 at /backup)"),
        # The claim holds the folder above, and an emptyDir the data themselves.
        ((Mount("/data", "claim", "c"), SCRATCH), "in emptyDir scratch, and its claim is mounted elsewhere (c at /data)"),
        ((Mount("/data/dbs", "claim", "c"),), "in the container's own layer, and its claim is mounted elsewhere (c at /data/dbs)"),
        ((), "in the container's own layer"),
    ],
)
def test_the_data_must_lie_on_the_claim(mounts: tuple[Mount, ...], problem: str) -> None:
    container = replace(MONGO, mounts=mounts)
    found = data_problem(pod(container), container)
    assert found == (f"mongodb of pod mongodb-0 keeps its data (/data/db) {problem}" if problem else "")


def test_a_folder_that_is_not_known_is_no_problem() -> None:
    assert data_problem(pod(MONGO), replace(MONGO, data_path="", mounts=(CLAIM_ELSEWHERE,))) == ""


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (DatabaseIdentity("a"), DatabaseIdentity("a"), True),
        (DatabaseIdentity("a"), DatabaseIdentity("b"), False),
        (DatabaseIdentity("a", 100.0), DatabaseIdentity("", 100.4), True),
        (DatabaseIdentity("", 100.0), DatabaseIdentity("", 103.0), False),
        (DatabaseIdentity("", None, "10.0.0.1"), DatabaseIdentity("", None, "10.0.0.2"), False),
        (DatabaseIdentity("", None, "10.0.0.1"), DatabaseIdentity("", None, "10.0.0.1"), None),
        (DatabaseIdentity(), DatabaseIdentity(), None),
        (DatabaseIdentity("a"), DatabaseIdentity(), None),
    ],
)
def test_whether_the_same_process_answers(before: DatabaseIdentity, after: DatabaseIdentity, same: bool | None) -> None:
    assert before.is_still(after) is same
