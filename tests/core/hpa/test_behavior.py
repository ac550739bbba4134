"""``spec.behavior``: reading it, and the API's defaults."""

import pytest

from shelterctl.core.hpa.behavior import (
    Behavior,
    EffectiveBehavior,
    EffectiveRules,
    PolicyType,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    parse_behavior,
    tolerances_of,
    with_defaults,
)
from shelterctl.core.hpa.tolerance import Tolerances

pytestmark = pytest.mark.unit

DEFAULT_UP = EffectiveRules(0, SelectPolicy.MAX, (ScalingPolicy(PolicyType.PODS, 4, 15), ScalingPolicy(PolicyType.PERCENT, 100, 15)))
DEFAULT_DOWN = EffectiveRules(300, SelectPolicy.MAX, (ScalingPolicy(PolicyType.PERCENT, 100, 15),))


def test_a_behavior_is_read_as_written() -> None:
    raw = {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min", "tolerance": "50m"},
        "scaleDown": {
            "policies": [
                {"type": "Pods", "value": 1, "periodSeconds": 60},
                {"type": "Percent", "value": 50, "periodSeconds": 1800},
            ]
        },
    }

    assert parse_behavior(raw) == Behavior(
        scale_up=ScalingRules(stabilization_window_s=0, select_policy=SelectPolicy.MIN, tolerance=0.05),
        scale_down=ScalingRules(policies=(ScalingPolicy(PolicyType.PODS, 1, 60), ScalingPolicy(PolicyType.PERCENT, 50, 1800))),
    )


def test_no_behavior_is_not_an_empty_one() -> None:
    assert parse_behavior(None) is None
    assert parse_behavior({}) == Behavior()
    assert parse_behavior({"scaleUp": None, "scaleDown": {}}) == Behavior(None, ScalingRules())


def test_fields_that_are_not_known_are_left_out() -> None:
    assert parse_behavior({"scaleSideways": {}, "scaleUp": {"mood": "good"}}) == Behavior(ScalingRules())


def test_an_empty_behavior_gets_all_the_defaults() -> None:
    assert with_defaults(Behavior()) == EffectiveBehavior(DEFAULT_UP, DEFAULT_DOWN)


def test_the_defaults_fill_in_field_by_field() -> None:
    one_a_minute = (ScalingPolicy(PolicyType.PODS, 1, 60),)
    behavior = Behavior(
        scale_up=ScalingRules(select_policy=SelectPolicy.DISABLED, tolerance=0.2),
        scale_down=ScalingRules(policies=one_a_minute),
    )

    assert with_defaults(behavior, downscale_stabilization_s=120) == EffectiveBehavior(
        EffectiveRules(0, SelectPolicy.DISABLED, DEFAULT_UP.policies, tolerance=0.2),
        EffectiveRules(120, SelectPolicy.MAX, one_a_minute),
    )


def test_a_window_of_zero_is_not_a_window_left_out() -> None:
    behavior = with_defaults(Behavior(scale_down=ScalingRules(stabilization_window_s=0)))

    assert behavior.scale_down.stabilization_window_s == 0


def test_the_longest_period_is_that_of_any_policy() -> None:
    rules = EffectiveRules(0, SelectPolicy.MAX, (ScalingPolicy(PolicyType.PODS, 1, 60), ScalingPolicy(PolicyType.PODS, 9, 15)))

    assert rules.longest_period_s == 60


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([], "behavior.scaleUp: expected a mapping, got []"),
        (
            {"stabilizationWindowSeconds": 3601},
            "behavior.scaleUp.stabilizationWindowSeconds: expected an integer from 0 to 3600, got 3601",
        ),
        (
            {"stabilizationWindowSeconds": True},
            "behavior.scaleUp.stabilizationWindowSeconds: expected an integer from 0 to 3600, got True",
        ),
        ({"selectPolicy": "max"}, "behavior.scaleUp.selectPolicy: expected one of Max, Min, Disabled, got 'max'"),
        ({"policies": []}, "behavior.scaleUp.policies: must specify at least one policy"),
        ({"policies": "Pods"}, "behavior.scaleUp.policies: expected a list, got 'Pods'"),
        (
            {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]},
            "behavior.scaleUp.policies[0].value: expected an integer from 1 to 2147483647, got 0",
        ),
        (
            {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]},
            "behavior.scaleUp.policies[0].periodSeconds: expected an integer from 1 to 1800, got 1801",
        ),
        (
            {"policies": [{"value": 1, "periodSeconds": 15}]},
            "behavior.scaleUp.policies[0].type: expected one of Pods, Percent, got None",
        ),
        ({"tolerance": "-1"}, "behavior.scaleUp.tolerance: expected a quantity of at least 0, got '-1'"),
        ({"tolerance": "wide"}, "behavior.scaleUp.tolerance: expected a quantity of at least 0, got 'wide'"),
    ],
)
def test_what_the_api_server_refuses_is_refused(rules: object, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_behavior({"scaleUp": rules})

    assert str(refusal.value) == message


@pytest.mark.parametrize(("written", "tolerance"), [(0, 0.0), (0.25, 0.25), ("0.05", 0.05), ("5e-2", 0.05), ("7m", 0.007)])
def test_a_tolerance_is_a_quantity(written: object, tolerance: float) -> None:
    behavior = parse_behavior({"scaleDown": {"tolerance": written}})

    assert tolerances_of(behavior, configurable=True) == Tolerances(scale_up=0.1, scale_down=tolerance)


def test_a_tolerance_of_its_own_needs_the_feature_gate() -> None:
    behavior = Behavior(ScalingRules(tolerance=0.0), ScalingRules(tolerance=0.5))

    assert tolerances_of(behavior, configurable=True) == Tolerances(0.0, 0.5)
    assert tolerances_of(behavior, configurable=False, cluster_tolerance=0.2) == Tolerances(0.2, 0.2)
    assert tolerances_of(None, configurable=True) == Tolerances(0.1, 0.1)
