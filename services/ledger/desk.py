"""The bookkeeper's desk: what a person decides about a held or posted document.

Needs the bookkeeper role; leaves an opaque actor id in the books and in the log.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.ledger.chart import Chart
from services.ledger.drafting import (
    fingerprint_of,
    next_ordinal,
    paper_of,
    reversal,
    voiding,
)
from services.ledger.entries import Booked, Booking, Entry, Standing, standing_entry, standing_of
from services.ledger.leaf import commitment
from services.ledger.ports import AlreadySettledError, Books, Summaries
from services.ledger.postings import draw_up
from shared.errors import UserError
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import FieldName, FieldValue, Summary
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.worker import names

_ACTOR: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a person read better. Figures and codes only: the books hold no names.

    Attributes:
        document_type: what the document is.
        invoice_date: ISO 8601.
        currency: ISO 4217.
        net_amount: decimal string, like the two that follow.
        total_tax_amount: likewise.
        total_amount: likewise.
    """

    document_type: DocumentType | None = None
    invoice_date: dt.date | None = None
    currency: str | None = None
    net_amount: str | None = None
    total_tax_amount: str | None = None
    total_amount: str | None = None


NO_CORRECTIONS: Final = Corrections()


def actor_id(keyring: Keyring, tenant: str, person: str) -> str:
    """Return the opaque id under which a person's decisions stand in the books."""
    return keyed_id(keyring.tenant_key(tenant, TenantPurpose.IDS), "actor", person)


def corrected(summary: Summary, corrections: Corrections) -> Summary:
    """Return the summary as the person read it, with no doubt left."""
    found = dict(summary.fields)
    names_: tuple[FieldName, ...] = (
        "invoice_date", "currency", "net_amount", "total_tax_amount", "total_amount",
    )  # fmt: skip
    for name in names_:
        value = getattr(corrections, name)
        if value is not None:
            found[name] = FieldValue(value=str(value), confidence=1.0, evidence=())
            if name.endswith("_amount"):
                found.pop("rounding_amount", None)  # it stood between the figures as first read
    return summary.model_copy(
        update={
            "fields": found,
            "doubts": (),
            "document_type": corrections.document_type or summary.document_type,
        }
    )


class Desk:
    """Holds and reversals by hand. Every method raises ``UserError`` for a person's mistake.

    Args:
        journal: the books.
        keyring: ids and commitments.
        summaries: what the document says.
        chart: accounts and rules.
    """

    def __init__(
        self, *, journal: Books, keyring: Keyring, summaries: Summaries, chart: Chart
    ) -> None:
        self._journal = journal
        self._keyring = keyring
        self._summaries = summaries
        self._chart = chart

    def held(self, tenant: str) -> list[Booked]:
        """Return what waits for a person, oldest first."""
        return self._journal.open_holds(tenant)

    def post(
        self,
        tenant: str,
        document_id: str,
        *,
        actor: str,
        corrections: Corrections = NO_CORRECTIONS,
    ) -> Entry:
        """Post a held document (or one whose post was reversed), with corrections.

        Corrections override doubts, never arithmetic: net and tax must make the total.

        Raises:
            UserError: it is not held, is erased, or still cannot be posted.
        """
        history, before = self._standing(
            tenant, document_id, actor, (Standing.HELD, Standing.REVERSED), "posted"
        )
        summary = corrected(self._open(before), corrections)
        draft = draw_up(summary, self._chart)
        if draft.kind is EntryKind.MEMO:
            raise UserError(
                f"a {summary.document_type} posts nothing: correct the type, or void it"
            )
        if draft.kind is not EntryKind.POST:
            raise UserError(f"it still cannot be posted ({draft.reason}): correct its figures")
        key = self._ids_key(tenant)
        paper = replace(
            paper_of(before, key),
            document_type=summary.document_type,
            commitment=self._commitment(document_id, summary),
        )
        entry = paper.entry(
            EntryKind.POST,
            ordinal=next_ordinal(history, before.revision, EntryKind.POST),
            date=draft.date,
            postings=draft.postings,
            settles=before.entry_id,
            actor=actor,
        )
        return self._append(entry, before, fingerprint=fingerprint_of(key, summary))

    def void(self, tenant: str, document_id: str, *, actor: str) -> Entry:
        """End a hold without posting.

        Raises:
            UserError: the document is not held.
        """
        history, before = self._standing(tenant, document_id, actor, (Standing.HELD,), "voided")
        key = self._ids_key(tenant)
        entry = voiding(before, tenant_key=key, history=history, actor=actor)
        return self._append(entry, before, forget=True)

    def reverse(self, tenant: str, document_id: str, *, actor: str) -> Entry:
        """Take a post back, once. The mistake stays to be read, and so does who reversed it.

        Raises:
            UserError: the document is not posted.
        """
        history, before = self._standing(tenant, document_id, actor, (Standing.POSTED,), "reversed")
        key = self._ids_key(tenant)
        entry = reversal(before, tenant_key=key, history=history, actor=actor)
        return self._append(entry, before, forget=True)

    def _standing(
        self,
        tenant: str,
        document_id: str,
        actor: str,
        allowed: Sequence[Standing],
        done: str,
    ) -> tuple[list[Booked], Entry]:
        if not _ACTOR.fullmatch(actor):
            raise UserError("the actor must be an opaque id (see desk.actor_id), never a name")
        history = self._journal.history(tenant, document_id)
        standing = standing_entry(history)
        if standing is None:
            raise UserError("the books hold no entry for that document")
        if standing_of(standing) not in allowed:
            raise UserError(
                f"the document is {standing_of(standing)}: only one that is "
                f"{' or '.join(allowed)} can be {done}"
            )
        return history, standing.entry

    def _open(self, entry: Entry) -> Summary:
        name = names.stage_result("summarize", entry.document_id, entry.revision)
        try:
            return self._summaries.open(name)
        except (ErasedError, NotFoundError):
            raise UserError(
                "what the document says is erased or gone: it can only be voided"
            ) from None

    def _commitment(self, document_id: str, summary: Summary) -> str:
        try:
            return commitment(self._keyring.document_key(document_id), summary)
        except KeyMissingError:
            raise UserError("the document is erased: it can only be voided") from None

    def _append(
        self, entry: Entry, before: Entry, *, fingerprint: str | None = None, forget: bool = False
    ) -> Entry:
        trail = self._journal.trail(before.entry_id)
        if trail is None:
            raise UserError("the entry's outbox row is gone: run `docledger audit`")
        booking = Booking((entry,), trail, fingerprint=fingerprint, forget=forget)
        try:
            return self._journal.append(booking).entry
        except AlreadySettledError:
            raise UserError("somebody else decided it first: look again") from None

    def _ids_key(self, tenant: str) -> bytes:
        return self._keyring.tenant_key(tenant, TenantPurpose.IDS)
