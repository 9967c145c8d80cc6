"""A worker, built: what whoever runs it needs to know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.events.envelope import Event
from shared.worker.outcome import Outcome


def nothing() -> None:
    """End nothing: what the worker uses is somebody else's."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker.

    Attributes:
        handle: takes one event; its ports are bound.
        canary: does a built-in document, for the breaker; raises whatever the worker would.
        close: ends what the worker started (its sandbox).
        jobs: for ``/internal/jobs/<name>``, by name.
    """

    handle: Callable[[Event], Outcome]
    canary: Callable[[], None]
    close: Callable[[], None] = nothing
    jobs: Mapping[str, Callable[[], object]] = field(default_factory=dict)
