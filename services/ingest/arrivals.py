"""Arrivals: the one way in which every entrance turns bytes into an upload.

Sealed into the inbox first, announced after: an event that refers to nothing would be a document
that is lost.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal

from services.ingest.inbox import pack
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.events.envelope import Event, make_event
from shared.events.payloads import Reference, UploadArrived
from shared.keys.port import Keyring, TenantPurpose
from shared.keys.vault import Vault
from shared.telemetry.reasons import RefusedReason
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.stages import Stage
from shared.telemetry.tracing import ActiveSpan, NullTracing, Tracing
from shared.worker import names

EntranceName = Literal["cli", "folder", "api", "gcs", "partner"]


class Arrivals:
    """Seals uploads into the inbox and tells ingest.

    Idempotent: the same job again leaves the inbox object that stands, and sends the event with the
    same id again. Who makes job ids therefore decides what one submission is.

    Args:
        vault: seals uploads under the tenant's inbox key.
        publisher: takes ``upload.arrived``.
        keyring: the tenant's key makes the event's id.
        clock: stamps events.
        tracing: the document's trace begins with the submission.
    """

    def __init__(
        self,
        vault: Vault,
        publisher: Publisher,
        keyring: Keyring,
        clock: Clock,
        tracing: Tracing | None = None,
    ) -> None:
        self._vault = vault
        self._publisher = publisher
        self._keyring = keyring
        self._clock = clock
        self._tracing = tracing or NullTracing()

    def take(
        self, tenant: str, job_id: str, source_name: str, content: bytes, entrance: EntranceName
    ) -> Reference:
        """Store one upload, create-only, and announce it; on return it cannot be lost any more.

        Args:
            tenant: whose document it is; the entrance knows, the sender does not say.
            job_id: of the submission, a keyed id (``shared.events.ids.keyed_id``).
            source_name: the sender's name for it; it travels only inside the sealed object.
            content: the bytes.
            entrance: which way they came.

        Returns:
            Where the sealed upload lies.

        Raises:
            TransientError: the store, the keys or the bus are unavailable; take it again.
        """
        with self._submit(job_id, len(content)):
            upload = self._sealed(tenant, job_id, pack(source_name, content))
        self.announce([self._arrived(tenant, job_id, upload, entrance)])
        return upload

    def refuse(  # noqa: PLR0913 - as ``take``, with a reason and a size in the place of the bytes
        self,
        tenant: str,
        job_id: str,
        source_name: str,
        *,
        reason: RefusedReason,
        size: int,
        entrance: EntranceName,
    ) -> Reference:
        """Announce a submission whose bytes nobody needs to read: ingest books it as refused.

        The register has one writer. An entrance that refuses says so inside the sealed object, and
        the submission is counted like every other.

        Raises:
            TransientError: as ``take``.
        """
        with self._submit(job_id, size) as span:
            span.set(SpanAttribute.REASON, reason.value)
            upload = self._sealed(tenant, job_id, pack(source_name, b"", refused=reason))
        self.announce([self._arrived(tenant, job_id, upload, entrance)])
        return upload

    def store(
        self, tenant: str, job_id: str, source_name: str, content: bytes, entrance: EntranceName
    ) -> Event:
        """Store one upload and return what to announce, for who announces several at once.

        Raises:
            TransientError: the store or the keys are unavailable.
        """
        with self._submit(job_id, len(content)):
            upload = self._sealed(tenant, job_id, pack(source_name, content))
        return self._arrived(tenant, job_id, upload, entrance)

    def announce_again(self, tenant: str, job_id: str, entrance: EntranceName) -> bool:
        """Send the event of an upload that stands in the inbox again; tell whether one does.

        Raises:
            TransientError: the store or the bus is unavailable.
        """
        upload = self._vault.find(names.inbox(tenant, job_id))
        if upload is None:
            return False
        with self._submit(job_id):
            pass  # whoever stored it may have died before it could tell the root of the trace
        self.announce([self._arrived(tenant, job_id, upload, entrance)])
        return True

    def origin(self, job_id: str) -> str:
        """Return the traceparent of a submission: what joins a log line to its trace."""
        return self._tracing.origin(job_id)

    def announce(self, events: Sequence[Event]) -> None:
        """Tell ingest of stored uploads, all or none.

        Raises:
            TransientError: the bus is unavailable; nothing was announced.
        """
        self._publisher.publish(events)

    def _sealed(self, tenant: str, job_id: str, packed: bytes) -> Reference:
        return self._vault.store_for_tenant(names.inbox(tenant, job_id), tenant, packed)

    def _arrived(
        self, tenant: str, job_id: str, upload: Reference, entrance: EntranceName
    ) -> Event:
        return make_event(
            UploadArrived(upload=upload, entrance=entrance),
            tenant_key=self._keyring.tenant_key(tenant, TenantPurpose.IDS),
            tenant=tenant,
            source="entrance",
            subject=job_id,
            jobid=job_id,
            traceparent=self.origin(job_id),
            time=self._clock.now(),
        )

    def _submit(self, job_id: str, size: int | None = None) -> AbstractContextManager[ActiveSpan]:
        """Measure the submission: the root of the document's trace, told before the event is."""
        said: dict[SpanAttribute, object] = {
            SpanAttribute.STAGE: Stage.ENTRANCE,
            SpanAttribute.JOB_ID: job_id,
            SpanAttribute.SIZE: size,
        }
        origin = self.origin(job_id)
        return self._tracing.root(SpanName.SUBMIT, traceparent=origin, attributes=said)
