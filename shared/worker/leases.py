"""Leases on work: who is at it, and how often it was begun without an outcome.

A lease is an object replaced by compare-and-swap. A start that was never released killed its
worker; three of those, and the document is one that kills workers. Where all workers died at
once (a power cut, ``kill -9`` of everything) the work in hand is not to blame, and not counted.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from pydantic_core import to_json

from shared.clock import Clock
from shared.errors import PermanentError
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectStore,
)
from shared.telemetry.reasons import QuarantineReason
from shared.worker.settlement import ContendedError

MOST_STARTS: Final = 3


@dataclass(frozen=True, slots=True)
class _State:
    """What a lease object holds.

    Attributes:
        event_id: a replay is another event, and starts counting afresh.
        holder: who works on it; empty when nobody does.
        expires: seconds since the epoch.
        starts: begun and not released.
        failures: unknown errors so far.
        span: traceparent of the latest attempt; the next one links to it.
    """

    event_id: str
    holder: str
    expires: float
    starts: int
    failures: int
    span: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was won.

    Attributes:
        name: of the lease object.
        generation: that this holder wrote.
        attempt_before: traceparent of the attempt at this work before this one; empty where there
            was none. One that died has told nobody of its span.
    """

    name: str
    generation: int
    state: _State
    attempt_before: str = ""

    @property
    def failures(self) -> int:
        """How many unknown errors this work met before."""
        return self.state.failures

    @property
    def starts(self) -> int:
        """How often this work was begun without an outcome, this time included."""
        return self.state.starts


def never_abandoned(_holder: str) -> bool:
    """Nobody can tell from here whether a holder lives; wait for its lease to end."""
    return False


def never_excused(_holder: str) -> bool:
    """Nobody can tell from here what a holder died of; its start counts."""
    return False


def already_alone() -> None:
    """Nothing else is in this process: whatever is begun is begun alone."""


class LeaseHeldError(ContendedError):
    """Somebody else is at this work."""


class Leases:
    """The leases of one stage.

    Args:
        objects: where lease objects lie, under ``leases/<stage>/``.
        stage: whose leases.
        clock: tells when a lease has ended.
        holder: who this worker is.
        lease_s: how long a lease lasts.
        abandoned: whether a holder is known to be gone before its lease ended.
        excused: whether a holder that is gone died of something else than its work.
    """

    def __init__(  # noqa: PLR0913 - each is a fact the lease depends on
        self,
        objects: ObjectStore,
        stage: Literal["ingest", "ocr", "summarize", "ledger"],
        *,
        clock: Clock,
        holder: str,
        lease_s: float,
        abandoned: Callable[[str], bool] = never_abandoned,
        excused: Callable[[str], bool] = never_excused,
    ) -> None:
        self._objects = objects
        self._stage = stage
        self._clock = clock
        self._holder = holder
        self._lease_s = lease_s
        self._abandoned = abandoned
        self._excused = excused

    def acquire(
        self,
        work: str,
        event_id: str,
        *,
        span: str = "",
        isolate: Callable[[], object] = already_alone,
    ) -> Lease:
        """Begin ``work``, counting the start.

        Args:
            work: what is worked on.
            event_id: which asks for it.
            span: traceparent of this attempt.
            isolate: called before work that was begun without an outcome is begun again, and its
                start counted; what it raises leaves the lease as it was.

        Raises:
            LeaseHeldError: another worker is at it, or won the race.
            PermanentError: reason ``kills_workers``: begun three times without an outcome.
        """
        name = f"leases/{self._stage}/{work}"
        now = self._clock.now().timestamp()
        try:
            stored = self._objects.read(name)
        except NotFoundError:
            state = _State(event_id, self._holder, now + self._lease_s, 1, 0, span)
            try:
                return Lease(name, self._objects.create(name, _encode(state)).generation, state)
            except AlreadyExistsError as err:
                raise LeaseHeldError("another worker began this work first") from err
        before = _State(**json.loads(stored.data))
        if self._is_held(before):
            raise LeaseHeldError("another worker is at this work")
        if before.event_id != event_id:
            before = _State(event_id, "", 0.0, 0, 0)
        starts = before.starts
        if before.holder and self._excused(before.holder):
            starts -= 1
        if starts >= MOST_STARTS:
            raise PermanentError(QuarantineReason.KILLS_WORKERS)
        if starts:
            isolate()
        expires = self._clock.now().timestamp() + self._lease_s
        state = _State(event_id, self._holder, expires, starts + 1, before.failures, span)
        try:
            info = self._objects.replace(name, _encode(state), generation=stored.info.generation)
        except GenerationMismatchError as err:
            raise LeaseHeldError("another worker began this work first") from err
        return Lease(name, info.generation, state, before.span)

    def finish(self, lease: Lease) -> None:
        """End the lease: there is an outcome, and nothing is left to count.

        A lease that ended meanwhile may be somebody else's by now: theirs stays.
        """
        self._objects.delete(lease.name, generation=lease.generation)

    def clear(self, work: str) -> None:
        """Forget a lease that outlived its work: the result is there."""
        self._objects.delete(f"leases/{self._stage}/{work}")

    def clear_ended(self, work: str) -> None:
        """Forget the lease of work that the bus gave up on.

        Raises:
            LeaseHeldError: a worker has another copy of the message in hand, and may yet do it.
        """
        name = f"leases/{self._stage}/{work}"
        with suppress(NotFoundError):
            stored = self._objects.read(name)
            if self._is_held(_State(**json.loads(stored.data))):
                raise LeaseHeldError("a worker is at this work")
            self._objects.delete(name, generation=stored.info.generation)

    def give_back(self, lease: Lease, *, failed: bool) -> None:
        """End the lease without an outcome: the worker lives, so the start is not held against it.

        What stays says which attempt was the latest.

        Args:
            lease: as acquired.
            failed: whether an unknown error is to be counted.
        """
        was = lease.state
        state = _State(was.event_id, "", 0.0, was.starts - 1, was.failures + failed, was.span)
        try:
            self._objects.replace(lease.name, _encode(state), generation=lease.generation)
        except GenerationMismatchError:
            return  # the lease had ended and somebody else is at the work

    def _is_held(self, state: _State) -> bool:
        lasts = state.expires > self._clock.now().timestamp()
        return bool(state.holder) and lasts and not self._abandoned(state.holder)


def _encode(state: _State) -> bytes:
    fields = {name: getattr(state, name) for name in _State.__slots__}
    return to_json(fields)
