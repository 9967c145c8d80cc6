"""Statistics of an evaluation: Wilson bounds and the area under the ROC curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """``right`` of ``labelled``, with its 95 % bounds."""

    right: int
    labelled: int

    @property
    def value(self) -> float:
        """The share itself; 0 where nothing is labelled."""
        return self.right / self.labelled if self.labelled else 0.0

    def bounds(self) -> tuple[float, float]:
        """Return the Wilson score interval (Wilson 1927) at 95 %."""
        n, p = self.labelled, self.value
        if n == 0:
            return 0.0, 1.0
        middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 * sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.bounds()
        share = f"{100 * self.value:5.1f} %" if self.labelled else "    - "
        return f"{self.right:>4}/{self.labelled:<4} {share}  [{100 * low:5.1f}, {100 * high:5.1f}]"


def auroc(scored: Sequence[tuple[float, bool]]) -> float | None:
    """Return the probability that a right value is more confident than a wrong one.

    Ties count half (Mann-Whitney). None where all values are right, or all are wrong.
    """
    right = [confidence for confidence, is_right in scored if is_right]
    wrong = [confidence for confidence, is_right in scored if not is_right]
    if not right or not wrong:
        return None
    above = sum((r > w) + 0.5 * (r == w) for r in right for w in wrong)
    return above / (len(right) * len(wrong))
