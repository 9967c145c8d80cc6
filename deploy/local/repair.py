"""The sweeper's thorough round: brings back what an audit misses, from what is still there."""

from collections.abc import Iterable
from typing import Final

from deploy.local.audit import Finding, Problem
from deploy.local.chain import Chain
from deploy.local.house import House
from services.ingest.eraser import announcement
from services.ingest.inbox import pack
from services.ingest.registered import RegisteredDocument, Terminal
from services.ledger.audit import FindingCode
from services.ledger.entries import Trail
from services.ledger.restore import bring_back as bring_books_back
from shared.errors import PermanentError
from shared.events.codec import from_structured
from shared.events.envelope import make_event
from shared.events.ids import document_id as document_id_of
from shared.events.payloads import EventType, UploadArrived
from shared.events.results import Intake
from shared.keys.port import TenantPurpose
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.worker import names
from shared.worker.emitter import Emitter, Origin
from shared.worker.results import children_in, result_in

RESTORED_NAME: Final = "(restored)"
"""What a document is called when the name that it came with is gone."""

_UPLOAD: Final = EventType.UPLOAD_ARRIVED.value

_LOST_FROM_BOOKS: Final = frozenset(
    {FindingCode.ENTRY_MISSING, FindingCode.LEAF_UNKNOWN, FindingCode.INDEX_GAP}
)


def bring_back(house: House, found: Iterable[Finding]) -> None:
    """Announce again what stored results say, and restore rows from the log.

    What is announced waits on the bus: let workers and keeper work it off.

    Entries that are gone from the books come first: a document that is announced again must find
    its entry standing, or it would be booked anew. Where an entry cannot be restored, its document
    is left alone for a person. Each document is announced as its own tenant's; one that no register
    knows, only where its id shows that it is of the tenant that the house stands for.
    """
    found = list(found)
    books = [one.book for one in found if one.book is not None]
    mended = bring_books_back(
        books,
        journal=house.ledger.journal,
        log=house.ledger.logs,
        trail_of=lambda tenant, document_id: _trail(house, tenant, document_id),
    )
    restored = {one.entry_id for one in mended}
    lost = {
        one.document_id
        for one in found
        if one.book and one.code in _LOST_FROM_BOOKS and one.book.entry_id not in restored
    }
    known = {one.document_id: one for one in house.register.documents()} if found else {}
    for document_id in sorted({one.document_id for one in found if one.document_id} - lost):
        _announce(house, document_id, known.get(document_id))
    for one in found:
        document = known.get(one.document_id or "")
        if document and one.code == Problem.EVENT_MISSING and one.detail == _UPLOAD:
            _submit_again(house, document)


def _announce(house: House, document_id: str, document: RegisteredDocument | None) -> None:
    """Publish everything again that the document's stored results announced."""
    if house.tombstones.stands(document_id):
        if document is not None:
            told = announcement(document, keyring=house.keyring, at=house.clock.now())
            house.publisher.publish([told])
        return
    if document is None:
        _announce_unregistered(house, document_id)
        return
    if document.status is Terminal.QUARANTINED:
        _replay_last(house, document_id)
    for link in Chain(house, document).links():
        if link.reference is not None:
            Chain(house, document).announce(link)
        elif link.stage == "ingest":
            _submit_again(house, document)
    house.publisher.publish([from_structured(document.last_event)])
    _announce_entries(house, document.tenant, document_id)


def _announce_unregistered(house: House, document_id: str) -> None:
    """Find the submissions that brought the document, and announce what they led to."""
    if not _is_of(house, house.tenant, document_id):
        return
    for info in house.objects.list("results/ingest/"):
        if house.vault.owner(info.name) != document_id:
            continue
        try:
            stored = house.vault.open(info.name)
        except (ErasedError, NotFoundError, PermanentError):
            continue
        job_id = info.name.rsplit("/", 1)[1]
        intake = result_in(stored, Intake)
        if intake.status == "duplicate":
            continue
        origin = Origin(house.tenant, job_id, _origin(house, job_id, intake), document_id)
        reference = house.vault.find(info.name)
        emitter = Emitter(
            "ingest", publisher=house.publisher, keyring=house.keyring, clock=house.clock
        )
        emitter.emit(origin, children_in(stored), reference)
    _announce_entries(house, house.tenant, document_id)


def _is_of(house: House, tenant: str, document_id: str) -> bool:
    """Tell whether a document is a tenant's: its id is made of its bytes by the tenant's key."""
    try:
        content = house.vault.open(names.original(document_id))
    except (ErasedError, NotFoundError, PermanentError):
        return False
    key = house.keyring.tenant_key(tenant, TenantPurpose.IDS)
    return document_id_of(key, content) == document_id


def _origin(house: House, job_id: str, intake: Intake) -> str:
    """Return the origin of a submission's trace: an attachment shares its e-mail's."""
    first: str = job_id
    while intake.parent is not None:
        first = intake.parent
        try:
            intake = result_in(house.vault.open(names.intake(first)), Intake)
        except (ErasedError, NotFoundError, PermanentError):
            break
    return house.tracing.origin(first)


def _submit_again(house: House, document: RegisteredDocument) -> None:
    """What ingest learnt is gone: hand the original in once more, as the same job."""
    try:
        content = house.vault.open(names.original(document.document_id))
    except (ErasedError, NotFoundError, PermanentError):
        return
    upload = house.vault.store_for_tenant(
        names.inbox(document.tenant, document.job_id),
        document.tenant,
        pack(RESTORED_NAME, content),
    )
    event = make_event(
        UploadArrived(upload=upload, entrance="sweeper"),
        tenant_key=house.keyring.tenant_key(document.tenant, TenantPurpose.IDS),
        tenant=document.tenant,
        source="sweeper",
        subject=document.job_id,
        jobid=document.job_id,
        traceparent=from_structured(document.last_event).traceparent,
        time=house.clock.now(),
    )
    house.publisher.publish([event])


def _replay_last(house: House, document_id: str) -> None:
    """Send the latest replay again that was taken and came to no end."""
    records = sorted(house.quarantine.history(document_id), key=lambda row: row[1].at)
    if not records or not all(replayed for _, _, replayed in records):
        return  # it waits for a person
    name, _, _ = records[-1]
    event = house.quarantine.event_to_replay(name, keyring=house.keyring, at=house.clock.now())
    if event is not None:
        house.publisher.publish([event])


def _announce_entries(house: House, tenant: str, document_id: str) -> None:
    for booked in house.ledger.journal.history(tenant, document_id):
        house.ledger.journal.announce_again(booked.entry.entry_id)


def _trail(house: House, tenant: str, document_id: str) -> Trail | None:
    document = house.register.document(tenant, document_id)
    if document is None:
        return None
    return Trail(document.job_id, from_structured(document.last_event).traceparent)
