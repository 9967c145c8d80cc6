"""What a store still has of objects that were deleted or replaced, and how to be rid of it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long a store keeps what is gone.

    Attributes:
        versions: whether earlier generations stay until somebody deletes them one by one.
        soft_delete_s: for so many seconds the store's owner can bring back what was deleted;
            nobody can shorten it for one object.
    """

    versions: bool
    soft_delete_s: int


class Versions(Protocol):
    """The generations of a store's objects, those that nobody reads any more included.

    Every method raises ``TransientError`` when the store is unavailable.
    """

    def purge(self, prefix: str) -> int:
        """Delete every generation of every object whose name starts with ``prefix``.

        Returns:
            How many there were.
        """
        ...

    def keeping(self) -> Keeping | None:
        """Return for how long the store keeps what is gone; None when it does not tell us."""
        ...
