"""How much a worker has in hand: nothing waits inside, and draining lets nothing more in."""

import threading
from enum import StrEnum


class Entry(StrEnum):
    """Whether a piece of work may begin."""

    ADMITTED = "admitted"  # it may, and must be given back by ``leave``
    BUSY = "busy"  # as much is in hand as there may be
    DRAINING = "draining"  # nothing begins any more


class Admission:
    """Counts what is in hand. Safe for threads.

    Args:
        most: how much may be in hand at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_hand = 0
        self._draining = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    @property
    def draining(self) -> bool:
        """Whether nothing is let in any more."""
        return self._draining

    @property
    def in_hand(self) -> int:
        """How much was let in and has not left."""
        return self._in_hand

    def enter(self) -> Entry:
        """Let one piece of work in, or say why not; never waits."""
        with self._lock:
            if self._draining:
                return Entry.DRAINING
            if self._in_hand >= self._most:
                return Entry.BUSY
            self._in_hand += 1
            return Entry.ADMITTED

    def leave(self) -> None:
        """One piece of work has ended."""
        with self._lock:
            self._in_hand -= 1
            if self._draining:
                self._changed.notify_all()

    def close(self) -> bool:
        """Let nothing in any more; return whether this call was the first to say so."""
        with self._changed:
            first, self._draining = not self._draining, True
            return first

    def wait_until_empty(self, most_s: float) -> bool:
        """Return whether everything left within ``most_s`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_hand == 0, most_s)
