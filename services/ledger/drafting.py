"""Drawing up entries: ids, leaves, and what a new revision does to the one before. Pure."""

import datetime as dt
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import rfc8785

from services.ledger.entries import (
    Booked,
    Booking,
    Entry,
    Posting,
    Standing,
    Trail,
    standing_entry,
    standing_of,
)
from services.ledger.leaf import leaf_bytes
from services.ledger.money import minor_units, parse_decimal, scale_of
from services.ledger.postings import Draft, value_of
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason


@dataclass(frozen=True, slots=True)
class Paper:
    """One revision of a document, as entries about it need it.

    Attributes:
        tenant: whose books.
        tenant_key: for ids; not shown.
        document_id: the document.
        revision: of it.
        document_type: what it is; None once it is erased.
        commitment: over its canonical fields; empty once it is erased.
    """

    tenant: str
    tenant_key: bytes = field(repr=False)
    document_id: str
    revision: int
    document_type: DocumentType | None
    commitment: str

    def entry(  # noqa: PLR0913 - an entry has this many facts
        self,
        kind: EntryKind,
        *,
        ordinal: int = 0,
        date: dt.date | None = None,
        reason: HeldReason | None = None,
        postings: tuple[Posting, ...] = (),
        settles: str | None = None,
        actor: str | None = None,
        links: str | None = None,
        approver: str | None = None,
        particulars: str = "",
    ) -> Entry:
        """Return an entry about this paper, with its id and leaf."""
        entry_id = keyed_id(
            self.tenant_key, "entry", self.document_id, self.revision, kind.value, ordinal
        )
        leaf = leaf_bytes(
            entry_id=entry_id,
            kind=kind,
            revision=self.revision,
            ordinal=ordinal,
            commitment=self.commitment,
            document_type=self.document_type,
            date=date,
            reason=reason,
            postings=postings,
            settles=settles,
            actor=actor,
            links=links,
            approver=approver,
            particulars=particulars,
        )
        return Entry(
            entry_id=entry_id,
            tenant=self.tenant,
            document_id=self.document_id,
            revision=self.revision,
            kind=kind,
            ordinal=ordinal,
            commitment=self.commitment,
            document_type=self.document_type,
            date=date,
            reason=reason,
            postings=postings,
            settles=settles,
            actor=actor,
            leaf=leaf,
            links=links,
            approver=approver,
            particulars=particulars,
        )


def paper_of(entry: Entry, tenant_key: bytes) -> Paper:
    """Return the paper that ``entry`` is about."""
    return Paper(
        tenant=entry.tenant,
        tenant_key=tenant_key,
        document_id=entry.document_id,
        revision=entry.revision,
        document_type=entry.document_type,
        commitment=entry.commitment,
    )


def decide(  # noqa: PLR0913 - what the rules look at, by name
    paper: Paper,
    draft: Draft,
    *,
    history: Sequence[Booked],
    trail: Trail,
    fingerprint: str | None,
    closed: dt.date | None = None,
) -> Booking:
    """Return what the rules book for one revision.

    A new revision ends what stands of an older one in the same transaction: a post is reversed, a
    hold voided. A revision that comes after a newer one changes nothing: it is void from the start.
    What is dated in a closed period is held: a person posts it into an open one.

    Args:
        paper: the revision.
        draft: what its summary becomes.
        history: the document's entries.
        trail: for the outbox.
        fingerprint: of the invoice, or None.
        closed: the last day of the last closed period; None when none is closed.
    """
    standing = standing_entry(history)
    if standing is not None and standing.entry.revision > paper.revision:
        return Booking((paper.entry(EntryKind.VOID),), trail)
    if closed is not None and draft.date is not None and draft.date <= closed:
        draft = Draft(EntryKind.HOLD, reason=HeldReason.PERIOD_CLOSED)
    ended = _ended(standing, paper, history, closed)
    decision = paper.entry(
        draft.kind, date=draft.date, reason=draft.reason, postings=draft.postings
    )
    instead: tuple[Entry, ...] = ()
    if draft.kind is EntryKind.POST and fingerprint is not None:
        instead = *ended, paper.entry(EntryKind.HOLD, reason=HeldReason.POSSIBLE_DUPLICATE)
    return Booking(
        entries=(*ended, decision),
        trail=trail,
        fingerprint=fingerprint,
        instead=instead,
    )


