"""The published logs as the audit reads them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from services.ledger.ports import SealedRow
from shared.tlog.checkpoint import LogKeys, open_checkpoint
from shared.tlog.errors import MalformedError, NotFoundError, TlogError
from shared.tlog.key_history import ever
from shared.tlog.merkle import roots_at
from shared.tlog.note import Note
from shared.tlog.reader import Distant, Reader, TreeHashes, iter_leaves, read_checkpoint
from shared.tlog.tiles import TILE_WIDTH, bundle_path, tile_width


class PublishedLogs:
    """``ports.LogReader`` over published files.

    Args:
        log_of: a tenant's files and what verifies them.
    """

    def __init__(self, log_of: Callable[[str], tuple[Reader, LogKeys]]) -> None:
        self._log_of = log_of

    def leaves(self, tenant: str) -> Iterator[bytes]:
        """Stream the leaves that the published checkpoint covers.

        Raises:
            TlogError: the log is damaged or its checkpoint not signed by its key.
        """
        reader, key = self._log_of(tenant)
        try:
            checkpoint = read_checkpoint(reader, key).checkpoint
        except NotFoundError:
            return
        with _ahead(reader, checkpoint.size) as near:
            yield from iter_leaves(near, checkpoint.size)

    def wrongly_sealed(self, tenant: str, rows: Iterable[SealedRow]) -> Iterator[SealedRow]:
        """Yield the rows that are not of the published log's history, or wrongly signed.

        Raises:
            TlogError: the log is damaged or its checkpoint not signed by its key.
        """
        reader, keys = self._log_of(tenant)
        try:
            published = read_checkpoint(reader, keys).checkpoint
        except NotFoundError:
            return
        hashes = TreeHashes(reader, published.size)
        roots: dict[int, bytes] = {}
        for row in rows:
            if not _is_signed(row, keys):
                yield row
            elif 0 < row.size <= published.size:
                if row.size not in roots:
                    old, new = roots_at(row.size, published.size, hashes.range_hash)
                    if new != published.root:
                        raise MalformedError("the published tiles do not have the published root")
                    roots[row.size] = old
                if row.root != roots[row.size]:
                    yield row


def _ahead(reader: Reader, size: int) -> AbstractContextManager[Reader]:
    """Let a reader that is far away read the bundles of a tree ahead."""
    if not isinstance(reader, Distant):
        return nullcontext(reader)
    bundles = range(-(-size // TILE_WIDTH))
    return reader.ahead(bundle_path(index, tile_width(size, 0, index)) for index in bundles)


def _is_signed(row: SealedRow, keys: LogKeys) -> bool:
    """Tell whether a row says what its note says, and the log's keys alone signed the note.

    A key that was closed since counts: the row is as old as it is. Its root is compared anyway.
    """
    if row.note is None:
        return not row.recorded
    known = ever(keys)
    try:
        said = open_checkpoint(row.note, known).checkpoint
    except TlogError:
        return False
    ours = {(key.name, key.key_id) for key in known.keys_for(said.size)}
    signed = {(one.name, one.key_id) for one in Note.parse(row.note).signatures}
    return signed <= ours and (said.size, said.root) == (row.size, row.root)
