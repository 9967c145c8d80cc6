"""A directory store whose small new objects reach the disk together, at ``flush``.

A worker handles a batch of deliveries, and nobody may hear of a result before it is durable; but
nobody hears of it before the batch's events are published either. So what is created meanwhile
waits in memory, where this worker alone sees it, and is written side by side just before they are:
a sync costs milliseconds, and many at once cost little more than one.

After a crash or a power cut before ``flush`` nothing of the batch is there, as if it had not begun:
its deliveries were not acknowledged and come again. What other stores keep at once must bear that:

* a document's key is durable before anything is sealed under it, never the other way round;
* the register may know a document whose original is not there yet. Its upload comes again, finds
  the document its own, and keeps the original then;
* the journal only refers to results that were published, so they were flushed;
* an erasure between the work and ``flush`` has destroyed the key: what is written then is noise.

Who destroys something because one of these objects is there (the upload, once its original is kept)
asks ``DirectoryObjects.confirm`` first.
"""

from collections.abc import Iterator
from typing import Final

from shared.errors import TransientError
from shared.objects.directory import DirectoryObjects
from shared.objects.names import checked_name, checked_prefix
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    ObjectInfo,
    StoredObject,
)

MOST_BYTES: Final = 256 * 1024
"""A larger object is written at once: it would fill memory, and its sync is what it costs."""


class BatchedObjects:
    """One worker's view of a directory store. Of one thread only.

    That no name may be a folder of another's is only found at ``flush``.

    Args:
        store: where objects go.
    """

    def __init__(self, store: DirectoryObjects) -> None:
        self._store = store
        self._waiting: dict[str, StoredObject] = {}

    def flush(self) -> None:
        """Write what waits; on return it has reached the disk.

        Raises:
            TransientError: it has not, or another worker stored one of the names first. Of that
                one, and of what was made after it and may refer to it, nothing is written: the
                work must be done, or looked up, again.
        """
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            self._store.create_all(list(waiting.values()))
        except AlreadyExistsError as err:
            raise TransientError("another worker stored a result of this batch first") from err

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Let ``data`` wait for ``flush`` if nothing is at ``name``; a large object is written.

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
            ValueError: no object can have that name.
        """
        if self.stat(name) is not None:
            raise AlreadyExistsError
        if len(data) > MOST_BYTES:
            return self._store.create(name, data)
        self._waiting[name] = self._store.stamped(name, data)
        return self._waiting[name].info

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``; what waits goes first.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
        """
        if name in self._waiting:
            if self._waiting[name].info.generation != generation:
                raise GenerationMismatchError
            self.flush()
        return self._store.replace(name, data, generation=generation)

    def read(self, name: str) -> StoredObject:
        """Return the object.

        Raises:
            NotFoundError: there is none.
        """
        return self._waiting.get(name) or self._store.read(name)

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        waiting = self._waiting.get(checked_name(name))
        return waiting.info if waiting is not None else self._store.stat(name)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object so that its bytes are gone; no error when there is none."""
        waiting = self._waiting.get(checked_name(name))
        if waiting is None:
            self._store.delete(name, generation=generation)
        elif generation in {None, waiting.info.generation}:
            del self._waiting[name]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        checked_prefix(prefix)
        waiting = [one.info for name, one in self._waiting.items() if name.startswith(prefix)]
        if not waiting:
            return self._store.list(prefix)
        return iter(sorted([*waiting, *self._store.list(prefix)], key=lambda info: info.name))
