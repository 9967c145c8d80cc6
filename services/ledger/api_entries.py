"""Sealed entries as an auditor lists, reads and proves them.

They come from the published log, checked against its checkpoint: what is told here is what can be
proved. The journal only says where to look; an entry that it names and that is not what was asked
for by its leaf is damage, not an answer.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.ledger.api_filters import SETTLED_BY, Cursor, ListQuery, Order
from services.ledger.api_index import Candidate, Index
from services.ledger.api_log import PublishedLog
from services.ledger.api_views import EntryPage, EntryView, SealedEntry, view_of
from shared.errors import TransientError
from shared.tlog.checkpoint import SignedCheckpoint
from shared.tlog.errors import MalformedError
from shared.tlog.proof import prove, verify_proof

WINDOW: Final = 10_000
"""Entries that one query of the journal looks at."""

WINDOWS: Final = 2
"""Queries a request: a filter that fits nothing costs no more than this before it says ``next``."""


class SizeError(LookupError):
    """The log has not had this size."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One tenant's log, its entries to be listed.

    Attributes:
        tenant: whose.
        log: published.
        index: where to look.
    """

    tenant: str
    log: PublishedLog
    index: Index

    def page(self, query: ListQuery) -> EntryPage:
        """Return a page of entries.

        Raises:
            CursorError: the cursor is not this list's.
            SizeError: the log has not grown to ``as_of``, or to the cursor's size.
            TlogError: the log is damaged, or the journal contradicts it.
            TransientError: log or journal are unavailable.
        """
        seal = query.seal(self.tenant)
        cursor = Cursor.parse(query.cursor, seal) if query.cursor is not None else None
        signed = self.log.published()
        published = signed.checkpoint.size if signed is not None else 0
        wanted = cursor.size if cursor is not None else query.as_of
        size = published if wanted is None else wanted
        if size > published:
            raise SizeError
        if signed is None:
            return EntryPage(tree_size=0, entries=(), next=None)
        return _Page(self, query, signed, size).filled(cursor, seal)


class _Page:
    """A page that is being filled.

    Args:
        listing: of which log.
        query: what was asked.
        signed: the published checkpoint.
        size: of the tree that is listed.
    """

    def __init__(
        self, listing: Listing, query: ListQuery, signed: SignedCheckpoint, size: int
    ) -> None:
        self._tenant = listing.tenant
        self._index = listing.index
        self._query = query
        self._size = size
        self._newest = query.order is Order.NEWEST
        self._checked = listing.log.checked(signed)

    def filled(self, cursor: Cursor | None, seal: bytes) -> EntryPage:
        low, high = self._range()
        if cursor is not None:
            low, high = (low, min(high, cursor.position)) if self._newest else (
                max(low, cursor.position), high
            )  # fmt: skip
        found: list[Candidate] = []
        most = self._query.limit
        if self._query.by_content:
            self._require_whole_journal()
            for start, end in self._windows(low, high):
                found += self._candidates(start, end, most - len(found))
                low, high = (low, start) if self._newest else (end, high)
                if len(found) == most:
                    break
        elif low < high:
            end = min(high, low + most)
            chosen = range(high - 1, max(low, high - most) - 1, -1) if self._newest else range(
                low, end
            )  # fmt: skip
            found = [Candidate(index, None) for index in chosen]
            low, high = (low, chosen[-1]) if self._newest else (chosen[-1] + 1, high)
        if found and len(found) == most:  # a window may hold more than the page took
            last = found[-1].index
            low, high = (low, last) if self._newest else (last + 1, high)
        following = Cursor(self._size, high if self._newest else low)
        return EntryPage(
            tree_size=self._size,
            entries=tuple(self._told(candidate) for candidate in found),
            next=following.text(seal) if low < high else None,
        )

    def _range(self) -> tuple[int, int]:
        low, high = self._query.since, self._size
        if self._query.sealed_after is not None:
            low = max(low, self._index.sealed_before(self._tenant, self._query.sealed_after))
        if self._query.sealed_before is not None:
            high = min(high, self._index.sealed_before(self._tenant, self._query.sealed_before))
        return low, high

    def _windows(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        for _ in range(WINDOWS):
            if low >= high:
                return
            if self._newest:
                start, end = max(low, high - WINDOW), high
                high = start
            else:
                start, end = low, min(high, low + WINDOW)
                low = end
            yield start, end

    def _candidates(self, start: int, end: int, most: int) -> list[Candidate]:
        return self._index.candidates(
            self._tenant,
            self._query,
            low=start,
            high=end,
            size=self._size,
            newest=self._newest,
            most=most,
        )

    def _require_whole_journal(self) -> None:
        """Refuse to say that there is nothing where a journal lags behind the log."""
        if not self._index.covers(self._tenant, self._checked.size):
            raise TransientError("the journal does not reach as far as the published log")

    def _told(self, candidate: Candidate) -> EntryView:
        entry = view_of(candidate.index, self._checked.leaf(candidate.index))
        if not self._query.holds_for(entry) or not self._settled(entry, candidate):
            raise MalformedError(f"the journal says of leaf {candidate.index} what it does not say")
        return entry

    def _settled(self, entry: EntryView, candidate: Candidate) -> bool:
        """Check that the entry that is said to settle this one does so."""
        if candidate.settled_by is None:
            return True
        settling = view_of(candidate.settled_by, self._checked.leaf(candidate.settled_by))
        wanted = SETTLED_BY.get(self._query.status) if self._query.status else None
        return settling.settles == entry.id and wanted in (None, settling.kind)


def entry_at(log: PublishedLog, index: int) -> SealedEntry | None:
    """Return one entry, None where the checkpoint covers none of that index.

    Raises:
        TlogError: the published log is damaged.
    """
    signed = log.published()
    if signed is None or index >= signed.checkpoint.size:
        return None
    leaf = log.checked(signed).leaf(index)
    encoded = base64.b64encode(leaf).decode("ascii")
    return SealedEntry(**view_of(index, leaf).model_dump(), leaf=encoded)


def proof_of(log: PublishedLog, signed: SignedCheckpoint, index: int) -> str | None:
    """Return the ``.tlog-proof`` of one entry, None where ``signed`` covers none.

    Raises:
        TlogError: the published log is damaged: a proof that does not verify is not handed out.
    """
    published = log.published()
    if published is None or not index < signed.checkpoint.size <= published.checkpoint.size:
        return None
    proof = prove(log.files, signed, index)
    verify_proof(proof, log.key, leaf=log.checked(published).leaf(index))
    return proof
