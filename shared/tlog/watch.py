"""Watching a log: whoever remembers what it said can tell when it says something else.

A log can show one history today and another tomorrow, or one to you and another to me; each alone
verifies. What gives it away is the last checkpoint that somebody kept, and the comparison with
what others were shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from shared.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint
from shared.tlog.consistency import check_shown
from shared.tlog.errors import (
    ContradictionError,
    NotFoundError,
    RolledBackError,
    TlogError,
    UnavailableError,
    VerificationError,
)
from shared.tlog.memory import Memory
from shared.tlog.reader import Reader, read_checkpoint
from shared.tlog.tiles import CHECKPOINT_PATH
from shared.tlog.verify import Progress, verify_checkpoint
from shared.tlog.walk import problem

PATIENCE: Final = 3
"""Looks in a row that may show less than was seen: a cache may hold an old copy for a while."""


class Sight(StrEnum):
    """What one look found."""

    FIRST = "first"  # nothing was remembered; the whole log is verified
    GROWN = "grown"  # new entries, verified, and consistent with what was remembered
    SAME = "same"  # the remembered checkpoint
    STALE = "stale"  # less than was seen, of the same history: perhaps an old copy
    UNAVAILABLE = "unavailable"  # the log can't be read now, which says nothing about it
    FORKED = "forked"  # not of the history that was remembered: the log was forked or rewritten
    SPLIT = "split"  # others were shown another history
    ROLLED_BACK = "rolled_back"  # less than was seen, again and again
    DAMAGED = "damaged"  # not what its own checkpoint says

    @property
    def is_alarm(self) -> bool:
        """Tell whether a person must look."""
        return self in {Sight.FORKED, Sight.SPLIT, Sight.ROLLED_BACK, Sight.DAMAGED}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the log.

    Attributes:
        sight: what it found.
        checkpoint: that was shown; None where none could be read.
        seen: that was remembered before, or that others were shown; None where there was none.
        problem: one line for people; empty where all is well.
        evidence: the files that hold the checkpoints which contradict one another.
    """

    sight: Sight
    checkpoint: Checkpoint | None = None
    seen: Checkpoint | None = None
    problem: str = ""
    evidence: tuple[Path, ...] = ()


class Watch:
    """Looks at a log again and again, and remembers.

    Args:
        reader: where the log is.
        keys: returns the log's keys as of now.
        memory: what was seen; survives restarts.
        others: returns a checkpoint that others were shown, its signature checked; None without.
        patience: looks in a row that may show less than was seen.
        on_progress: told how far verifying is.

    Raises (at every look):
        MalformedError, SignatureError: what is remembered is no checkpoint of this log.
        OSError: it can't be read or written.
    """

    def __init__(
        self,
        reader: Reader,
        keys: Callable[[], LogKeys],
        memory: Memory,
        *,
        others: Callable[[LogKeys], SignedCheckpoint] | None = None,
        patience: int = PATIENCE,
        on_progress: Progress | None = None,
    ) -> None:
        self._reader = reader
        self._keys = keys
        self._memory = memory
        self._others = others
        self._patience = patience
        self._on_progress = on_progress
        self._stale = 0

    def look(self) -> Look:
        """Look once: verify what is new, compare with what is remembered, remember."""
        try:
            keys = self._keys()
        except UnavailableError as err:
            return Look(Sight.UNAVAILABLE, problem=str(err))
        except TlogError as err:
            return Look(Sight.DAMAGED, problem=str(err))
        seen = self._memory.recall(keys)
        look = self._against_memory(keys, seen)
        if look.sight is not Sight.STALE:
            self._stale = 0
            return look
        self._stale += 1
        if self._stale < self._patience:
            return look
        return Look(Sight.ROLLED_BACK, look.checkpoint, look.seen, look.problem, look.evidence)

    def _against_memory(self, keys: LogKeys, seen: SignedCheckpoint | None) -> Look:
        known = seen.checkpoint if seen else None
        try:
            others = self._others(keys) if self._others else None  # first: we may only know more
            shown = _shown(self._reader, keys)
        except UnavailableError as err:
            return Look(Sight.UNAVAILABLE, seen=known, problem=str(err))
        except NotFoundError:
            sight = Sight.UNAVAILABLE if seen is None else Sight.STALE
            return Look(sight, seen=known, problem=f"{CHECKPOINT_PATH}: is missing")
        except TlogError as err:
            return Look(Sight.DAMAGED, seen=known, problem=str(err))
        look = self._compared(shown, seen, Sight.FORKED)
        if look is None and others is not None:
            look = self._compared(shown, others, Sight.SPLIT)
        return look or self._verified(shown, seen)

    def _compared(
        self, shown: SignedCheckpoint, other: SignedCheckpoint | None, contradiction: Sight
    ) -> Look | None:
        """Return what is wrong between two checkpoints, if anything."""
        if other is None:
            return None
        pair = (shown.checkpoint, other.checkpoint)
        try:
            check_shown(self._reader, *pair)
        except ContradictionError as err:
            evidence = tuple(self._memory.keep_evidence(other, shown))
            return Look(contradiction, *pair, str(err), evidence)
        except RolledBackError as err:
            evidence = tuple(self._memory.keep_evidence(other, shown))
            return Look(Sight.STALE, *pair, str(err), evidence)
        except TlogError as err:
            return self._failed(err, *pair)
        return None

    def _verified(self, shown: SignedCheckpoint, seen: SignedCheckpoint | None) -> Look:
        """Verify what is new, and remember it."""
        new, old = shown.checkpoint, seen.checkpoint if seen else None
        if new == old:
            return Look(Sight.SAME, new, old)
        try:
            verify_checkpoint(self._reader, new, since=old, on_progress=self._on_progress)
        except TlogError as err:
            return self._failed(err, new, old)
        self._memory.keep(shown)
        return Look(Sight.FIRST if old is None else Sight.GROWN, new, old)

    def _failed(self, error: TlogError, shown: Checkpoint, seen: Checkpoint | None) -> Look:
        found = isinstance(error, VerificationError)
        return Look(Sight.DAMAGED if found else Sight.UNAVAILABLE, shown, seen, str(error))


def _shown(reader: Reader, keys: LogKeys) -> SignedCheckpoint:
    try:
        return read_checkpoint(reader, keys)
    except NotFoundError:
        raise
    except TlogError as err:
        raise problem(CHECKPOINT_PATH, err) from err
