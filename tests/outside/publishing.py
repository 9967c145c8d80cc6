"""Logs that our own code published, for outsiders to judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.publication import Publication
from shared.tlog.note import VerifierKey
from shared.tlog.reader import DirectoryReader
from shared.tlog.signer import Ed25519Signer

ORIGIN = "docledger.example/log/acme"


@dataclass(frozen=True, slots=True)
class Published:
    """A log in a folder, and what an auditor has of it.

    Attributes:
        folder: ``checkpoint`` and ``tile/``.
        key: the public key.
        checkpoints: a file for each checkpoint that there was.
        proofs: some ``.tlog-proof`` files, with and without the entry inside.
        leaves: the entries.
    """

    folder: Path
    key: VerifierKey
    checkpoints: list[Path]
    proofs: list[Path]
    leaves: list[bytes]

    @property
    def reader(self) -> DirectoryReader:
        """The folder, to be read."""
        return DirectoryReader(self.folder)


def publish(
    root: Path, sizes: Sequence[int], *, salt: bytes = b"", origin: str = ORIGIN
) -> Published:
    """Publish a log with a checkpoint at each of these sizes; another salt is another history."""
    signer = Ed25519Signer.open_or_create(root / "key.pem", origin)
    intents = MemoryIntents()
    log = Publication(
        origin=origin, files=DirectoryFiles(root / "log"), signer=signer, intents=intents
    )
    leaves = [b'{"entry":%d}' % number + salt + bytes(number % 50) for number in range(sizes[-1])]
    for start, end in zip([0, *sizes], sizes, strict=False):
        log.extend(leaves[start:end], first_index=start)
    checkpoints: list[Path] = []
    for intent in intents.after(0):
        assert intent.note is not None
        checkpoints.append(root / f"{intent.size}.checkpoint")
        checkpoints[-1].write_text(intent.note)
    proofs: list[Path] = []
    for index in sorted({0, sizes[-1] // 2, sizes[-1] - 1}):
        text = log.prove(index)
        proofs.append(root / f"{index}.tlog-proof")
        proofs[-1].write_text(text)
    key = signer.key
    assert isinstance(key, VerifierKey)
    return Published(root / "log", key, checkpoints, proofs, leaves)
