"""What each command's result is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelterctl.adapters.runs.store import RunSummary
from shelterctl.cli.render.autoscaling.hpa import Applied
from shelterctl.cli.render.init import InitResult
from shelterctl.cli.render.new import NewResult
from shelterctl.cli.reporting import Made, Verified
from shelterctl.core.autoscaling.check import Checked
from shelterctl.core.autoscaling.explain import Explanation as Explained
from shelterctl.core.autoscaling.replay import Replay
from shelterctl.core.checkup.check import Checkup
from shelterctl.core.dns.records import DnsReport
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.explained import Explanation
from shelterctl.core.load.result import LoadResult
from shelterctl.core.stack.inspection import Inspection
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.down import DownResult
from shelterctl.ops.during import RolledOut
from shelterctl.ops.hpa.simulate import Recommendation, Simulation
from shelterctl.ops.prove import Proof
from shelterctl.ops.status import StatusResult
from shelterctl.ops.up.up import UpResult
from shelterctl.ops.watch import WatchResult

#: What `result` holds, by command; several where an option changes it.
RESULTS: Mapping[str, tuple[Any, ...]] = {
    "prove": (Proof,),
    "inspect": (Inspection,),
    "init": (InitResult,),
    "up": (UpResult,),
    "status": (StatusResult,),
    "status watch": (WatchResult,),
    "loadtest": (LoadResult, RolledOut),
    "hpa explain": (Explained,),
    "hpa replay": (Replay,),
    "hpa simulate": (Simulation,),
    "hpa recommend": (Recommendation, Applied, Checked),
    "chaos kill-db": (KillDbResult,),
    "dns check": (DnsReport,),
    "doctor": (Checkup,),
    "explain": (tuple[Explanation, ...],),
    "url": (Endpoint,),
    "runs list": (tuple[RunSummary, ...],),
    "report": (Made, Verified),
    "new": (NewResult,),
    "down": (DownResult,),
    "version": (Mapping[str, str],),
}
