"""A figure, where it is measured, and how it is shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class Absent(Exception):  # noqa: N818 - an input that is not there is no error
    """An input that is not on this machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure is measured.

    Attributes:
        folder: empty, on the disk that is measured.
        data: real documents, if there are any.
    """

    folder: Path
    data: Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: what was measured.
        value: in ``unit``.
        unit: of value, target and limit.
        target: what we promise; None where we only tell.
        better: whether more is better, or less.
        limit: what a library or the machine itself did in the same run.
        limit_name: what the limit is.
        notes: more about it, a line each.
    """

    name: str
    value: float
    unit: str
    target: float | None
    better: Literal["more", "less"]
    limit: float | None = None
    limit_name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None when there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "more" else self.value <= self.target

    @property
    def share(self) -> float | None:
        """The value as a multiple of the limit."""
        return self.value / self.limit if self.limit else None

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return _shown(self.value, self.unit)

    @property
    def shown_limit(self) -> str:
        """The limit with its unit."""
        return "" if self.limit is None else _shown(self.limit, self.unit)

    @property
    def shown_target(self) -> str:
        """The target with its unit."""
        if self.target is None:
            return ""
        return f"{'≥' if self.better == 'more' else '≤'} {_shown(self.target, self.unit)}"


def _shown(value: float, unit: str) -> str:
    few = 100
    return f"{value:,.0f} {unit}" if value >= few else f"{value:.3g} {unit}"
