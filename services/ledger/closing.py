"""Closing a period: what a person does at a month's end, once, and nobody takes back."""

from services.ledger.desk import require_actor
from services.ledger.drafting import Paper
from services.ledger.entries import Booked, Booking, Entry, Trail
from services.ledger.leaf import LeafTooLargeError
from services.ledger.periods import (
    Close,
    Period,
    PeriodClosedError,
    StaleCloseError,
    close_of,
    since_of,
)
from services.ledger.ports import AlreadySettledError, Books, ConflictError
from shared.clock import Clock
from shared.errors import UserError
from shared.events.ids import keyed_id, origin_of
from shared.events.payloads import EntryKind
from shared.keys.port import Keyring, TenantPurpose


class Periods:
    """Closes of a tenant's periods. Every method raises ``UserError`` for a person's mistake.

    Args:
        journal: the books.
        keyring: for ids.
        clock: whether a month is over.
    """

    def __init__(self, *, journal: Books, keyring: Keyring, clock: Clock) -> None:
        self._journal = journal
        self._keyring = keyring
        self._clock = clock

    def closed(self, tenant: str) -> list[tuple[Booked, Close]]:
        """Return every close with what it says, oldest first."""
        found = self._journal.closes(tenant)
        return [(booked, Close.read(booked.entry.particulars)) for booked in found]

    def close(
        self, tenant: str, period: Period, *, actor: str, with_open_holds: bool = False
    ) -> Entry:
        """Close a period: seal its totals, and let nothing more be dated in it.

        Raises:
            UserError: it is not over, closed already, or not the next one; documents are held and
                nobody said that they may stay; or its entries are not all sealed yet.
        """
        require_actor(actor)
        previous = self._previous(tenant, period)
        held = len(self._journal.open_holds(tenant))
        if held and not with_open_holds:
            raise UserError(
                f"{held} documents are held: decide them, or close with --with-open-holds and "
                "post them into the period that is open then"
            )
        before = Close.read(previous.particulars) if previous is not None else None
        try:
            entries = self._journal.dated(tenant, since_of(before), period.last)
            close = close_of(period, entries, previous=previous, open_holds=held)
            if previous is None and not close.entries:
                raise UserError(f"nothing is dated up to {period.last}: there is nothing to close")
            entry = self._entry(tenant, close, actor)
            return self._journal.append(Booking((entry,), _trail(entry))).entry
        except (StaleCloseError, AlreadySettledError, ConflictError, PeriodClosedError):
            raise UserError(
                "the period's entries are not all sealed, or changed meanwhile: try again"
            ) from None
        except LeafTooLargeError:
            raise UserError("too many accounts and currencies for one entry") from None

    def _previous(self, tenant: str, period: Period) -> Entry | None:
        if self._clock.now().date() <= period.last:
            raise UserError(f"{period} is not over: it can be closed from the day after its last")
        closes = self.closed(tenant)
        if not closes:
            return None
        booked, last = closes[-1]
        if period <= last.period:
            raise UserError(f"{period} is closed: corrections go into {last.period.following}")
        if period != last.period.following:
            raise UserError(f"{last.period.following} comes first: periods close one by one")
        return booked.entry

    def _entry(self, tenant: str, close: Close, actor: str) -> Entry:
        key = self._keyring.tenant_key(tenant, TenantPurpose.IDS)
        paper = Paper(
            tenant=tenant,
            tenant_key=key,
            document_id=keyed_id(key, "period", str(close.period)),
            revision=0,
            document_type=None,
            commitment="",
        )
        return paper.entry(
            EntryKind.PERIOD_CLOSE,
            date=close.period.last,
            actor=actor,
            particulars=close.particulars(),
        )


def _trail(entry: Entry) -> Trail:
    return Trail(entry.document_id, origin_of(entry.document_id))
