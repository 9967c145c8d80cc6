"""Quarantine: what a worker could not do, with everything needed to do it again.

A record holds the event (references and codes only), the reason, the trace and the attempts.
Records are create-only; a replay leaves a mark beside its record.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from shared.bus.port import Message
from shared.events.codec import from_structured, to_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import Reference, StageName, TenantName
from shared.keys.port import Keyring, TenantPurpose
from shared.keys.vault import Vault
from shared.objects.port import AlreadyExistsError, NotFoundError, ObjectStore
from shared.telemetry.reasons import QuarantineReason
from shared.worker.names import work_of

PREFIX: Final = "quarantine/"
_REPLAYED: Final = ".replayed"
_MALFORMED_TENANT: Final = "malformed"


class QuarantineRecord(BaseModel):
    """One record.

    Attributes:
        stage: which worker gave up.
        reason: why.
        subject: the document, or the job before there is one.
        document_id: the document where it is known, else the subject.
        tenant: whose it is.
        trace_id: of the origin trace, 32 hex characters.
        attempts: how often the bus handed it out.
        error: type and place of the exception behind it, without its message; None for a reason
            that speaks for itself.
        at: when, UTC.
        event: the event to replay, as a structured CloudEvent; None when it could not be decoded.
        raw: where the undecodable message lies, sealed.
        gave_up_in: traceparent of the attempt that gave up; a replay links to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: StageName
    reason: QuarantineReason
    subject: str
    document_id: str
    tenant: TenantName
    trace_id: str
    attempts: int
    error: str | None
    at: datetime
    event: dict[str, Any] | None
    raw: Reference | None = None
    gave_up_in: str | None = None


def record_of(stage: StageName, event: Event) -> str:
    """Return where the record of ``event`` lies, if a stage gave it up."""
    return f"{PREFIX}{stage}/{work_of(event)}-{event.replay}"


class Quarantine:
    """The records of all stages.

    Args:
        objects: where they lie, under ``quarantine/<stage>/``.
        vault: seals messages that could not be decoded.
    """

    def __init__(self, objects: ObjectStore, vault: Vault) -> None:
        self._objects = objects
        self._vault = vault

    def put(  # noqa: PLR0913 - a record says this much
        self,
        event: Event,
        *,
        stage: StageName,
        reason: QuarantineReason,
        document_id: str,
        attempts: int,
        error: str | None,
        at: datetime,
        gave_up_in: str | None = None,
    ) -> Reference:
        """Write the record of ``event``, once; return its reference."""
        record = QuarantineRecord(
            stage=stage,
            reason=reason,
            subject=event.subject,
            document_id=document_id,
            tenant=event.tenant,
            trace_id=event.traceparent.split("-")[1],
            attempts=attempts,
            error=error,
            at=at,
            event=json.loads(to_structured(event)),
            gave_up_in=gave_up_in,
        )
        return self._write(record_of(stage, event), record)

    def put_undecodable(
        self, message: Message, *, stage: StageName, attempts: int, at: datetime
    ) -> Reference:
        """Keep a message that is no event of ours: its bytes are sealed, nothing is lost."""
        raw = json.dumps(
            {"attributes": message.attributes, "body": message.body.hex()}, sort_keys=True
        ).encode()
        kept = self._vault.id_for_tenant(_MALFORMED_TENANT, raw)
        reference = self._vault.store_for_tenant(
            f"{PREFIX}{stage}/raw/{kept}", _MALFORMED_TENANT, raw
        )
        record = QuarantineRecord(
            stage=stage,
            reason=QuarantineReason.MALFORMED_EVENT,
            subject=kept,
            document_id=kept,
            tenant=_MALFORMED_TENANT,
            trace_id="0" * 32,
            attempts=attempts,
            error=None,
            at=at,
            event=None,
            raw=reference,
        )
        return self._write(f"{PREFIX}{stage}/{kept}/undecodable-0", record)

    def list(self) -> Iterator[tuple[str, QuarantineRecord]]:
        """Yield the names and records that wait for somebody, by name."""
        for name, record, replayed in self.every():
            if not replayed:
                yield name, record

    def history(self, document_id: str) -> Sequence[tuple[str, QuarantineRecord, bool]]:
        """Return every record about a document, with whether it was replayed."""
        return [row for row in self.every() if document_id in (row[1].document_id, row[1].subject)]

    def show(self, name: str) -> QuarantineRecord:
        """Return one record.

        Raises:
            NotFoundError: there is none of that name.
        """
        if not name.startswith(PREFIX) or name.endswith(_REPLAYED) or "/raw/" in name:
            raise NotFoundError
        return QuarantineRecord.model_validate_json(self._objects.read(name).data)

    def event_to_replay(self, name: str, *, keyring: Keyring, at: datetime) -> Event | None:
        """Return the record's event with its replay count one up, in the same trace.

        Publish it; the worker that takes it takes the record off the list (``note_replay``), so a
        replay that got lost on its way still waits here. None when the message was undecodable.
        """
        record = self.show(name)
        if record.event is None:
            return None
        event = from_structured(json.dumps(record.event).encode())
        return make_event(
            event.data,
            tenant_key=keyring.tenant_key(event.tenant, TenantPurpose.IDS),
            tenant=event.tenant,
            source=event.source.removeprefix("/docledger/"),
            subject=event.subject,
            jobid=event.jobid,
            traceparent=event.traceparent,
            time=at,
            part=getattr(event.data, "first", 0),
            replay=event.replay + 1,
        )

    def note_replay(self, stage: StageName, event: Event) -> str | None:
        """Take the record that ``event`` is the replay of off the list; it stays where it is.

        Returns:
            The traceparent of the attempt that gave up, where the record knows it.
        """
        name = f"{PREFIX}{stage}/{work_of(event)}-{event.replay - 1}"
        try:
            record = self.show(name)
        except NotFoundError:
            return None  # an earlier stage was replayed
        with suppress(AlreadyExistsError):
            self._objects.create(name + _REPLAYED, b"{}")
        return record.gave_up_in

    def _write(self, name: str, record: QuarantineRecord) -> Reference:
        body = record.model_dump_json().encode()
        try:
            self._objects.create(name, body)
        except AlreadyExistsError:
            body = self._objects.read(name).data
        info = self._objects.read(name).info
        return Reference(
            name=name,
            generation=info.generation,
            digest=hashlib.sha256(body).hexdigest(),
            size=info.size,
        )

    def every(self) -> Iterator[tuple[str, QuarantineRecord, bool]]:
        """Yield every record by name, with whether it was replayed."""
        names = [info.name for info in self._objects.list(PREFIX) if "/raw/" not in info.name]
        replayed = {name.removesuffix(_REPLAYED) for name in names if name.endswith(_REPLAYED)}
        for name in names:
            if not name.endswith(_REPLAYED):
                yield name, self.show(name), name in replayed
