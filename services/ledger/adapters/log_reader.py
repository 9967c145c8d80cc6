"""The published logs as the audit reads them."""

from collections.abc import Callable, Iterator

from shared.tlog.checkpoint import LogKeys
from shared.tlog.errors import NotFoundError
from shared.tlog.reader import Reader, iter_leaves, read_checkpoint


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
        yield from iter_leaves(reader, checkpoint.size)
