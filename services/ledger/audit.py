"""Do the books hold together? Journal, outbox and published log against one another.

Nothing here trusts what it checks: leaves are made again from the rows, rows are compared with
the bytes that anyone can download, and every finding names the document.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from services.ledger.entries import POSTING_KINDS, Booked, Entry, unbalanced
from services.ledger.leaf import leaf_bytes, read_leaf
from services.ledger.periods import Close, StaleCloseError, close_of
from services.ledger.ports import Journal, LogReader, SealedRow
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import TlogError
from shared.tlog.note import Note


class FindingCode(StrEnum):
    """What can be wrong with the books."""

    OUTBOX_MISSING = "outbox_missing"  # an entry without its outbox row: nobody would be told
    ENTRY_MISSING = "entry_missing"  # an outbox row whose entry is gone
    INDEX_GAP = "index_gap"  # an index that no entry has
    LEAF_CHANGED = "leaf_changed"  # the row no longer says what its leaf says
    LEAF_DIFFERS = "leaf_differs"  # the journal's leaf is not the published one
    LEAF_UNKNOWN = "leaf_unknown"  # the log has a leaf that the journal does not
    LEAF_LOST = "leaf_lost"  # a checkpoint covered the entry; the log no longer has it
    CLOSE_DIFFERS = "close_differs"  # a closed period holds other entries than its close counted
    POSTING_STRAY = "posting_stray"  # a posting that no entry has, yet it counts in the balance
    UNBALANCED = "unbalanced"  # postings that do not sum to zero
    TOLD_TOO_EARLY = "told_too_early"  # an event went out before a checkpoint covered its entry
    LOG_DAMAGED = "log_damaged"  # the published log cannot be read
    DOCUMENT_DIFFERS = "document_differs"  # entry and outbox row are about two documents
    CHECKPOINT_CHANGED = "checkpoint_changed"  # a stored checkpoint is not of the log's history


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: what.
        tenant: in whose books.
        document_id: about which document; None where even that is gone.
        entry_id: the entry, or None.
        index: in the log, or None; of a checkpoint, the last entry that it covers.
    """

    code: FindingCode
    tenant: str
    document_id: str | None = None
    entry_id: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """What the journal has at one index; a digest instead of the leaf, to hold millions."""

    entry_id: str
    document_id: str
    digest: bytes

    def finding(self, code: FindingCode, tenant: str, index: int) -> Finding:
        return Finding(code, tenant, self.document_id, self.entry_id, index)


def check_books(journal: Journal, log: LogReader) -> list[Finding]:
    """Return everything that is wrong, tenant by tenant; empty when the books hold together."""
    findings: list[Finding] = []
    tenants = journal.audited_tenants()
    sealed: dict[str, list[SealedRow]] = {tenant: [] for tenant in tenants}
    for row in journal.sealed():
        sealed.setdefault(row.tenant, []).append(row)
    for tenant in tenants:
        findings += _check_tenant(journal, log, tenant, sealed[tenant])
    for tenant in sealed.keys() - set(tenants):  # no log: nobody has entries under that name
        findings += [found for row in sealed[tenant] for found in _of_checkpoint(row)]
    return findings + [
        Finding(FindingCode.POSTING_STRAY, one.tenant, one.document_id, one.entry_id, one.index)
        for one in journal.stray_postings()
    ]


def _check_tenant(
    journal: Journal, log: LogReader, tenant: str, sealed: list[SealedRow]
) -> Iterator[Finding]:
    wrong: list[SealedRow] = []
    try:
        wrong += _wrongly_sealed(log, tenant, sealed)
    except TlogError:
        yield Finding(FindingCode.LOG_DAMAGED, tenant)
    for one in wrong:
        yield from _of_checkpoint(one)
    covered = _covered(sealed, wrong)
    outbox = {row.entry_id: row for row in journal.outbox(tenant)}
    seen: set[str] = set()
    places: dict[int, _Place] = {}
    for booked in journal.all_entries(tenant):
        entry = booked.entry
        seen.add(entry.entry_id)
        yield from _check_entry(booked)
        row = outbox.get(entry.entry_id)
        if row is None:
            yield _finding(FindingCode.OUTBOX_MISSING, entry, booked.index)
        elif row.published is not None and (booked.index is None or booked.index >= covered):
            yield _finding(FindingCode.TOLD_TOO_EARLY, entry, booked.index)
        if row is not None and row.document_id != entry.document_id:
            yield _finding(FindingCode.DOCUMENT_DIFFERS, entry, booked.index)
        if booked.index is not None:
            places[booked.index] = _Place(
                entry.entry_id, entry.document_id, hashlib.sha256(entry.leaf).digest()
            )
    for row in outbox.values():
        if row.entry_id not in seen:
            yield Finding(FindingCode.ENTRY_MISSING, tenant, row.document_id, row.entry_id)
    documents = {row.entry_id: row.document_id for row in outbox.values()}
    yield from _check_log(log, tenant, places, covered, documents)
    yield from _check_closes(journal, tenant)


