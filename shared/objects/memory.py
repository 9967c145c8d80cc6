"""Objects in memory, for tests and the simulation."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock
from shared.objects.names import checked_name, checked_prefix, folders_of
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectInfo,
    StoredObject,
)


@dataclass(frozen=True, slots=True)
class _Version:
    generation: int
    data: bytes
    updated: datetime


class MemoryObjects:
    """An object store that forgets everything with its process.

    Args:
        clock: stamps objects.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._generation = 0
        self._objects: dict[str, _Version] = {}
        self._names: list[str] = []
        self._folders: set[str] = set()

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Write ``data`` if nothing is there.

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
            ValueError: no object can have that name (a folder of others has it, for one).
        """
        checked_name(name)
        if name in self._objects:
            raise AlreadyExistsError
        folders = folders_of(name)
        if name in self._folders or any(folder in self._objects for folder in folders):
            raise ValueError("an object's name is not a folder of another's")
        self._folders.update(folders)
        bisect.insort(self._names, name)
        return self._put(name, data)

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
        """
        there = self._objects.get(checked_name(name))
        if there is None or there.generation != generation:
            raise GenerationMismatchError
        return self._put(name, data)

    def read(self, name: str) -> StoredObject:
        """Return the object.

        Raises:
            NotFoundError: there is none.
        """
        there = self._objects.get(checked_name(name))
        if there is None:
            raise NotFoundError
        return StoredObject(_info(name, there), there.data)

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        there = self._objects.get(checked_name(name))
        return None if there is None else _info(name, there)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object; no error when there is none."""
        there = self._objects.get(checked_name(name))
        if generation is not None and (there is None or there.generation != generation):
            return
        if self._objects.pop(checked_name(name), None) is not None:
            del self._names[bisect.bisect_left(self._names, name)]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        checked_prefix(prefix)
        first = bisect.bisect_left(self._names, prefix)
        last = first
        while last < len(self._names) and self._names[last].startswith(prefix):
            last += 1
        names = self._names[first:last]
        return (info for name in names if (info := self.stat(name)) is not None)

    def _put(self, name: str, data: bytes) -> ObjectInfo:
        self._generation += 1
        self._objects[name] = _Version(self._generation, bytes(data), self._clock.now())
        return _info(name, self._objects[name])


def _info(name: str, version: _Version) -> ObjectInfo:
    return ObjectInfo(name, version.generation, len(version.data), version.updated)
