"""What a watcher is shown, by the log and by others."""

from collections.abc import Callable

from shared.tlog.checkpoint import LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.errors import TlogError
from shared.tlog.memory import Memory
from tests.shared.tlog.naive import NaiveLog


class Shown:
    """What the watcher is shown: a log, until it is another, or an outage."""

    def __init__(self, log: NaiveLog, outage: TlogError | None = None) -> None:
        self.log = log
        self.outage = outage
        self.asked: list[str] = []

    def read(self, path: str) -> bytes:
        """Read from whatever log it is now."""
        self.asked.append(path)
        if self.outage is not None:
            raise self.outage
        return self.log.read(path)


def signed(log: NaiveLog, key: LogKeys) -> SignedCheckpoint:
    """A log's checkpoint, as others were shown it."""
    return open_checkpoint(log.files["checkpoint"].decode(), key)


def showing(others: SignedCheckpoint) -> Callable[[LogKeys], SignedCheckpoint]:
    """Others who were shown this."""
    return lambda _: others


def evidence(memory: Memory, key: LogKeys) -> list[tuple[int, bytes]]:
    """What the files of evidence say, every signature checked."""
    notes = [
        open_checkpoint(path.read_text(), key).checkpoint for path in memory.evidence.iterdir()
    ]
    return sorted((one.size, one.root) for one in notes)
