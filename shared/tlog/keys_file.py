"""The key history beside a published log: read where there is one, and never seen to shrink."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.tlog.checkpoint import LogKeys
from shared.tlog.errors import MalformedError, NotFoundError
from shared.tlog.key_history import KEYS_SUFFIX, KeyHistory, keys_of
from shared.tlog.memory import Memory
from shared.tlog.note import VerifierKey
from shared.tlog.reader import Reader


@dataclass(frozen=True, slots=True)
class EveryKey:
    """The keys that a log ever had, each at any size: for what was believed before one was closed.

    Attributes:
        keys: the key history, or the one key.
    """

    keys: LogKeys

    @property
    def name(self) -> str:
        """Return the log's origin."""
        return self.keys.name

    def keys_for(self, size: int, /) -> Sequence[VerifierKey]:
        """Return every key, whatever the size."""
        if isinstance(self.keys, KeyHistory):
            return [period.key for period in self.keys.periods]
        return self.keys.keys_for(size)


def read_keys(
    beside: Reader, name: str, root: VerifierKey, *, memory: Memory | None = None
) -> LogKeys:
    """Return what verifies the log called ``name``: its key history, or its one key without.

    Args:
        beside: reads the folder that the log's own folder lies in.
        name: of the log's folder.
        root: the key that is known from elsewhere.
        memory: remembers the history, which must only ever grow.

    Raises:
        MalformedError: the history is none, or not what was remembered and more.
        SignatureError: a record is not signed as it must be.
        UnavailableError: it can't be read now.
        OSError: the memory can't be read or written.
    """
    try:
        data = beside.read(f"{name}{KEYS_SUFFIX}")
    except NotFoundError:
        data = None
    keys = keys_of(root, data)
    if memory is None:
        return keys
    earlier = memory.recall_keys()
    text = keys.text if isinstance(keys, KeyHistory) else ""
    if not text.startswith(earlier):
        raise MalformedError("the key history is not the one seen before: it was cut or rewritten")
    if text != earlier:
        memory.keep_keys(text)
    return keys
