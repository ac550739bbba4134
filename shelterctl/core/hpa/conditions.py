"""What the HorizontalPodAutoscaler says about a decision: its conditions and events, word for word.

Source: ``pkg/controller/podautoscaler/horizontal.go`` of Kubernetes, release 1.34.
"""

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    ABLE_TO_SCALE = "AbleToScale"
    SCALING_ACTIVE = "ScalingActive"
    SCALING_LIMITED = "ScalingLimited"


class ConditionReason(StrEnum):
    """Reasons of the conditions. A decision gives all but the failures to read or write the scale."""

    # AbleToScale
    SUCCEEDED_GET_SCALE = "SucceededGetScale"
    READY_FOR_NEW_SCALE = "ReadyForNewScale"
    SCALE_UP_STABILIZED = "ScaleUpStabilized"
    SCALE_DOWN_STABILIZED = "ScaleDownStabilized"
    SUCCEEDED_RESCALE = "SucceededRescale"
    FAILED_GET_SCALE = "FailedGetScale"
    FAILED_UPDATE_SCALE = "FailedUpdateScale"
    # ScalingActive
    VALID_METRIC_FOUND = "ValidMetricFound"
    SCALING_DISABLED = "ScalingDisabled"
    FAILED_GET_RESOURCE_METRIC = "FailedGetResourceMetric"
    FAILED_GET_PODS_METRIC = "FailedGetPodsMetric"
    FAILED_GET_OBJECT_METRIC = "FailedGetObjectMetric"
    FAILED_GET_EXTERNAL_METRIC = "FailedGetExternalMetric"
    # ScalingLimited
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    SCALE_UP_LIMIT = "ScaleUpLimit"
    SCALE_DOWN_LIMIT = "ScaleDownLimit"
    TOO_MANY_REPLICAS = "TooManyReplicas"
    TOO_FEW_REPLICAS = "TooFewReplicas"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the status; True and False are the API's texts of that name."""

    type: ConditionType
    status: bool
    reason: ConditionReason
    message: str


class EventReason(StrEnum):
    """Reasons of the events. A decision gives all but FAILED_RESCALE, which is a failure to write the scale."""

    SUCCESSFUL_RESCALE = "SuccessfulRescale"
    FAILED_GET_RESOURCE_METRIC = "FailedGetResourceMetric"
    FAILED_COMPUTE_METRICS_REPLICAS = "FailedComputeMetricsReplicas"
    FAILED_RESCALE = "FailedRescale"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that the controller records; all but SuccessfulRescale are warnings."""

    reason: EventReason
    message: str


_MESSAGES = {
    ConditionReason.SUCCEEDED_GET_SCALE: "the HPA controller was able to get the target's current scale",
    ConditionReason.READY_FOR_NEW_SCALE: "recommended size matches current size",
    ConditionReason.SCALE_UP_STABILIZED: ("recent recommendations were lower than current one, applying the lowest recent recommendation"),
    ConditionReason.SCALE_DOWN_STABILIZED: (
        "recent recommendations were higher than current one, applying the highest recent recommendation"
    ),
    ConditionReason.SUCCEEDED_RESCALE: "the HPA controller was able to update the target scale to {}",
    ConditionReason.VALID_METRIC_FOUND: "the HPA was able to successfully calculate a replica count from {}",
    ConditionReason.SCALING_DISABLED: "scaling is disabled since the replica count of the target is zero",
    ConditionReason.FAILED_GET_RESOURCE_METRIC: "the HPA was unable to compute the replica count: {}",
    ConditionReason.DESIRED_WITHIN_RANGE: "the desired count is within the acceptable range",
    ConditionReason.SCALE_UP_LIMIT: "the desired replica count is increasing faster than the maximum scale rate",
    ConditionReason.SCALE_DOWN_LIMIT: "the desired replica count is decreasing faster than the maximum scale rate",
    ConditionReason.TOO_MANY_REPLICAS: "the desired replica count is more than the maximum replica count",
    ConditionReason.TOO_FEW_REPLICAS: "the desired replica count is less than the minimum replica count",
}


def able_to_scale(reason: ConditionReason, detail: object = "") -> Condition:
    """AbleToScale, which a decision never makes False: only a scale that can't be read or written does."""
    return Condition(ConditionType.ABLE_TO_SCALE, True, reason, _MESSAGES[reason].format(detail))


def scaling_active(status: bool, reason: ConditionReason, detail: object = "") -> Condition:
    """ScalingActive with the controller's message."""
    return Condition(ConditionType.SCALING_ACTIVE, status, reason, _MESSAGES[reason].format(detail))


def scaling_limited(status: bool, reason: ConditionReason) -> Condition:
    """ScalingLimited with the controller's message."""
    return Condition(ConditionType.SCALING_LIMITED, status, reason, _MESSAGES[reason])
