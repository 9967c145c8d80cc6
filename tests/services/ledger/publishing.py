"""What the tests of publication share: leaves, a key, and a machine that can stop anywhere."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import MemoryFiles
from services.ledger.publication import Intent, Publication
from shared.tlog.checkpoint import Checkpoint, LogKeys
from shared.tlog.signer import CheckpointSigner, Ed25519Signer

ORIGIN = "docledger.example/log/acme"
LEAVES = [b'{"entry":%d}' % number for number in range(1600)]
SIGNER = Ed25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))

T = TypeVar("T")


class CrashError(BaseException):
    """The machine stopped: nothing catches this."""


class Fuse:
    """Stops the machine before its n-th effect, or right after it.

    Args:
        crash_at: n, from 0; None never stops it.
        after: the effect happened, but nobody was told.
    """

    def __init__(self, crash_at: int | None = None, *, after: bool = False) -> None:
        self.effects = 0
        self._crash_at = crash_at
        self._after = after

    def run(self, effect: Callable[[], T]) -> T:
        """Let one effect happen, unless the machine stops."""
        due = self.effects == self._crash_at
        self.effects += 1
        if due and not self._after:
            raise CrashError
        result = effect()
        if due:
            raise CrashError
        return result


class Fragile:
    """Files, signer and intents of a machine with a fuse; a batch of files is many effects."""

    def __init__(
        self, files: MemoryFiles, intents: MemoryIntents, signer: CheckpointSigner, fuse: Fuse
    ) -> None:
        self._files, self._intents, self._signer, self._fuse = files, intents, signer, fuse

    @property
    def key(self) -> LogKeys:
        """As the signer's."""
        return self._signer.key

    def sign(self, checkpoint: Checkpoint) -> str:
        """Sign; an effect."""
        return self._fuse.run(lambda: self._signer.sign(checkpoint))

    def read(self, path: str) -> bytes:
        """Read; no effect."""
        return self._files.read(path)

    def create_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Create; every file an effect."""
        for file in files:
            self._create(file)

    def _create(self, file: tuple[str, bytes]) -> None:
        self._fuse.run(lambda: self._files.create_all([file]))

    def replace_larger(self, path: str, data: bytes, *, size: Callable[[bytes], int]) -> bytes:
        """Replace; an effect."""
        return self._fuse.run(lambda: self._files.replace_larger(path, data, size=size))

    def claim(self, size: int, root: bytes) -> bytes:
        """Claim; an effect."""
        return self._fuse.run(lambda: self._intents.claim(size, root))

    def keep_note(self, size: int, note: str) -> str:
        """Keep; an effect."""
        return self._fuse.run(lambda: self._intents.keep_note(size, note))

    def get(self, size: int) -> Intent | None:
        """Look; no effect."""
        return self._intents.get(size)

    def after(self, size: int) -> list[Intent]:
        """Look; no effect."""
        return self._intents.after(size)


def publication(
    files: MemoryFiles,
    intents: MemoryIntents,
    *,
    fuse: Fuse | None = None,
    signer: CheckpointSigner = SIGNER,
) -> Publication:
    """Return a publication on memory that may stop at any effect."""
    fragile = Fragile(files, intents, signer, fuse or Fuse())
    return Publication(origin=ORIGIN, files=fragile, signer=fragile, intents=fragile)


def extend_to(log: Publication, size: int) -> None:
    """Do as the sequencer does: publish the journal from where the published log ends."""
    start = log.published_size()
    log.extend(iter(LEAVES[start:size]), first_index=start)
