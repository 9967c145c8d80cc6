"""Bytes at names: what workers need of an object store (GCS, a directory, memory)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class AlreadyExistsError(Exception):
    """A create-only write found the name taken."""


class NotFoundError(Exception):
    """No object has that name (or that generation)."""


class GenerationMismatchError(Exception):
    """A compare-and-swap lost: the object is at another generation."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object without its bytes.

    Attributes:
        name: slash-separated, made by us: ``[A-Za-z0-9._/=-]``, no empty or dot segment.
        generation: positive; greater after every write of that name.
        size: in bytes.
        updated: when it was written, UTC.
    """

    name: str
    generation: int
    size: int
    updated: datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object with its bytes (not shown by ``repr``)."""

    info: ObjectInfo
    data: bytes = field(repr=False)


class ObjectStore(Protocol):
    """A flat store of named, immutable-by-default objects.

    Every method raises ``TransientError`` when the store is unavailable (a full disk included).
    A write that returned has reached the disk; one that raised has left nothing to be read.
    """

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Write ``data`` if nothing is there (GCS: ``if_generation_match=0``).

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
        """
        ...

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
        """
        ...

    def read(self, name: str) -> StoredObject:
        """Return the object.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        ...

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object so that its bytes are gone; no error when there is none.

        Args:
            name: of the object.
            generation: remove only this one; another one stays, without an error.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        ...
