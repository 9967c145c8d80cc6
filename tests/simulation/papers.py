"""The documents of the simulation: a tiny format, and what must become of each."""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from services.ledger.entries import Posting
from shared.events.payloads import DocumentType
from shared.telemetry.reasons import HeldReason, QuarantineReason

EMPTY: Final = b""


class Illness(StrEnum):
    """What a document does to the worker that parses it, until that worker is fixed."""

    PERMANENT = "permanent"  # the parser says that nobody can read this
    CRASH = "crash"  # the parser takes its process down
    UNKNOWN = "unknown"  # the parser raises something nobody has thought of
    OUTAGE = "outage"  # what the parser needs is not there
    FLAKY = "flaky"  # a few unknown errors, then it works
    SLOW = "slow"  # works, but stands still for long


CURED_BY_TIME: Final = frozenset({Illness.FLAKY, Illness.SLOW})

FLAKY_TRIES: Final = 3

REASONS: Final = {
    Illness.PERMANENT: QuarantineReason.UNREADABLE,
    Illness.CRASH: QuarantineReason.KILLS_WORKERS,
    Illness.UNKNOWN: QuarantineReason.ATTEMPTS_EXHAUSTED,
    Illness.OUTAGE: QuarantineReason.DEAD_LETTER,
}
"""What quarantines an ill document when nothing else goes wrong."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document.

    Attributes:
        number: names it in the schedule, and makes its bytes its own.
        type: what it is; None for an e-mail.
        pages: of it.
        net: amount in cents; so is ``tax``.
        invoice: its invoice number; two papers with one number are the same invoice.
        doubt: why it is held.
        illness: what it does to a parser.
        stage: to which parser.
        parts: attachments of an e-mail.
    """

    number: int
    type: DocumentType | None = DocumentType.INVOICE
    pages: int = 1
    net: int = 10_000
    tax: int = 1_900
    invoice: int = 0
    doubt: HeldReason | None = None
    illness: Illness | None = None
    stage: str = "ocr"
    parts: tuple["Paper", ...] = field(default=())

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return _content(self)

    @property
    def is_sick(self) -> bool:
        """Whether it stays in quarantine until somebody fixes the worker."""
        return self.illness is not None and self.illness not in CURED_BY_TIME

    @property
    def postings(self) -> frozenset[Posting]:
        """What the books must say of it, when it posts."""
        total = self.net + self.tax
        rows: tuple[tuple[str, int], ...] = ()
        if self.type is DocumentType.INVOICE:
            rows = (("5000", self.net), ("1400", self.tax), ("2000", -total))
        elif self.type is DocumentType.RECEIPT:
            rows = (("5000", self.net), ("1400", self.tax), ("1000", -total))
        elif self.type is DocumentType.CREDIT_NOTE:
            rows = (("2000", total), ("5000", -self.net), ("1400", -self.tax))
        return frozenset(Posting(account, "EUR", amount) for account, amount in rows if amount)


@lru_cache(maxsize=1_000)
def _content(paper: Paper) -> bytes:
    return json.dumps(asdict(paper), separators=(",", ":"), sort_keys=True).encode()


@lru_cache(maxsize=1_000)
def parse(content: bytes) -> Paper:
    """Return the paper with these bytes.

    Raises:
        ValueError: no paper has them.
    """
    return _paper(json.loads(content))


def _paper(row: dict[str, Any]) -> Paper:
    paper = Paper(**{**row, "parts": tuple(_paper(part) for part in row["parts"])})
    return replace(
        paper,
        type=paper.type and DocumentType(paper.type),
        doubt=paper.doubt and HeldReason(paper.doubt),
        illness=paper.illness and Illness(paper.illness),
    )
