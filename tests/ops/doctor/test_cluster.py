"""The order of a cluster's checks, where nothing answers: what explains the rest comes first in its area."""

from __future__ import annotations

from typing import NoReturn

import pytest

from shelterctl.adapters.clock import SystemClock
from shelterctl.core.checkup.check import Area, CheckState
from shelterctl.core.state import Place
from shelterctl.errors import ShelterError
from shelterctl.ops.doctor.cluster import ClusterExaminer

pytestmark = pytest.mark.local


class NothingAnswers:
    """Every look fails."""

    def __getattr__(self, name: str) -> object:
        def look() -> NoReturn:
            raise ShelterError(f"{name} does not answer")

        return look


@pytest.mark.parametrize("profile", ["minikube", None])
def test_what_explains_the_rest_comes_first(profile: str | None) -> None:
    place = Place("minikube", "shelter", profile)
    examiner = ClusterExaminer(NothingAnswers, SystemClock(), place, "linux")  # type: ignore[arg-type]
    examination = examiner.examine()
    while True:
        try:
            next(examination)
        except StopIteration as stop:
            findings = stop.value
            break
    cluster = [finding.check for finding in findings if finding.area is Area.CLUSTER]
    assert cluster[:2] == ["api-server", "kubernetes-version"]
    assert cluster[-3:] == ["node-disk", "volumes-disk", "clocks"]
    assert [finding.check for finding in findings if finding.area is Area.METRICS][-1] == "housekeeping"
    assert not [finding for finding in findings if finding.state is CheckState.OK]
    assert len({finding.check for finding in findings}) == len(findings)
