"""The bucket in which Document AI finds and leaves what it reads in batches.

What lies there is not sealed by us: the bucket has a key of its own, its objects live a day at
most, and each is removed as soon as nobody needs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.objects.port import ObjectStore

INPUT: Final = "input/"
OUTPUT: Final = "output/"

_SCHEME: Final = "gs://"
_RANGE: Final = 3  # segments that name a range: document, revision, pages


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where Document AI finds and leaves what it reads.

    Attributes:
        name: of the bucket.
        objects: in it; every write asks for the bucket's key.
    """

    name: str
    objects: ObjectStore

    def uri(self, name: str) -> str:
        """Return how Document AI calls an object of it."""
        return f"{_SCHEME}{self.name}/{name}"

    def named(self, uri: str) -> str | None:
        """Return the name behind a URI; None where it is in another bucket."""
        start = f"{_SCHEME}{self.name}/"
        return uri.removeprefix(start) if uri.startswith(start) else None

    def tidy(
        self, standing: frozenset[str], *, before: datetime, erased: Callable[[str], bool]
    ) -> None:
        """Remove what was left by batches that nobody has a record of.

        Args:
            standing: the ranges (``Range.path``) that have one.
            before: what was written since may be waiting for its record.
            erased: tells whether a document was: a batch that still ran leaves what it read.
        """
        for prefix in (INPUT, OUTPUT):
            for info in list(self.objects.list(prefix)):
                whose = "/".join(info.name.removeprefix(prefix).split("/")[:_RANGE])
                if whose in standing:
                    continue
                if info.updated < before or erased(whose.partition("/")[0]):
                    self.objects.delete(info.name)

    def empty(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        for info in list(self.objects.list(prefix)):
            self.objects.delete(info.name)
