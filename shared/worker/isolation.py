"""Work that may kill its process is done alone in it: whoever is there beside it would die, too.

Nothing is known of work that was begun and never ended but that it may have killed its worker. It
waits until everything else has left the process, and nothing more is let in meanwhile. So a
document dies by another's doing once at most, the first time; three times is its own doing.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from shared.worker.settlement import ContendedError

WITHIN_S: Final = 30.0
"""How long others may take to leave; shorter than the shortest lease of the topology."""


class Isolation:
    """What is in the hands of this process. Safe for threads.

    Args:
        within_s: how long work that has to be alone waits for the others to leave.
    """

    def __init__(self, *, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._in_hand = 0
        self._suspected = False
        self._changed = threading.Condition()

    @contextmanager
    def joined(self) -> Iterator[Callable[[], None]]:
        """Have one piece of work in hand; gives what makes it the only one, or raises the same.

        Raises:
            ContendedError: something else is, or waits to be, alone here; or the others did not
                leave in time.
        """
        alone = False

        def isolate() -> None:
            nonlocal alone
            with self._changed:
                self._let_in()
                alone = self._suspected = True
                if not self._changed.wait_for(lambda: self._in_hand == 1, self._within_s):
                    raise ContendedError("others are at work here, and this must be done alone")

        with self._changed:
            self._let_in()
            self._in_hand += 1
        try:
            yield isolate
        finally:
            with self._changed:
                self._in_hand -= 1
                self._suspected = self._suspected and not alone
                self._changed.notify_all()

    def _let_in(self) -> None:
        if self._suspected:
            raise ContendedError("something that must be done alone is at work here")
