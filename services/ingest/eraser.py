"""Erasing a document: its tombstone first, then its key, then what the key had locked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ingest.registered import Register, RegisteredDocument
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.objects.port import ObjectStore
from shared.objects.versions import Versions
from shared.worker import names
from shared.worker.tombstones import Tombstones

_KINDS: Final = {
    "inbox/": "uploads",
    "originals/": "originals",
    "results/ingest/": "intakes",
    "results/": "results",
    "read/pages/": "page_ranges",
    "leases/": "leases",
    "quarantine/": "quarantine_records",
}
"""What an object is, by how its name begins; the longer beginning first."""


class KeyStillThereError(Exception):
    """A key was destroyed and can be had all the same: what it locks is not erased."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did.

    Attributes:
        document_id: the document.
        tenant: whose it was.
        since: when it was marked: from then on nobody could read it.
        removed: how many objects of each kind this call removed.
        generations: how many earlier generations of them it found and removed besides.
        submissions: how many submissions had brought these bytes.
    """

    document_id: str
    tenant: str
    since: datetime
    removed: Mapping[str, int]
    generations: int
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
        versions: of the store, where it may have several of an object.
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
        versions: Versions | None = None,
    ) -> None:
        self._objects = objects
        self._keyring = keyring
        self._register = register
        self._tombstones = tombstones
        self._publisher = publisher
        self._clock = clock
        self._versions = versions

    def mark(self, document: RegisteredDocument) -> None:
        """Put the tombstone alone: from here on nobody works on the document, nor on its parts.

        Raises:
            TransientError: the store is unavailable.
        """
        self._tombstones.put(document.document_id, at=self._clock.now())

    def erase(self, document: RegisteredDocument) -> Erasure:
        """Erase one document.

        The tombstone stands before the key goes, so no worker writes in between; the event comes
        last, so whoever hears it finds nothing left.

        Raises:
            KeyStillThereError: the keyring did not do what it said.
            TransientError: a store is unavailable; call it again.
        """
        whose = document.document_id
        self.mark(document)
        self._keyring.destroy_document_key(whose)
        self._require_gone(whose)
        brought = self._register.submissions_of(document.tenant, whose)
        jobs = [submission.job_id for submission in brought]
        removed: Counter[str] = Counter()
        for name in list(self._standing(document, jobs)):
            self._objects.delete(name)
            removed[kind_of(name)] += 1
        generations = self._purge(document, jobs)
        now = self._clock.now()
        self._publisher.publish([announcement(document, keyring=self._keyring, at=now)])
        return Erasure(
            document_id=whose,
            tenant=document.tenant,
            since=self._tombstones.since(whose) or now,
            removed=dict(removed),
            generations=generations,
            submissions=len(jobs),
        )

    def has_upload(self, tenant: str, job_id: str) -> bool:
        """Tell whether an upload lies at the door.

        Raises:
            TransientError: the store is unavailable.
        """
        return self._objects.stat(names.inbox(tenant, job_id)) is not None

    def discard_upload(self, tenant: str, job_id: str) -> bool:
        """Remove an upload that nobody has taken in yet; tell whether there was one.

        Raises:
            TransientError: the store is unavailable.
        """
        name = names.inbox(tenant, job_id)
        there = self.has_upload(tenant, job_id)
        self._objects.delete(name)
        if self._versions is not None:
            self._versions.purge(name)
        return there

    def _require_gone(self, document_id: str) -> None:
        try:
            self._keyring.document_key(document_id)
        except KeyMissingError:
            return
        raise KeyStillThereError

    def _standing(self, document: RegisteredDocument, jobs: list[str]) -> Iterator[str]:
        """Yield what exists of the document."""
        single = [*_single(document, jobs)]
        yield from (name for name in single if self._objects.stat(name) is not None)
        for prefix in _prefixes(document, jobs):
            yield from (info.name for info in self._objects.list(prefix))

    def _purge(self, document: RegisteredDocument, jobs: list[str]) -> int:
        if self._versions is None:
            return 0
        # Ids have one length: an object's name begins no other object's name.
        places = (*_single(document, jobs), *_prefixes(document, jobs))
        return sum(self._versions.purge(place) for place in places)


def kind_of(name: str) -> str:
    """Return what an object is, by its name."""
    return next((kind for start, kind in _KINDS.items() if name.startswith(start)), "others")


def _single(document: RegisteredDocument, jobs: list[str]) -> Iterator[str]:
    yield names.original(document.document_id)
    for job_id in jobs:
        yield names.inbox(document.tenant, job_id)
        yield names.intake(job_id)


def _prefixes(document: RegisteredDocument, jobs: list[str]) -> Iterator[str]:
    yield from names.prefixes_of(document.document_id)
    for subject in dict.fromkeys((document.document_id, *jobs)):
        yield from names.traces_of(subject)


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
