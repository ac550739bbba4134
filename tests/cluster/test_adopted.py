"""A stack that runs in two namespaces, taken as it is. On the first profile: those of the second take longer already."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cluster import kube
from tests.cluster.examples import example

pytestmark = pytest.mark.cluster


def test_a_stack_of_two_namespaces_is_taken_as_it_runs(tmp_path: Path) -> None:
    with example("notes-003", tmp_path, images=["image: notes-003"], spaces=["notes-003", "notes-003-db"]) as notes:
        notes("up")
        app, data = (f"{space}-{notes.namespace.rpartition('-')[2]}" for space in ("notes-003", "notes-003-db"))
        # Of the folder the sources alone, and beside the database somebody else's workload.
        for leaving in (*notes.folder.glob("k8s"), *notes.folder.glob("variants")):
            shutil.rmtree(leaving)
        kube.kubectl("-n", data, "create", "deployment", "strangers", "--image", "python:3.13-slim", "--", "sleep", "600")
        notes.namespace, notes.defaults = app, ()

        taken = notes("up", "--adopt").result
        assert (taken["changed"], taken["applied"]["changes"]) == (False, [])
        state = notes("status", expect=None).result["state"]
        assert {(each["namespace"], each["name"]) for each in state["workloads"]} == {(app, "notes"), (data, "mongo")}
        killed = notes("chaos", "kill-db", "--mode", "delete", "--warm-up", "2s").result
        assert killed["judgement"]["verdict"] == "PASS"
        names = notes("dns", "check").result
        assert names["judgement"]["verdict"] == "PASS"
        assert f"mongo-0.mongo.{data}.svc.cluster.local" in json.dumps(names)
        assert "deployment/strangers" not in notes("down").result["kept"]
