"""Checkpoint intents in this process; for tests and the simulation."""

from dataclasses import replace

from services.ledger.publication import Intent


class MemoryIntents:
    """Intents that nothing changes once they are stored."""

    def __init__(self) -> None:
        self._intents: dict[int, Intent] = {}

    def claim(self, size: int, root: bytes) -> bytes:
        """Store ``root`` for ``size`` unless one is stored; return the one that stands."""
        return self._intents.setdefault(size, Intent(size, root)).root

    def keep_note(self, size: int, note: str) -> str:
        """Store the signed note of a claimed size unless one is stored; return what stands."""
        intent = self._intents[size]
        if intent.note is not None:
            return intent.note
        self._intents[size] = replace(intent, note=note)
        return note

    def get(self, size: int) -> Intent | None:
        """Return what was decided for ``size``, if anything."""
        return self._intents.get(size)

    def after(self, size: int) -> list[Intent]:
        """Return the intents of greater sizes, smallest first."""
        return [self._intents[key] for key in sorted(self._intents) if key > size]
