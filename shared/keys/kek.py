"""The key-encryption key (KEK) as a port, and the form in which it leaves other keys behind.

A KEK has versions. What is wrapped says by which one, so that a new version wraps from now on while
the older ones still open, until everything is wrapped again and they can be destroyed. Layout::

    magic "DLWK" | version 1 | length of the label (2 bytes) | label | what the KEK returned

What was wrapped before KEKs had versions is a bare envelope (``DLSE``): the first key file's.
"""

from dataclasses import dataclass
from typing import Final, Protocol, Self

FIRST_FILE: Final = "files/1"
"""The label of the first key file, whose wrapped keys name no version."""

_MAGIC: Final = b"DLWK"
_BARE: Final = b"DLSE"
_VERSION: Final = 1
_FIXED: Final = len(_MAGIC) + 3


class KeyDamagedError(Exception):
    """A key was changed, moved, or made under another KEK."""


@dataclass(frozen=True, slots=True, repr=False)
class Wrapped:
    """A key as it is stored.

    Attributes:
        label: the KEK's version: ``files/<n>``, or the full name of a crypto key version.
        body: what that version wrapped.
    """

    label: str
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take stored bytes apart.

        Raises:
            KeyDamagedError: they are no wrapped key.
        """
        if data.startswith(_BARE):
            return cls(FIRST_FILE, data)
        if not data.startswith(_MAGIC) or len(data) < _FIXED or data[len(_MAGIC)] != _VERSION:
            raise KeyDamagedError("this is no wrapped key of ours")
        end = _FIXED + int.from_bytes(data[_FIXED - 2 : _FIXED], "big")
        label = data[_FIXED:end]
        if len(data) <= end or not label.isascii():
            raise KeyDamagedError("a wrapped key is cut short")
        return cls(label.decode("ascii"), data[end:])

    def __bytes__(self) -> bytes:
        if self.label == FIRST_FILE:
            return self.body
        label = self.label.encode("ascii")
        head = _MAGIC + bytes((_VERSION,)) + len(label).to_bytes(2, "big")
        return head + label + self.body

    def __repr__(self) -> str:
        return f"Wrapped({self.label})"


class Kek(Protocol):
    """Wraps keys and opens them; never leaves its place.

    Every method raises ``TransientError`` when the key service is unavailable or refuses us.
    """

    def wrap(self, key: bytes, *, owner: str, name: str) -> Wrapped:
        """Wrap a 32-byte key under the newest version, for one owner and one name only."""
        ...

    def unwrap(self, wrapped: Wrapped, *, owner: str, name: str) -> bytes:
        """Return the key.

        Raises:
            KeyDamagedError: changed, moved to another owner or name, or another KEK's.
        """
        ...

    def knows(self, label: str) -> bool:
        """Tell whether a version of that label is (or was) this KEK's. Asks nobody."""
        ...

    def superseded(self, label: str) -> bool:
        """Tell whether a newer version than ``label`` is known to be there. Asks no server."""
        ...

    def newest(self) -> str:
        """Return the label under which ``wrap`` wraps now."""
        ...

    def versions(self) -> list[str]:
        """Return the labels of the versions that can open, oldest first."""
        ...

    def renew(self) -> str:
        """Make a new version, which wraps from now on; return its label."""
        ...

    def destroy(self, label: str) -> None:
        """Destroy a version that is not the newest: what it alone can open is gone."""
        ...
