"""Erasing one document: its tombstone first, then its key, then what the key had locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.ingest.registered import Register, RegisteredDocument
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased
from shared.keys.port import Keyring, TenantPurpose
from shared.objects.port import ObjectStore
from shared.worker import names
from shared.worker.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did.

    Attributes:
        document_id: the document.
        removed: names of the objects that are gone.
        submissions: how many submissions had brought these bytes.
    """

    document_id: str
    removed: tuple[str, ...]
    submissions: int


class Eraser:
    """Destroys what makes a document readable.

    Every step can be the last one before a crash; the same call again completes it.

    Args:
        objects: the whole store.
        keyring: whose document key is destroyed.
        register: knows every submission of the bytes.
        tombstones: what a worker checks before it writes.
        publisher: takes ``document.erased``.
        clock: stamps it.
    """

    def __init__(  # noqa: PLR0913 - erasing touches all of these
        self,
        *,
        objects: ObjectStore,
        keyring: Keyring,
        register: Register,
        tombstones: Tombstones,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._objects = objects
        self._keyring = keyring
        self._register = register
        self._tombstones = tombstones
        self._publisher = publisher
        self._clock = clock

    def erase(self, document: RegisteredDocument) -> Erasure:
        """Erase one document.

        The tombstone stands before the key goes, so no worker writes in between; the event comes
        last, so whoever hears it finds nothing left.

        Raises:
            TransientError: a store is unavailable; call it again.
        """
        self._tombstones.put(document.document_id, at=self._clock.now())
        self._keyring.destroy_document_key(document.document_id)
        jobs = [
            submission.job_id
            for submission in self._register.submissions(document.tenant)
            if submission.document_id == document.document_id
        ]
        removed = tuple(self._sealed(document, jobs))
        for name in removed:
            self._objects.delete(name)
        event = announcement(document, keyring=self._keyring, at=self._clock.now())
        self._publisher.publish([event])
        return Erasure(document.document_id, removed, len(jobs))

    def _sealed(self, document: RegisteredDocument, jobs: list[str]) -> Iterator[str]:
        """Yield what exists of the document."""
        single = [names.original(document.document_id)]
        for job_id in jobs:
            single += [names.inbox(document.tenant, job_id), names.intake(job_id)]
        yield from (name for name in single if self._objects.stat(name) is not None)
        for prefix in names.prefixes_of(document.document_id):
            yield from (info.name for info in self._objects.list(prefix))


def announcement(document: RegisteredDocument, *, keyring: Keyring, at: datetime) -> Event:
    """Return the event that tells of a document's erasure; the same one each time."""
    return make_event(
        DocumentErased(document_id=document.document_id, revision=document.revision),
        tenant_key=keyring.tenant_key(document.tenant, TenantPurpose.IDS),
        tenant=document.tenant,
        source="eraser",
        subject=document.document_id,
        jobid=document.job_id,
        traceparent=from_structured(document.last_event).traceparent,
        time=at,
    )
