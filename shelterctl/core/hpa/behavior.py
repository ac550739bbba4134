"""``spec.behavior`` of an autoscaling/v2 HorizontalPodAutoscaler: as written, and with the API's defaults.

Source: ``pkg/apis/autoscaling/v2/defaults.go`` and ``pkg/apis/autoscaling/validation/validation.go`` of Kubernetes,
release 1.34.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from shelterctl.core.hpa.int32 import INT32_MAX
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE, Tolerances

DEFAULT_DOWNSCALE_STABILIZATION_S = 300
MAX_STABILIZATION_WINDOW_S = 3600
MAX_PERIOD_S = 1800


class PolicyType(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"


class SelectPolicy(StrEnum):
    """Which of the policies counts: the one that allows the most change, the least, or none at all."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """At most ``value`` pods, or percent of the replicas at the period's start, in each ``period_s``."""

    type: PolicyType
    value: int
    period_s: int


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """The rules for one direction as written; None where a field was left out.

    :param tolerance: a share. Kubernetes reads it only where the feature gate HPAConfigurableTolerance is on.
    """

    stabilization_window_s: int | None = None
    select_policy: SelectPolicy | None = None
    policies: tuple[ScalingPolicy, ...] | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Behavior:
    """``spec.behavior`` as written; None where a direction was left out."""

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


@dataclass(frozen=True, slots=True)
class EffectiveRules:
    """The rules for one direction with the defaults filled in."""

    stabilization_window_s: int
    select_policy: SelectPolicy
    policies: tuple[ScalingPolicy, ...]
    tolerance: float | None = None

    @property
    def longest_period_s(self) -> int:
        """The longest period of the policies: older scale events of this direction may be forgotten."""
        return max((policy.period_s for policy in self.policies), default=0)


@dataclass(frozen=True, slots=True)
class EffectiveBehavior:
    """``spec.behavior`` with the defaults filled in, which is what the controller works with."""

    scale_up: EffectiveRules
    scale_down: EffectiveRules


def with_defaults(behavior: Behavior, *, downscale_stabilization_s: int = DEFAULT_DOWNSCALE_STABILIZATION_S) -> EffectiveBehavior:
    """Fill in the API's defaults, field by field: +4 pods or +100% per 15 s at once, -100% per 15 s after a window.

    :param downscale_stabilization_s: the controller's ``--horizontal-pod-autoscaler-downscale-stabilization``, which
        is the scale-down window where none is written.
    """
    up = EffectiveRules(
        stabilization_window_s=0,
        select_policy=SelectPolicy.MAX,
        policies=(ScalingPolicy(PolicyType.PODS, 4, 15), ScalingPolicy(PolicyType.PERCENT, 100, 15)),
    )
    down = EffectiveRules(
        stabilization_window_s=downscale_stabilization_s,
        select_policy=SelectPolicy.MAX,
        policies=(ScalingPolicy(PolicyType.PERCENT, 100, 15),),
    )
    return EffectiveBehavior(_overlay(behavior.scale_up, up), _overlay(behavior.scale_down, down))


def _overlay(written: ScalingRules | None, default: EffectiveRules) -> EffectiveRules:
    if written is None:
        return default
    window_s, select, policies = written.stabilization_window_s, written.select_policy, written.policies
    return EffectiveRules(
        stabilization_window_s=default.stabilization_window_s if window_s is None else window_s,
        select_policy=default.select_policy if select is None else select,
        policies=default.policies if policies is None else policies,
        tolerance=written.tolerance,
    )


def tolerances_of(behavior: Behavior | None, *, configurable: bool, cluster_tolerance: float = DEFAULT_TOLERANCE) -> Tolerances:
    """The tolerances that hold for an HPA.

    :param configurable: whether HPAConfigurableTolerance is on: by default from Kubernetes 1.35.
    :param cluster_tolerance: the controller's ``--horizontal-pod-autoscaler-tolerance``.
    """

    def of(rules: ScalingRules | None) -> float:
        if not configurable or rules is None or rules.tolerance is None:
            return cluster_tolerance
        return rules.tolerance

    return Tolerances(scale_up=of(behavior.scale_up if behavior else None), scale_down=of(behavior.scale_down if behavior else None))


