"""Checkpoints of a log, old ones too, and the proof that one log grew from the other.

The published log keeps its newest checkpoint only; the journal keeps them all. Each is told only
if a key of the log signed it; one whose key was closed since at a smaller size is told to count no
more.
"""

from services.ledger.api_checked import ClosedKeyError, opened_note
from services.ledger.api_entries import SizeError
from services.ledger.api_index import Index, Recorded
from services.ledger.api_log import PublishedLog
from services.ledger.api_views import CheckpointPage, CheckpointView, ConsistencyView
from shared.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from shared.tlog.encoding import encode_base64
from shared.tlog.errors import MalformedError
from shared.tlog.key_history import formerly
from shared.tlog.merkle import make_consistency_proof, roots_at, verify_consistency
from shared.tlog.reader import TreeHashes


class CheckpointClosedError(Exception):
    """The log had a checkpoint of that size; the keys that signed it count no more there."""


class History:
    """The checkpoints of one tenant's log.

    Args:
        tenant: whose.
        log: published.
        index: keeps the history.
    """

    def __init__(self, tenant: str, log: PublishedLog, index: Index) -> None:
        self._tenant = tenant
        self._log = log
        self._index = index

    def page(self, *, after: int, limit: int) -> CheckpointPage:
        """Return checkpoints of sizes above ``after``, smallest first.

        Those that count no more are told as such: who was shown one must find it.

        Raises:
            TlogError: one is not signed as it must be, or not of this log.
            TransientError: the journal is unavailable.
        """
        published = self._log.published()
        if published is None:
            return CheckpointPage(checkpoints=(), next=None)
        rows = self._index.checkpoints(self._tenant, after=after, most=limit + 1)
        told = [row for row in rows[:limit] if row.size <= published.checkpoint.size]
        views = tuple(self._view(row, published) for row in told)
        more = len(rows) > limit and len(told) == limit
        return CheckpointPage(checkpoints=views, next=told[-1].size if more else None)

    def at(self, size: int) -> CheckpointView:
        """Return the checkpoint of one size; as ``signed_at``."""
        signed, row = self._at(size)
        return view_of_checkpoint(signed, row)

    def signed_at(self, size: int | None) -> SignedCheckpoint:
        """Return the checkpoint of one size, the published one when None.

        Raises:
            SizeError: the log had no checkpoint of that size.
            CheckpointClosedError: it counts no more.
            TlogError: it is not signed as it must be.
            TransientError: the journal is unavailable.
        """
        published = self._log.published()
        if published is not None and size in (None, published.checkpoint.size):
            return published
        if size is None:
            raise SizeError
        return self._at(size)[0]

    def consistency(self, earlier: int, later: int | None) -> ConsistencyView:
        """Return the proof that the log of ``later`` begins with the log of ``earlier``.

        Raises:
            SizeError: the log had no checkpoint of such a size, or ``earlier`` is the later one.
            CheckpointClosedError: one of them counts no more.
            TlogError: the log is damaged; a proof that does not verify is not handed out.
            TransientError: log or journal are unavailable.
        """
        last = self.signed_at(later).checkpoint.size
        (old, old_row), (new, new_row) = self._at(earlier), self._at(last)
        if not 0 < old.checkpoint.size <= new.checkpoint.size:
            raise SizeError
        sizes = old.checkpoint.size, new.checkpoint.size
        hashes = make_consistency_proof(*sizes, TreeHashes(self._log.files, sizes[1]).range_hash)
        verify_consistency(*sizes, old.checkpoint.root, new.checkpoint.root, hashes)
        return ConsistencyView(
            earlier=view_of_checkpoint(old, old_row),
            later=view_of_checkpoint(new, new_row),
            hashes=tuple(encode_base64(value) for value in hashes),
        )

    def _at(self, size: int) -> tuple[SignedCheckpoint, Recorded | None]:
        published = self._log.published()
        if published is None or size > published.checkpoint.size:
            raise SizeError
        row = self._index.checkpoint(self._tenant, size)
        if size == published.checkpoint.size:  # the journal may be about to write it down
            return published, row
        if row is None:
            raise SizeError
        try:
            return self._opened(row), row
        except ClosedKeyError as err:
            raise CheckpointClosedError from err

    def _opened(self, row: Recorded) -> SignedCheckpoint:
        return _of_its_size(opened_note(row.note, self._log.key), row)

    def _view(self, row: Recorded, published: SignedCheckpoint) -> CheckpointView:
        top = published.checkpoint
        if row.size == top.size:  # other keys may have signed it since
            return view_of_checkpoint(published, row)
        try:
            return view_of_checkpoint(self._opened(row), row)
        except ClosedKeyError:
            signed = _of_its_size(open_checkpoint(row.note, formerly(self._log.key)), row)
        # Whoever has the closed key could have signed anything: the log itself must say the same.
        roots = roots_at(row.size, top.size, TreeHashes(self._log.files, top.size).range_hash)
        if roots != (signed.checkpoint.root, top.root):
            raise MalformedError(f"the checkpoint on record for {row.size} is of another log")
        return view_of_checkpoint(signed, row, key_closed=True)


def _of_its_size(signed: SignedCheckpoint, row: Recorded) -> SignedCheckpoint:
    if signed.checkpoint.size != row.size:
        raise MalformedError(f"the checkpoint on record for {row.size} is of another size")
    return signed


def view_of_checkpoint(
    signed: SignedCheckpoint, row: Recorded | None, *, key_closed: bool = False
) -> CheckpointView:
    """Return a checkpoint as it is told."""
    return CheckpointView(
        size=signed.checkpoint.size,
        root=encode_base64(signed.checkpoint.root),
        recorded_at=None if row is None else row.at,
        note=signed.note,
        key_closed=key_closed,
    )
