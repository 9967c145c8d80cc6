"""What an auditor may ask of the list of entries: filters, order, and a cursor bound to both."""

import base64
import binascii
import datetime as dt
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.ledger.api_views import EntryView
from shared.events.payloads import DocumentType, EntryKind

MOST_ENTRIES: Final = 256
"""Entries a page: unfiltered, they lie in two bundles at most."""

MOST_CHECKPOINTS: Final = 100

MOST_INDEX: Final = 2**63 - 1
_MOST_AMOUNT: Final = 2**53 - 1

_CHECK_BYTES: Final = 16
_CURSOR_BYTES: Final = 8 + 8 + _CHECK_BYTES


def _spelt_out(value: object) -> object:
    """Refuse a number where a date stands: Pydantic would take it for seconds since 1970."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("is not ISO 8601")
    return value


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\Z|T)", re.ASCII)

Day = Annotated[dt.date, BeforeValidator(_spelt_out)]
Moment = Annotated[AwareDatetime, BeforeValidator(_spelt_out)]
Size = Annotated[int, Field(ge=0, le=MOST_INDEX)]
Amount = Annotated[int, Field(ge=-_MOST_AMOUNT, le=_MOST_AMOUNT)]


class Status(StrEnum):
    """What became of an entry, by the entry that settles it."""

    OPEN = "open"  # a hold that nothing settles
    STANDING = "standing"  # any other entry that nothing settles
    SETTLED = "settled"  # an entry settles it, of whichever kind
    POSTED = "posted"  # a post does
    VOIDED = "voided"  # a void does
    REVERSED = "reversed"  # a reversal does


SETTLED_BY: Final = {
    Status.POSTED: EntryKind.POST,
    Status.VOIDED: EntryKind.VOID,
    Status.REVERSED: EntryKind.REVERSAL,
}
"""The kind that settles, where the status names one."""


class Order(StrEnum):
    """Which entries come first."""

    OLDEST = "oldest"
    NEWEST = "newest"


class Filter(BaseModel):
    """Which entries to list; all that is given must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: EntryKind | None = Field(None, description="what the entry does")
    type: DocumentType | None = Field(None, description="of the document")
    account: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = Field(
        None, description="a posting's; amount and currency are of the same posting"
    )
    min_amount: Amount | None = Field(
        None, description="a posting's, in minor units; a debit is positive, a credit negative"
    )
    max_amount: Amount | None = Field(None, description="likewise; both ends belong to the range")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        None, description="a posting's, ISO 4217"
    )
    status: Status | None = Field(None, description="at the size that the list is of")
    first_day: Day | None = Field(None, alias="from", description="the entry's date or later")
    last_day: Day | None = Field(None, alias="to", description="the entry's date or earlier")
    sealed_after: Moment | None = Field(
        None, description="a checkpoint recorded then or later is the first that covers the entry"
    )
    sealed_before: Moment | None = Field(
        None, description="a checkpoint recorded before covers the entry"
    )

    @property
    def by_posting(self) -> bool:
        """Whether a posting is asked for."""
        return any(
            value is not None
            for value in (self.account, self.min_amount, self.max_amount, self.currency)
        )

    @property
    def by_content(self) -> bool:
        """Whether more is asked for than a range of the log."""
        asked = (self.kind, self.type, self.status, self.first_day, self.last_day)
        return self.by_posting or any(value is not None for value in asked)

    def holds_for(self, entry: EntryView) -> bool:
        """Tell whether an entry's leaf is what was asked for; its status is another leaf's word."""
        return (
            (self.kind is None or entry.kind is self.kind)
            and (self.type is None or entry.type is self.type)
            and (not self.by_posting or self._holds_for_a_posting(entry))
            and (self.first_day is None or (entry.date or "") >= self.first_day.isoformat())
            and (self.last_day is None or "" < (entry.date or "") <= self.last_day.isoformat())
        )

    def _holds_for_a_posting(self, entry: EntryView) -> bool:
        low = -_MOST_AMOUNT if self.min_amount is None else self.min_amount
        high = _MOST_AMOUNT if self.max_amount is None else self.max_amount
        return any(
            self.account in (None, posting.account)
            and self.currency in (None, posting.currency)
            and low <= posting.amount <= high
            for posting in entry.postings
        )


class ListQuery(Filter):
    """Which entries to list, in which order, from where, and how many at once."""

    as_of: Size | None = Field(
        None, description="list the log as it was at this size; else at the published one"
    )
    since: Size = Field(0, description="replay from this size: the index of the first entry")
    order: Order = Field(Order.OLDEST, description="oldest or newest first")
    cursor: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="`next` of the page before, with the same filters"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_ENTRIES)] = Field(100, description="entries a page")

    def seal(self, tenant: str) -> bytes:
        """Return what ties a cursor to this tenant's list with these filters."""
        asked = self.model_dump(mode="json", exclude={"cursor", "limit"})
        return sha256(json.dumps([tenant, asked], sort_keys=True).encode()).digest()


class _Strict(BaseModel):
    """Parameters of which none may be misspelt: one that is left out changes the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ProofQuery(_Strict):
    """At which checkpoint an entry is proved."""

    size: Annotated[int, Field(ge=1, le=MOST_INDEX)] | None = Field(
        None, description="of a checkpoint; else the newest"
    )


class CheckpointsQuery(_Strict):
    """Which page of the history."""

    after: Size = Field(0, description="the size before the page")
    limit: Annotated[int, Field(ge=1, le=MOST_CHECKPOINTS)] = Field(
        MOST_CHECKPOINTS, description="checkpoints a page"
    )


class ConsistencyQuery(_Strict):
    """Between which checkpoints."""

    earlier: Annotated[int, Field(ge=1, le=MOST_INDEX)] = Field(
        alias="from", description="size of a checkpoint"
    )
    later: Annotated[int, Field(ge=1, le=MOST_INDEX)] | None = Field(
        None, alias="to", description="likewise; else the newest"
    )


class CursorError(ValueError):
    """A cursor is none of ours, or another list's."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended. Opaque to callers, but no secret: nothing in it opens anything.

    Attributes:
        size: of the tree that is listed: all pages show one state.
        position: oldest first, the next index to look at; newest first, the index above it.
    """

    size: int
    position: int

    def text(self, seal: bytes) -> str:
        """Return it as callers see it."""
        return base64.urlsafe_b64encode(self._checked(seal)).decode("ascii").rstrip("=")

    @classmethod
    def parse(cls, text: str, seal: bytes) -> Self:
        """Read a cursor that was made for the same list.

        Raises:
            CursorError: it was not, or somebody changed it.
        """
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) == _CURSOR_BYTES:
            cursor = cls(int.from_bytes(data[:8]), int.from_bytes(data[8:16]))
            if cursor._checked(seal) == data and cursor.text(seal) == text:
                return cursor
        raise CursorError

    def _checked(self, seal: bytes) -> bytes:
        body = self.size.to_bytes(8) + self.position.to_bytes(8)
        return body + sha256(seal + body).digest()[:_CHECK_BYTES]
