"""What ingest needs of the outside beside the register: what its handler stores and asks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.ingest.inbox import Upload
from services.ingest.inspection import Inspection
from shared.events.payloads import Reference


class Inbox(Protocol):
    """Bytes at the door, sealed under the tenant's inbox key.

    Every method raises ``TransientError`` when the store is unavailable.
    """

    def open(self, upload: Reference) -> Upload:
        """Return what the sender handed in.

        Raises:
            LookupError: it is gone: refused before, or its document was erased.
            PermanentError: reason ``unreadable``: these are not the bytes referred to.
        """
        ...

    def put(self, tenant: str, job_id: str, upload: Upload) -> Reference:
        """Store ``upload`` for a job, create-only; return what is there."""
        ...

    def discard(self, upload: Reference) -> None:
        """Remove an upload that was refused; no error when it is gone."""
        ...


class Originals(Protocol):
    """Documents as they came, sealed under their keys.

    Every method raises ``TransientError`` when the store is unavailable.
    """

    def keep(self, document_id: str, content: bytes) -> Reference:
        """Make the document's key if there is none, and store ``content``, create-only."""
        ...

    def forget(self, document_id: str) -> None:
        """Destroy the document's key again, and the original: it was erased while it came in."""
        ...


class Inspector(Protocol):
    """Looks at foreign bytes where they can do no harm."""

    def inspect(self, content: bytes) -> Inspection:
        """Say what ``content`` is and how many pages it has.

        Raises:
            PermanentError: why it cannot become a document that is read.
        """
        ...


class Erased(Protocol):
    """The marks of erasure."""

    def stands(self, document_id: str) -> bool:
        """Tell whether the document was erased."""
        ...


class Replays(Protocol):
    """Second chances for what lies in quarantine."""

    def replay(self, document_id: str) -> None:
        """Publish the document's quarantined events again; those replayed already are left."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """One object that somebody dropped in an uploads bucket, at exactly one generation.

    Attributes:
        bucket: ours; it says whose tenant's upload this is.
        name: theirs; it travels no further than into the sealed inbox object.
        generation: of the object; a later one of that name is another submission.
        size: in bytes; None where it was not told.
        updated: when it was written, UTC; None where it was not told.
    """

    bucket: str
    name: str = field(repr=False)
    generation: int
    size: int | None = None
    updated: datetime | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it only makes a folder show: consoles write empty objects for that."""
        return self.name.endswith("/") and not self.size


class OversizeError(Exception):
    """An object is larger than what is taken; its bytes were not read.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Uploads(Protocol):
    """Buckets that people drop files in.

    Every method raises ``TransientError`` when the store is unavailable.
    """

    def open(self, dropped: Dropped, *, most_bytes: int) -> bytes:
        """Return the object's bytes, of exactly that generation.

        Raises:
            LookupError: it is gone: its sender removed or replaced it, or it was taken in.
            OversizeError: it has more than ``most_bytes``; nothing was read.
        """
        ...

    def delete(self, dropped: Dropped) -> None:
        """Remove exactly that generation; no error when it is gone."""
        ...

    def list(self, bucket: str) -> Iterator[Dropped]:
        """Yield what lies in a bucket, by name."""
        ...