def open_date(date: dt.date, closed: dt.date | None) -> dt.date:
    """Return the day on which something of ``date`` counts: its own, or the first open one."""
    return date if closed is None or date > closed else closed + dt.timedelta(days=1)


def particulars(
    *, date: dt.date | None, document_date: dt.date | None, fx: Mapping[str, str] | None = None
) -> str:
    """Return an entry's particulars: the document's own day where it differs, and a rate."""
    told: dict[str, object] = {}
    if document_date is not None and document_date != date:
        told["document_date"] = document_date.isoformat()
    if fx is not None:
        told["fx"] = dict(fx)
    return rfc8785.dumps(told).decode() if told else ""  # type: ignore[arg-type] # invariant


def reversals(  # noqa: PLR0913 - what a reversal says, by name
    post: Entry,
    *,
    tenant_key: bytes,
    history: Sequence[Booked],
    actor: str | None,
    approver: str | None = None,
    closed: dt.date | None = None,
) -> tuple[Entry, ...]:
    """Return the entries that take ``post`` back: every posting with the other sign.

    Its conversions are taken back first. What is dated in a closed period is reversed on the first
    open day.
    """
    first = next_ordinal(history, post.revision, EntryKind.REVERSAL)
    return tuple(
        paper_of(one, tenant_key).entry(
            EntryKind.REVERSAL,
            ordinal=ordinal,
            date=open_date(one.date, closed) if one.date else None,
            postings=tuple(replace(line, amount=-line.amount) for line in one.postings),
            settles=one.entry_id,
            actor=actor,
            approver=approver,
            links=one.links,
        )
        for ordinal, one in enumerate((*conversions(history, post.entry_id), post), start=first)
    )


def conversions(history: Sequence[Booked], post_id: str) -> list[Entry]:
    """Return the conversion of a post and its revaluations, as far as none reversed them."""
    settled = {booked.entry.settles for booked in history}
    return [
        booked.entry
        for booked in history
        if booked.entry.kind is EntryKind.FX
        and booked.entry.links == post_id
        and booked.entry.entry_id not in settled
    ]


def voiding(
    held: Entry, *, tenant_key: bytes, history: Sequence[Booked], actor: str | None
) -> Entry:
    """Return the entry that ends a hold without posting anything."""
    return paper_of(held, tenant_key).entry(
        EntryKind.VOID,
        ordinal=next_ordinal(history, held.revision, EntryKind.VOID),
        settles=held.entry_id,
        actor=actor,
    )


def next_ordinal(history: Sequence[Booked], revision: int, kind: EntryKind) -> int:
    """Return how many entries of that kind the revision has."""
    return sum(b.entry.revision == revision and b.entry.kind is kind for b in history)


def fingerprint_of(tenant_key: bytes, summary: Summary) -> str | None:
    """Return the keyed id of supplier, invoice id and total; None unless all three are known.

    Spelling that does not make another invoice is ignored: case, spaces, punctuation.
    """
    supplier = _folded(value_of(summary, "supplier_name"))
    number = _folded(value_of(summary, "invoice_id"))
    currency = value_of(summary, "currency") or ""
    total = parse_decimal(value_of(summary, "total_amount") or "")
    if not supplier or not number or total is None:
        return None
    scale = scale_of(currency)
    try:
        amount = str(total.normalize()) if scale is None else str(minor_units(total, scale))
    except ArithmeticError:
        return None
    return keyed_id(tenant_key, "fingerprint", supplier, number, currency, amount)


def _folded(text: str | None) -> str:
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return "".join(character for character in folded if character.isalnum())


def _ended(
    standing: Booked | None, paper: Paper, history: Sequence[Booked], closed: dt.date | None
) -> tuple[Entry, ...]:
    if standing is None or standing.entry.revision == paper.revision:
        return ()
    before, key = standing.entry, paper.tenant_key
    if standing_of(standing) is Standing.POSTED:
        return reversals(before, tenant_key=key, history=history, actor=None, closed=closed)
    if standing_of(standing) is Standing.HELD:
        return (voiding(before, tenant_key=key, history=history, actor=None),)
    return ()
