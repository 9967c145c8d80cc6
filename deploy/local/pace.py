"""How fast documents go through the stages, and when what waits will be through."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from services.ingest.registered import Counts, StageFlow

WINDOW: Final = timedelta(minutes=5)
"""What a rate is taken over: long enough to be calm, short enough to be of now."""


class Trend(StrEnum):
    """Where a stage's queue is going."""

    EMPTY = "empty"  # nothing waits
    DRAINING = "draining"  # more leave than come
    STEADY = "steady"  # as many leave as come
    GROWING = "growing"  # fewer leave than come
    STILL = "still"  # something waits, and nothing moves


@dataclass(frozen=True, slots=True)
class Pace:
    """One stage's figures.

    Attributes:
        flow: as the register counted them over ``WINDOW``.
    """

    flow: StageFlow

    @property
    def arrival(self) -> float:
        """Documents a minute that came in during ``WINDOW``."""
        return self.flow.entered / (WINDOW / timedelta(minutes=1))

    @property
    def drain(self) -> float:
        """Documents a minute that left during ``WINDOW``."""
        return self.flow.left / (WINDOW / timedelta(minutes=1))

    @property
    def trend(self) -> Trend:
        """Where the queue is going."""
        if not self.flow.waiting:
            return Trend.EMPTY
        if self.flow.entered == self.flow.left:
            return Trend.STEADY if self.flow.left else Trend.STILL
        return Trend.DRAINING if self.flow.left > self.flow.entered else Trend.GROWING

    @property
    def time_to_drain_s(self) -> float | None:
        """Seconds until nothing waits, if it goes on so; None where it will not come to that."""
        if self.trend is not Trend.DRAINING:
            return None
        return self.flow.waiting / (self.drain - self.arrival) * 60

    def as_json(self) -> dict[str, object]:
        """Return the documented object."""
        return {
            **asdict(self.flow),
            "arrival_per_minute": round(self.arrival, 3),
            "drain_per_minute": round(self.drain, 3),
            "trend": self.trend.value,
            "time_to_drain_s": None if (s := self.time_to_drain_s) is None else round(s, 1),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of what was handed in is done.

    Attributes:
        done: submissions with an outcome: refused, a duplicate, or a document that has ended.
        submissions: all that were booked, attachments among them.
    """

    done: int
    submissions: int

    @property
    def percent(self) -> int:
        """Whole percents, 100 when all are done and not before."""
        return 100 * self.done // self.submissions if self.submissions else 100


def paces(flow: Sequence[StageFlow]) -> list[Pace]:
    """Return each stage's pace, from its flow over ``WINDOW``."""
    return [Pace(one) for one in flow]


def progress_of(counts: Counts) -> Progress:
    """Return how much is done; each document in flight keeps one submission from being done."""
    return Progress(max(0, counts.submissions - counts.in_flight), counts.submissions)
