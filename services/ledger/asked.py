"""What a bookkeeper asks for, drawn up: the entries that a decision by hand would make."""

from collections.abc import Sequence
from dataclasses import replace

from services.ledger.chart import Chart
from services.ledger.drafting import (
    conversions,
    fingerprint_of,
    next_ordinal,
    open_date,
    paper_of,
    particulars,
    reversals,
)
from services.ledger.entries import (
    Booked,
    Booking,
    Entry,
    Standing,
    Trail,
    standing_entry,
    standing_of,
)
from services.ledger.fx import conversion, revaluation
from services.ledger.leaf import commitment
from services.ledger.ports import Books, Summaries
from services.ledger.postings import draw_up
from services.ledger.proposals import Action, Ask, Corrections
from shared.errors import UserError
from shared.events.payloads import EntryKind
from shared.events.results import FieldName, FieldValue, Summary
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.worker import names


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


class Drafter:
    """Draws up entries by hand and writes nothing. ``UserError`` for what cannot be done.

    Args:
        journal: what stands.
        keyring: ids and commitments.
        summaries: what documents say.
        chart: accounts and rules.
    """

    def __init__(
        self, *, journal: Books, keyring: Keyring, summaries: Summaries, chart: Chart
    ) -> None:
        self._journal = journal
        self._keyring = keyring
        self._summaries = summaries
        self._chart = chart

    def draft(
        self, tenant: str, ask: Ask, actor: str, *, approver: str | None = None
    ) -> tuple[Booking, Entry]:
        """Return what an ask comes to, and the entry that stands before it."""
        draft = {
            Action.POST: self._post,
            Action.REVERSE: self._reversal,
            Action.FX: self._conversion,
        }[ask.action]
        return draft(tenant, ask, actor, approver)

    def _post(
        self, tenant: str, ask: Ask, actor: str, approver: str | None
    ) -> tuple[Booking, Entry]:
        history, before = self.standing(
            tenant, ask.document_id, (Standing.HELD, Standing.REVERSED), "posted"
        )
        summary = corrected(self._open(before), ask.corrections)
        draft = draw_up(summary, self._chart)
        if draft.kind is EntryKind.MEMO:
            raise UserError(
                f"a {summary.document_type} posts nothing: correct the type, or void it"
            )
        if draft.kind is not EntryKind.POST or draft.date is None:
            raise UserError(f"it still cannot be posted ({draft.reason}): correct its figures")
        key = self.ids_key(tenant)
        paper = replace(
            paper_of(before, key),
            document_type=summary.document_type,
            commitment=self._commitment(ask.document_id, summary),
        )
        date = open_date(draft.date, self._journal.closed_until(tenant))
        entry = paper.entry(
            EntryKind.POST,
            ordinal=next_ordinal(history, before.revision, EntryKind.POST),
            date=date,
            postings=draft.postings,
            settles=before.entry_id,
            actor=actor,
            approver=approver,
            particulars=particulars(date=date, document_date=draft.date),
        )
        fingerprint = fingerprint_of(key, summary)
        return Booking((entry,), self.trail(before), fingerprint=fingerprint), before

    def _reversal(
        self, tenant: str, ask: Ask, actor: str, approver: str | None
    ) -> tuple[Booking, Entry]:
        history, before = self.standing(tenant, ask.document_id, (Standing.POSTED,), "reversed")
        entries = reversals(
            before,
            tenant_key=self.ids_key(tenant),
            history=history,
            actor=actor,
            approver=approver,
            closed=self._journal.closed_until(tenant),
        )
        return Booking(entries, self.trail(before), forget=True), before

    def _conversion(
        self, tenant: str, ask: Ask, actor: str, approver: str | None
    ) -> tuple[Booking, Entry]:
        history, before = self.standing(tenant, ask.document_id, (Standing.POSTED,), "converted")
        rate, foreign = ask.rate, self._chart.foreign
        if rate is None or before.date is None:
            raise UserError("a conversion needs a rate")
        converted = conversions(history, before.entry_id)
        newest = max((one.date for one in converted if one.date), default=None)
        if newest is None:
            postings, own = conversion(before, rate, foreign), before.date
        elif rate.date <= newest:
            raise UserError(f"it is valued as of {newest} already: give a rate of a later day")
        else:
            own = rate.date
            postings = revaluation(before, rate, foreign, converted=converted)
        date = open_date(own, self._journal.closed_until(tenant))
        entry = paper_of(before, self.ids_key(tenant)).entry(
            EntryKind.FX,
            ordinal=next_ordinal(history, before.revision, EntryKind.FX),
            date=date,
            postings=postings,
            actor=actor,
            approver=approver,
            links=before.entry_id,
            particulars=particulars(date=date, document_date=own, fx=rate.told()),
        )
        return Booking((entry,), self.trail(before)), before

    def standing(
        self, tenant: str, document_id: str, allowed: Sequence[Standing], done: str
    ) -> tuple[list[Booked], Entry]:
        """Return the document's history and where it stands, if that is one of ``allowed``."""
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

    def trail(self, before: Entry) -> Trail:
        """Return where the work on the entry's document began."""
        trail = self._journal.trail(before.entry_id)
        if trail is None:
            raise UserError("the entry's outbox row is gone: run `docledger audit`")
        return trail

    def ids_key(self, tenant: str) -> bytes:
        """Return the key of the tenant's ids."""
        return self._keyring.tenant_key(tenant, TenantPurpose.IDS)
