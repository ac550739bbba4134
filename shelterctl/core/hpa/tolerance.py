"""How far the usage may be from its target before the HorizontalPodAutoscaler scales."""

import math
from dataclasses import dataclass

DEFAULT_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Tolerances of the ratio usage / target, as shares: 0.1 is ten percent.

    One for each direction, because ``behavior.scaleUp.tolerance`` and ``behavior.scaleDown.tolerance`` may set them
    apart.
    """

    scale_up: float = DEFAULT_TOLERANCE
    scale_down: float = DEFAULT_TOLERANCE

    def holds(self, ratio: float) -> bool:
        """Whether the ratio is near enough to 1 to change nothing.

        The form matters in float64: 1.1 is within 0.1 here, and was not in the older ``abs(1 - ratio) <= tolerance``.
        Source: ``Tolerances.isWithin`` in Kubernetes' ``replica_calculator.go``, release 1.33 and later.
        """
        return (1.0 - self.scale_down) <= ratio <= (1.0 + self.scale_up)


def both_ways(tolerance: float | Tolerances) -> Tolerances:
    """The same tolerance up and down, unless they are given apart."""
    return tolerance if isinstance(tolerance, Tolerances) else Tolerances(tolerance, tolerance)


def highest_target(percent: int, tolerance: float) -> int:
    """The highest target (whole percent) by which a reading calls for a pod more; 0 where none does."""
    return max(0, math.ceil(percent / (1 + tolerance)) - 1)