def _check_closes(journal: Journal, tenant: str) -> Iterator[Finding]:
    """Add every closed period up again: an entry put into it since would be in no filing."""
    previous: Entry | None = None
    for booked in journal.closes(tenant):
        found = None
        with suppress(StaleCloseError, ValueError):
            said = Close.read(booked.entry.particulars)
            entries = journal.dated(tenant, said.since, said.period.last)
            again = close_of(said.period, entries, previous=previous, open_holds=said.open_holds)
            found = again == said
        if not found:
            yield _finding(FindingCode.CLOSE_DIFFERS, booked.entry, booked.index)
        previous = booked.entry


def _check_entry(booked: Booked) -> Iterator[Finding]:
    entry = booked.entry
    if not _makes_its_leaf(entry):
        yield _finding(FindingCode.LEAF_CHANGED, entry, booked.index)
    posts = entry.kind in POSTING_KINDS
    if unbalanced(entry.postings) or posts != bool(entry.postings):
        yield _finding(FindingCode.UNBALANCED, entry, booked.index)


def _check_log(
    log: LogReader,
    tenant: str,
    places: dict[int, _Place],
    covered: int,
    documents: dict[str, str],
) -> Iterator[Finding]:
    size = 0
    try:
        for index, leaf in enumerate(log.leaves(tenant)):
            size = index + 1
            place = places.get(index)
            if place is None:
                entry_id = str(read_leaf(leaf).get("id"))
                document = documents.get(entry_id)
                yield Finding(FindingCode.LEAF_UNKNOWN, tenant, document, entry_id, index)
            elif place.digest != hashlib.sha256(leaf).digest():
                yield place.finding(FindingCode.LEAF_DIFFERS, tenant, index)
    except TlogError:
        yield Finding(FindingCode.LOG_DAMAGED, tenant, index=size)
    for index in range(size, covered):
        if index in places:
            yield places[index].finding(FindingCode.LEAF_LOST, tenant, index)
    dense = max(size, covered, len(places))  # an index beyond is wrong itself, however large
    for index in range(min(dense, max(places, default=-1) + 1)):
        if index not in places:
            yield Finding(FindingCode.INDEX_GAP, tenant, index=index)
    for index in sorted(index for index in places if not 0 <= index < dense):
        yield places[index].finding(FindingCode.INDEX_GAP, tenant, index)


def _wrongly_sealed(log: LogReader, tenant: str, sealed: list[SealedRow]) -> Iterator[SealedRow]:
    """Yield checkpoints that were changed, and recorded ones that were never decided."""
    decided = {(row.size, row.root): row.note for row in sealed if not row.recorded}
    for row in sealed:
        if row.recorded and not _has_grown_from(decided.get((row.size, row.root)), row.note):
            yield row
    yield from log.wrongly_sealed(tenant, sealed)


def _has_grown_from(decided: str | None, recorded: str | None) -> bool:
    """Tell whether a recorded note is the decided one; a key that joined may have signed it too."""
    if decided is None or recorded is None:
        return False
    try:
        first, then = Note.parse(decided), Note.parse(recorded)
    except TlogError:
        return False
    return first.text == then.text and set(first.signatures) <= set(then.signatures)


def _covered(sealed: list[SealedRow], wrong: list[SealedRow]) -> int:
    """Return how many entries the recorded checkpoints cover, those aside that are wrong."""
    recorded = {row.size for row in sealed if row.recorded}
    return max((row.size for row in sealed if row.size in recorded and row not in wrong), default=0)


def _of_checkpoint(row: SealedRow) -> Iterator[Finding]:
    """Name the row's size and its note's: either may be what was changed."""
    sizes = {row.size}
    if row.note is not None:
        with suppress(TlogError):
            sizes.add(Checkpoint.parse(Note.parse(row.note).text).size)
    for size in sorted(sizes):
        yield Finding(FindingCode.CHECKPOINT_CHANGED, row.tenant, index=size - 1)


def _makes_its_leaf(entry: Entry) -> bool:
    try:
        return made_again(entry) == entry.leaf
    except (TypeError, ValueError):  # a damaged row may hold what no leaf can
        return False


def made_again(entry: Entry) -> bytes:
    """Return the leaf that the entry's row makes."""
    return leaf_bytes(
        entry_id=entry.entry_id,
        kind=entry.kind,
        revision=entry.revision,
        ordinal=entry.ordinal,
        commitment=entry.commitment,
        document_type=entry.document_type,
        date=entry.date,
        reason=entry.reason,
        postings=entry.postings,
        settles=entry.settles,
        actor=entry.actor,
        links=entry.links,
        approver=entry.approver,
        particulars=entry.particulars,
    )


def _finding(code: FindingCode, entry: Entry, index: int | None) -> Finding:
    return Finding(code, entry.tenant, entry.document_id, entry.entry_id, index)
