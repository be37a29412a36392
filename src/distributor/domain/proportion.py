"""Proportions with the interval in which the true one lies, and the median of several."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

# The quantile of the normal distribution for an interval of 95 %.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Proportion:
    """`part` of `whole`. Raises ValueError unless 0 <= part <= whole."""

    part: int
    whole: int

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole:
            raise ValueError(f"{self.part} is not a part of {self.whole}")

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson score interval of 95 % (Wilson 1927, without correction for continuity); None of nothing.

        Unlike the usual approximation it is right for few, for none and for all, and never leaves 0 to 1.
        """
        if not self.whole:
            return None
        n, p = self.whole, self.part / self.whole
        spread = _Z * sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        middle, scale = p + _Z * _Z / (2 * n), 1 + _Z * _Z / n
        low = 0.0 if self.part == 0 else (middle - spread) / scale
        high = 1.0 if self.part == self.whole else (middle + spread) / scale
        return max(0.0, low), min(1.0, high)
