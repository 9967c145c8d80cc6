"""What one bookkeeper proposes and a second one decides: postings by hand above a limit. Pure."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from services.ledger.entries import Booking, Entry, Posting
from services.ledger.fx import Rate
from services.ledger.money import as_decimal
from shared.errors import UserError
from shared.events.payloads import DocumentType


class SecondPersonError(UserError):
    """The amount is above the limit: somebody else must approve it."""


class Action(StrEnum):
    """What a bookkeeper may ask for that posts something."""

    POST = "post"
    REVERSE = "reverse"
    FX = "fx"


class How(StrEnum):
    """How a proposal ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


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


@dataclass(frozen=True, slots=True)
class Ask:
    """What a bookkeeper wants done.

    Attributes:
        action: what.
        document_id: with which document.
        corrections: of a post.
        rate: of a conversion.
    """

    action: Action
    document_id: str
    corrections: Corrections = NO_CORRECTIONS
    rate: Rate | None = None

    def as_json(self) -> str:
        """Return it as the journal keeps it."""
        told: dict[str, object] = {"action": self.action, "document_id": self.document_id}
        for one in fields(self.corrections):
            value = getattr(self.corrections, one.name)
            if value is not None:
                told[one.name] = str(value)
        if self.rate is not None:
            told["rate"] = self.rate.told()
        return json.dumps(told, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what ``as_json`` told."""
        told: dict[str, Any] = json.loads(text)
        kind, date = told.get("document_type"), told.get("invoice_date")
        rate = told.get("rate")
        return cls(
            Action(told["action"]),
            told["document_id"],
            Corrections(
                document_type=DocumentType(kind) if kind else None,
                invoice_date=dt.date.fromisoformat(date) if date else None,
                **{
                    name: told.get(name)
                    for name in ("currency", "net_amount", "total_tax_amount", "total_amount")
                },
            ),
            Rate.read(rate) if rate else None,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a proposal ended.

    Attributes:
        how: approved, rejected or withdrawn.
        actor: opaque id of who ended it.
        at: when, UTC.
        entry_id: what became of it; None unless it was approved.
    """

    how: How
    actor: str
    at: dt.datetime
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal, kept as it was made.

    Attributes:
        proposal_id: keyed id.
        tenant: whose books.
        ask: what is to be done.
        base: the entry that stood when it was proposed; another one since, and it is void.
        drafted: the postings that it would make, as ``drafted`` tells them.
        proposer: opaque id of who made it.
        proposed_at: when, UTC.
        expires_at: nobody can approve it from then on.
        ended: how it ended; None while it waits.
    """

    proposal_id: str
    tenant: str
    ask: Ask
    base: str
    drafted: str
    proposer: str
    proposed_at: dt.datetime
    expires_at: dt.datetime
    ended: Ended | None = None

    @property
    def postings(self) -> tuple[Posting, ...]:
        """What it would post."""
        return tuple(Posting(*line) for line in json.loads(self.drafted))

    def is_open(self, now: dt.datetime) -> bool:
        """Tell whether it can still be decided."""
        return self.ended is None and now < self.expires_at

    def status(self, now: dt.datetime) -> str:
        """Return ``open``, ``expired``, or how it ended."""
        if self.ended is not None:
            return self.ended.how.value
        return "open" if self.is_open(now) else "expired"


def approved(booking: Booking) -> Ended:
    """Return how a proposal ends that ``booking`` carries out."""
    approval, entry = booking.approval, booking.subject
    if approval is None or entry.approver is None:
        raise ValueError("nobody approved that booking")
    return Ended(How.APPROVED, entry.approver, approval.at, entry.entry_id)


def drafted(entries: Iterable[Entry]) -> str:
    """Return what entries post, for comparing: the approver approves what was proposed."""
    lines = [(p.account, p.currency, p.amount) for entry in entries for p in entry.postings]
    return json.dumps(lines)


def turnover(postings: Iterable[Posting]) -> dict[str, int]:
    """Return the debits by currency, in minor units."""
    sums: dict[str, int] = {}
    for one in postings:
        sums[one.currency] = sums.get(one.currency, 0) + max(one.amount, 0)
    return sums


def above_limit(entries: Iterable[Entry], limits: Mapping[str, int]) -> str | None:
    """Return what is above its limit, as in ``12000.00 EUR``; None when one person may do it.

    A currency without a limit always needs two.
    """
    for entry in entries:
        for currency, amount in sorted(turnover(entry.postings).items()):
            if amount > limits.get(currency, 0):
                return f"{as_decimal(amount, currency)} {currency}"
    return None
