"""Quantities as Kubernetes writes them, in manifests and in what its API answers: `100m`, `1500m`, `129e6`, `123Mi`."""

from __future__ import annotations

import math
from decimal import Decimal

#: The suffixes (k8s.io/apimachinery/pkg/api/resource/suffix.go).
_UNITS = {
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
_UNIT_LETTERS = "".join(sorted({letter for unit in _UNITS for letter in unit}))


def millicores(text: str) -> int:
    """CPU in millicores, rounded up as the API does (`Quantity.MilliValue`). Raises ValueError."""
    return math.ceil(_value(text) * 1000)


def whole(text: str) -> int:
    """Bytes of memory or storage, rounded up. Raises ValueError."""
    return math.ceil(_value(text))


def _value(text: str) -> Decimal:
    """Exactly. Raises ValueError where it is no quantity."""
    digits = text.rstrip(_UNIT_LETTERS)
    try:
        return Decimal(digits) * _UNITS[text[len(digits) :]]
    except (ArithmeticError, KeyError) as error:
        raise ValueError(f"“{text}” is no quantity") from error
