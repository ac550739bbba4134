"""Go's int32 arithmetic, where the HorizontalPodAutoscaler's answers depend on it.

A policy of 2147483647 pods, meant as "no limit", overflows and stops every scale-up: Python's unbounded integers
would hide that.
"""

import math

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1


def wrap_int(value: int, bits: int = 32) -> int:
    """``value`` as Go's signed integer of that width holds it: the upper bits are lost."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def int32_from_float(value: float) -> int:
    """``int32(value)`` as Go compiles it for amd64: truncated towards zero, and the lowest int32 when out of range."""
    if math.isnan(value) or not INT32_MIN - 1 < value < INT32_MAX + 1:
        return INT32_MIN
    return int(value)


def quotient(dividend: int, divisor: int) -> int:
    """Integer division truncated towards zero, as Go does it; raises ``ZeroDivisionError`` for a divisor of 0."""
    magnitude = abs(dividend) // abs(divisor)
    return magnitude if (dividend < 0) == (divisor < 0) else -magnitude