def parse_behavior(raw: Mapping[str, object] | None) -> Behavior | None:
    """Read ``spec.behavior`` of the JSON form; None, which the controller treats apart from an empty one, stays None.

    Fields that this release of the API doesn't know are left out, as the API server leaves them out.

    :raises ValueError: a value that the API server refuses; the message begins with the field's path.
    """
    if raw is None:
        return None
    return Behavior(
        scale_up=_parse_rules(raw.get("scaleUp"), "behavior.scaleUp"),
        scale_down=_parse_rules(raw.get("scaleDown"), "behavior.scaleDown"),
    )


def _parse_rules(raw: object, path: str) -> ScalingRules | None:
    if raw is None:
        return None
    fields = _mapping(raw, path)
    window, select = fields.get("stabilizationWindowSeconds"), fields.get("selectPolicy")
    policies, tolerance = fields.get("policies"), fields.get("tolerance")
    return ScalingRules(
        stabilization_window_s=None
        if window is None
        else _integer(window, f"{path}.stabilizationWindowSeconds", 0, MAX_STABILIZATION_WINDOW_S),
        select_policy=None if select is None else SelectPolicy(_one_of(select, f"{path}.selectPolicy", SelectPolicy)),
        policies=None if policies is None else _parse_policies(policies, f"{path}.policies"),
        tolerance=None if tolerance is None else _quantity(tolerance, f"{path}.tolerance"),
    )


def _parse_policies(raw: object, path: str) -> tuple[ScalingPolicy, ...]:
    if not isinstance(raw, list | tuple):
        raise ValueError(f"{path}: expected a list, got {raw!r}")
    if not raw:
        raise ValueError(f"{path}: must specify at least one policy")
    return tuple(_parse_policy(policy, f"{path}[{position}]") for position, policy in enumerate(raw))


def _parse_policy(raw: object, path: str) -> ScalingPolicy:
    fields = _mapping(raw, path)
    return ScalingPolicy(
        type=PolicyType(_one_of(fields.get("type"), f"{path}.type", PolicyType)),
        value=_integer(fields.get("value"), f"{path}.value", 1, INT32_MAX),
        period_s=_integer(fields.get("periodSeconds"), f"{path}.periodSeconds", 1, MAX_PERIOD_S),
    )


def _mapping(raw: object, path: str) -> Mapping[object, object]:
    if not isinstance(raw, Mapping):
        raise ValueError(f"{path}: expected a mapping, got {raw!r}")
    return raw


def _integer(raw: object, path: str, lowest: int, highest: int) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not lowest <= raw <= highest:
        raise ValueError(f"{path}: expected an integer from {lowest} to {highest}, got {raw!r}")
    return raw


def _one_of(raw: object, path: str, choices: type[StrEnum]) -> str:
    allowed = [choice.value for choice in choices]
    if not isinstance(raw, str) or raw not in allowed:
        raise ValueError(f"{path}: expected one of {', '.join(allowed)}, got {raw!r}")
    return raw


def _quantity(raw: object, path: str) -> float:
    """A Kubernetes quantity not below 0, such as ``0.05``, ``"50m"`` or ``"5e-2"``, as a number."""
    if isinstance(raw, str | int | float) and not isinstance(raw, bool):
        text = str(raw)
        exponent = {"m": -3, "u": -6, "n": -9}.get(text[-1:], 0)
        try:
            value = Decimal(text[:-1] if exponent else text).scaleb(exponent)
        except InvalidOperation:
            value = Decimal("NaN")
        if value.is_finite() and value >= 0:
            return float(value)
    raise ValueError(f"{path}: expected a quantity of at least 0, got {raw!r}")
