"""A log whose key is exchanged, on disk, for tests here and for outsiders to judge."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.signing import Signing
from services.ledger.publication import Publication
from services.ledger.rotation import Rotation
from shared.keys.settings import KmsSettings
from shared.tlog.checkpoint import LogKeys
from shared.tlog.key_history import keys_of
from shared.tlog.note import Note, VerifierKey
from shared.tlog.reader import DirectoryReader
from shared.tlog.verify import verify_log
from tests.services.ledger.publishing import Fuse, extend_to

TENANT: Final = "acme"
PREFIX: Final = "docledger.example/log"


@dataclass
class World:
    """A log on disk, its journal's decisions, and whoever comes to it as a process of its own."""

    folder: Path
    settings: KmsSettings
    intents: MemoryIntents = field(default_factory=MemoryIntents)

    @property
    def signing(self) -> Signing:
        return Signing(self.folder, PREFIX, self.settings)

    @property
    def log(self) -> Publication:
        signer = self.signing.signer(TENANT)
        files = self.signing.files(TENANT)
        return Publication(origin=signer.key.name, files=files, signer=signer, intents=self.intents)

    @property
    def rotation(self) -> Rotation:
        return self.rotation_through(Fuse())

    def rotation_through(self, fuse: Fuse) -> Rotation:
        signing = self.signing
        return Rotation(
            keys=_Fused(signing.keys(TENANT), fuse, {"fresh", "adopt", "destroy"}),
            records=_Fused(signing.history(TENANT), fuse, {"append"}),
            files=_Fused(signing.files(TENANT), fuse, {"replace_larger"}),
            decided=self.intents.get,
        )

    def grow(self, size: int) -> None:
        extend_to(self.log, size)

    @property
    def root(self) -> VerifierKey:
        return VerifierKey.parse((self.folder / "log" / f"{TENANT}.vkey").read_text())

    @property
    def keys(self) -> LogKeys:
        """What an auditor has who knows the first key only."""
        history = self.folder / "log" / f"{TENANT}.keys"
        return keys_of(self.root, history.read_bytes() if history.exists() else None)

    @property
    def reader(self) -> DirectoryReader:
        return DirectoryReader(self.folder / "log" / TENANT)

    def verified(self, keys: LogKeys | None = None) -> int:
        """Verify every leaf as an outsider would; return how many there are."""
        return verify_log(self.reader, keys or self.keys).size

    def signatures(self) -> int:
        return len(Note.parse(self.reader.read("checkpoint").decode()).signatures)


class _Fused:
    """A port of which some calls may be the machine's last."""

    def __init__(self, real: Any, fuse: Fuse, effects: set[str]) -> None:
        self._real, self._fuse, self._effects = real, fuse, effects

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._real, name)
        if name not in self._effects:
            return called
        return lambda *args, **kwargs: self._fuse.run(lambda: called(*args, **kwargs))
