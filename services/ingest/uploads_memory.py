"""Uploads buckets in memory, for tests."""

from collections.abc import Iterator

from services.ingest.ports import Dropped, OversizeError
from shared.clock import Clock


class MemoryUploads:
    """Buckets of the test's own making.

    Args:
        clock: stamps what is dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._generation = 0
        self._objects: dict[tuple[str, str], tuple[Dropped, bytes]] = {}

    def drop(self, bucket: str, name: str, content: bytes) -> Dropped:
        """Do what a sender does; an object of that name is replaced."""
        self._generation += 1
        dropped = Dropped(bucket, name, self._generation, len(content), self._clock.now())
        self._objects[bucket, name] = (dropped, content)
        return dropped

    def open(self, dropped: Dropped, *, most_bytes: int) -> bytes:
        """Return the object's bytes; see ``services.ingest.ports.Uploads``."""
        standing, content = self._objects.get((dropped.bucket, dropped.name), (None, b""))
        if standing is None or standing.generation != dropped.generation:
            raise LookupError("the object is gone")
        if len(content) > most_bytes:
            raise OversizeError(len(content))
        return content

    def delete(self, dropped: Dropped) -> None:
        """Remove exactly that generation; no error when it is gone."""
        standing, _ = self._objects.get((dropped.bucket, dropped.name), (None, b""))
        if standing is not None and standing.generation == dropped.generation:
            del self._objects[dropped.bucket, dropped.name]

    def list(self, bucket: str) -> Iterator[Dropped]:
        """Yield what lies in a bucket, by name."""
        found = sorted(place for place in self._objects if place[0] == bucket)
        return iter([self._objects[place][0] for place in found])
