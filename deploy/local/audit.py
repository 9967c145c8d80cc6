"""Is everything accounted for? Register, results, bus, books and log against one another.

Nothing trusts what it checks, and every finding names the document, so that taking a row, an
event or an object away behind the system's back is found from what the others still say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from deploy.local.chain import Chain, Link
from deploy.local.house import House
from services.ingest.eraser import announcement
from services.ingest.registered import RegisteredDocument, Submission, SubmissionStatus, Terminal
from services.ledger.audit import Finding as BookFinding
from services.ledger.entries import Standing, standing_entry, standing_of
from shared.events.codec import from_structured
from shared.events.ids import event_id
from shared.events.payloads import EntryKind, EventType
from shared.keys.port import TenantPurpose
from shared.worker import names


class Problem(StrEnum):
    """What can be wrong besides the books (``services.ledger.audit.FindingCode``)."""

    SUMS_DIFFER = "sums_differ"  # submissions or documents do not add up
    LATE = "late"  # in flight past its stage's deadline
    STRANDED = "stranded"  # in flight, but nothing about it waits on the bus
    ORIGINAL_MISSING = "original_missing"  # the document as it came is gone
    KEY_MISSING = "key_missing"  # its key is gone though it was never erased
    RESULT_MISSING = "result_missing"  # a stage before the one reached has no result
    EVENT_MISSING = "event_missing"  # a result is there, its event was never published or is gone
    DELIVERY_MISSING = "delivery_missing"  # an event that a subscription never got
    NOT_REGISTERED = "not_registered"  # stored or booked, but the register does not know it
    NOT_BOOKED = "not_booked"  # the register says posted or held, the books do not
    BOOKS_DIFFER = "books_differ"  # register and books say different things
    NO_RECORD = "no_record"  # quarantined without a record
    NOT_ERASED = "not_erased"  # a tombstone stands, but its key or content is still there


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: what.
        document_id: about which document (or submission); None where even that is gone.
        detail: which stage, event type, subscription, sum or index; never content.
        book: the finding of the books behind it.
    """

    code: str
    document_id: str | None
    detail: str = ""
    book: BookFinding | None = None


UNTOLD: Final = timedelta(hours=1)
"""After a tombstone, where no bus says what it was given: the register's sweep tells of an erasure
again within minutes, so what nobody has heard of by then is lost."""

_BOOKED: Final = {
    Standing.POSTED: Terminal.POSTED,
    Standing.MEMO: Terminal.POSTED,
    Standing.HELD: Terminal.HELD,
    Standing.VOIDED: Terminal.VOIDED,
}


def audit(house: House) -> list[Finding]:
    """Return everything that is wrong; empty when all is accounted for."""
    return sorted(
        {*_audit(house)}, key=lambda found: (found.document_id or "", found.code, found.detail)
    )


def _audit(house: House) -> Iterator[Finding]:
    counts = house.register.counts(house.clock.now())
    if not counts.balanced:
        yield Finding(Problem.SUMS_DIFFER, None, "see docledger status")
    for late in house.register.late(house.clock.now()):
        yield Finding(Problem.LATE, late.document_id, late.stage)
    documents = {one.document_id: one for one in house.register.documents()}
    # What a server says of its queues is minutes old, if it says anything: there the deadlines say
    # when something took too long.
    waiting = house.published is None or any(row.messages for row in house.backlog() or ())
    for document in documents.values():
        yield from _check_document(house, document, waiting=waiting)
    submissions = {one.job_id: one for one in house.register.submissions()}
    for submission in submissions.values():
        yield from _check_submission(house, submission, documents)
    yield from _unknown_objects(house, documents, submissions)
    for missing in house.published.missing_deliveries() if house.published else ():
        yield Finding(Problem.DELIVERY_MISSING, missing.subject, missing.subscription)
    for found in house.ledger.audit():
        place = "" if found.index is None else f"entry {found.index}"
        named = found.document_id or _document_at(documents, found.index)
        yield Finding(found.code, named, place, found)
    yield from _unknown_bookings(house, documents)


def _check_document(
    house: House, document: RegisteredDocument, *, waiting: bool
) -> Iterator[Finding]:
    whose = document.document_id
    if house.tombstones.stands(whose) or document.erased:
        yield from _check_erased(house, document, waiting=waiting)
        return
    if whose == document.job_id:
        return  # quarantined before there was a document; its submission is checked
    if not house.keyring.has_document_key(whose):
        yield Finding(Problem.KEY_MISSING, whose)
    if house.objects.stat(names.original(whose)) is None:
        yield Finding(Problem.ORIGINAL_MISSING, whose)
    chain = Chain(house, document)
    for link in chain.links():
        yield from _check_link(chain, link, whose)
    last = from_structured(document.last_event)
    if not _was_published(house, last.id):
        yield Finding(Problem.EVENT_MISSING, whose, last.type.value)
    if document.status is None and not waiting:
        yield Finding(Problem.STRANDED, whose, document.stage)
    if document.status is Terminal.QUARANTINED:
        yield from _check_quarantined(house, whose, waiting=waiting)
    yield from _check_standing(house, document)


def _check_quarantined(house: House, whose: str, *, waiting: bool) -> Iterator[Finding]:
    records = house.quarantine.history(whose)
    if not records:
        yield Finding(Problem.NO_RECORD, whose)
    elif not waiting and all(replayed for _, _, replayed in records):
        yield Finding(Problem.STRANDED, whose, "replayed, but not done")


def _check_link(chain: Chain, link: Link, whose: str) -> Iterator[Finding]:
    if link.reference is None:
        yield Finding(Problem.RESULT_MISSING, whose, link.stage)
        return
    for type_ in chain.unpublished(link):
        yield Finding(Problem.EVENT_MISSING, whose, type_)


