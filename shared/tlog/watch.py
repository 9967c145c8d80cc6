"""Watching a log: whoever remembers what it said can tell when it says something else.

A log can show one history today and another tomorrow, or one to you and another to me; each alone
verifies. What gives it away is the last checkpoint that somebody kept, and the comparison with
what others were shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from shared.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint
from shared.tlog.consistency import check_shown
from shared.tlog.errors import (
    ContradictionError,
    NotFoundError,
    RolledBackError,
    SignatureError,
    TlogError,
    UnavailableError,
)
from shared.tlog.keys_file import EveryKey
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

    def __init__(  # noqa: PLR0913 - what it looks at, remembers, compares with
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

    def look(self, *, thorough: bool = False) -> Look:
        """Look once: verify what is new, compare with what is remembered, remember.

        Args:
            thorough: verify everything again, not only what is new.
        """
        look = self._look(thorough=thorough)
        if look.sight is Sight.UNAVAILABLE:
            return look
        if look.sight is not Sight.STALE:
            self._stale = 0
            return look
        self._stale += 1
        return look if self._stale < self._patience else replace(look, sight=Sight.ROLLED_BACK)

    def _look(self, *, thorough: bool) -> Look:
        try:
            keys = self._keys()
        except TlogError as err:
            return _failed(err)
        try:
            seen = self._memory.recall(keys)
        except SignatureError:
            return self._disowned(self._memory.recall(EveryKey(keys)))
        others, remark = self._shown_to_others(keys)  # first: the log may grow meanwhile
        try:
            shown = read_checkpoint(self._reader, keys)
        except NotFoundError as err:
            return self._vanished(err, seen)
        except TlogError as err:
            return _failed(problem(CHECKPOINT_PATH, err), seen=seen)
        look = self._compared(shown, seen, Sight.FORKED)
        look = look or self._compared(shown, others, Sight.SPLIT)
        look = look or self._verified(shown, seen, thorough=thorough)
        return look if look.problem else replace(look, problem=remark)

    def _shown_to_others(self, keys: LogKeys) -> tuple[SignedCheckpoint | None, str]:
        """Return what others were shown, or why there is nothing to compare with."""
        if self._others is None:
            return None, ""
        try:
            return self._others(keys), ""
        except TlogError as err:
            return None, f"nothing to compare with: {err}"

    def _disowned(self, seen: SignedCheckpoint | None) -> Look:
        """Tell that what was verified then is signed by a key that was closed below it since."""
        assert seen is not None
        size = seen.checkpoint.size
        problem = f"{CHECKPOINT_PATH}: that of {size} is signed by a key that was closed before it"
        return Look(Sight.FORKED, None, seen.checkpoint, problem, self._evidence(seen))

    def _vanished(self, error: NotFoundError, seen: SignedCheckpoint | None) -> Look:
        if seen is None:
            return Look(Sight.UNAVAILABLE, problem=str(error))
        return Look(Sight.STALE, None, seen.checkpoint, str(error), self._evidence(seen))

    def _compared(
        self, shown: SignedCheckpoint, other: SignedCheckpoint | None, contradiction: Sight
    ) -> Look | None:
        """Return what is wrong between two checkpoints, if anything."""
        if other is None:
            return None
        pair = (shown.checkpoint, other.checkpoint)
        try:
            check_shown(self._reader, *pair)
        except (ContradictionError, RolledBackError) as err:
            sight = contradiction if isinstance(err, ContradictionError) else Sight.STALE
            return Look(sight, *pair, str(err), self._evidence(other, shown))
        except TlogError as err:
            return _failed(err, shown, other)
        return None

    def _evidence(self, *signed: SignedCheckpoint) -> tuple[Path, ...]:
        """Write down what contradicts; a full disk must not silence the alarm."""
        try:
            return tuple(self._memory.keep_evidence(*signed))
        except OSError:
            return ()

    def _verified(
        self, shown: SignedCheckpoint, seen: SignedCheckpoint | None, *, thorough: bool
    ) -> Look:
        """Verify what is new, or everything, and remember it."""
        new, old = shown.checkpoint, seen.checkpoint if seen else None
        same = new == old
        if not same or thorough:
            since = None if thorough else old
            try:
                verify_checkpoint(self._reader, new, since=since, on_progress=self._on_progress)
            except TlogError as err:
                return _failed(err, shown, seen)
        if not same:
            self._memory.keep(shown)
        return Look(Sight.FIRST if old is None else Sight.SAME if same else Sight.GROWN, new, old)


def _failed(
    error: TlogError, shown: SignedCheckpoint | None = None, seen: SignedCheckpoint | None = None
) -> Look:
    """Return a look at which an outage or damage was found."""
    return Look(
        Sight.UNAVAILABLE if isinstance(error, UnavailableError) else Sight.DAMAGED,
        shown.checkpoint if shown else None,
        seen.checkpoint if seen else None,
        str(error),
    )