def _check_standing(house: House, document: RegisteredDocument) -> Iterator[Finding]:
    history = house.ledger.journal.history(document.tenant, document.document_id)
    standing = standing_entry(history)
    said = document.status
    booked = None if standing is None else _BOOKED.get(standing_of(standing))
    sealed = standing is not None and standing.index is not None
    in_books = (Terminal.POSTED, Terminal.HELD, Terminal.VOIDED)
    if said in in_books and standing is None:
        yield Finding(Problem.NOT_BOOKED, document.document_id, said.value if said else "")
    elif said in in_books and booked is not None and sealed and booked is not said:
        yield Finding(Problem.BOOKS_DIFFER, document.document_id, f"{said} and {booked}")


def _lacks_erasure(house: House, document: RegisteredDocument) -> bool:
    """Tell whether the books know the document, but not that it is erased."""
    history = house.ledger.journal.history(document.tenant, document.document_id)
    kinds = {booked.entry.kind for booked in history}
    return bool(kinds) and EntryKind.ERASURE not in kinds


def _check_erased(
    house: House, document: RegisteredDocument, *, waiting: bool
) -> Iterator[Finding]:
    whose = document.document_id
    if not house.tombstones.stands(whose):
        yield Finding(Problem.NOT_ERASED, whose, "no tombstone")
    told = announcement(document, keyring=house.keyring, at=house.clock.now())
    overdue = _is_overdue(house, whose)
    if not document.erased and (overdue or not _was_published(house, told.id)):
        yield Finding(Problem.EVENT_MISSING, whose, EventType.DOCUMENT_ERASED.value)
    if document.erased and (overdue or not waiting) and _lacks_erasure(house, document):
        yield Finding(Problem.NOT_BOOKED, whose, EntryKind.ERASURE.value)
    if house.keyring.has_document_key(whose):
        yield Finding(Problem.NOT_ERASED, whose, "its key is there")
    prefixes = (names.original(whose), *names.prefixes_of(whose))
    if any(True for prefix in prefixes for _ in house.objects.list(prefix)):
        yield Finding(Problem.NOT_ERASED, whose, "its objects are there")


def _is_overdue(house: House, whose: str) -> bool:
    """Tell whether everybody should have heard by now, where the bus does not say who has."""
    stone = house.objects.stat(names.tombstone(whose)) if house.published is None else None
    return stone is not None and stone.updated + UNTOLD < house.clock.now()


def _check_submission(
    house: House, submission: Submission, documents: dict[str, RegisteredDocument]
) -> Iterator[Finding]:
    if submission.status is SubmissionStatus.REFUSED or submission.document_id is None:
        return
    document = documents.get(submission.document_id)
    if document is None:
        yield Finding(Problem.NOT_REGISTERED, submission.document_id, "document")
        return
    if document.erased or house.tombstones.stands(document.document_id):
        return
    if submission.parent is None and not _was_announced(house, submission, document.replay):
        yield Finding(Problem.EVENT_MISSING, document.document_id, EventType.UPLOAD_ARRIVED.value)
    if submission.status is not SubmissionStatus.DUPLICATE:
        return
    if house.objects.stat(names.intake(submission.job_id)) is None:
        yield Finding(Problem.RESULT_MISSING, document.document_id, "ingest of a duplicate")


def _was_published(house: House, id_: str) -> bool:
    """Tell whether the bus had the event; a bus that forgets what was delivered is believed."""
    return house.published is None or house.published.has_published(id_)


def _was_announced(house: House, submission: Submission, replays: int) -> bool:
    if house.published is None:
        return True  # as above
    key = house.keyring.tenant_key(submission.tenant, TenantPurpose.IDS)
    return any(
        _was_published(
            house,
            event_id(
                key,
                subject=submission.job_id,
                revision=0,
                type_=EventType.UPLOAD_ARRIVED.value,
                replay=replay,
            ),
        )
        for replay in range(replays + 1)
    )


def _unknown_objects(
    house: House,
    documents: dict[str, RegisteredDocument],
    submissions: dict[str, Submission],
) -> Iterator[Finding]:
    """What is stored, but in no row of the register."""
    for info in house.objects.list("originals/"):
        whose = info.name.split("/")[1]
        if whose not in documents:
            yield Finding(Problem.NOT_REGISTERED, whose, "document")
    for info in house.objects.list("results/ingest/"):
        job_id = info.name.split("/")[2]
        if job_id not in submissions:
            whose = house.vault.owner(info.name)
            yield Finding(Problem.NOT_REGISTERED, whose, f"submission {job_id}")
    deadline = house.topology.deadline("ingest")
    for info in house.objects.list("inbox/"):
        job_id = info.name.split("/")[2]
        if job_id not in submissions and info.updated + deadline < house.clock.now():
            yield Finding(Problem.LATE, job_id, "at the door")


def _unknown_bookings(house: House, documents: dict[str, RegisteredDocument]) -> Iterator[Finding]:
    for tenant in house.ledger.journal.tenants():
        for booked in house.ledger.journal.all_entries(tenant):
            if booked.entry.kind is EntryKind.PERIOD_CLOSE:
                continue  # it is about a month, not about a document
            if booked.entry.document_id not in documents:
                yield Finding(Problem.NOT_REGISTERED, booked.entry.document_id, "document")


def _document_at(documents: dict[str, RegisteredDocument], index: int | None) -> str | None:
    """Return the document whose last event told of the entry at ``index``."""
    for document in documents.values():
        data = from_structured(document.last_event).data
        if index is not None and getattr(data, "index", None) == index:
            return document.document_id
    return None
