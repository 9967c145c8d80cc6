"""What the journal in memory keeps of one tenant."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.entries import Booked, Entry
from services.ledger.ports import OutboxRow
from shared.events.payloads import EntryKind
from shared.tlog.checkpoint import SignedCheckpoint


@dataclass(slots=True)
class Rows:
    """One tenant's rows."""

    entries: dict[str, Booked] = field(default_factory=dict)  # by entry id, in journal order
    by_document: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    decisions: dict[tuple[str, int], Entry] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    fingerprints: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    outbox: dict[str, OutboxRow] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)  # outbox rows not published
    log: list[str] = field(default_factory=list)  # entry ids by index
    unsequenced: list[str] = field(default_factory=list)
    intents: MemoryIntents = field(default_factory=MemoryIntents)
    checkpoints: dict[int, SignedCheckpoint] = field(default_factory=dict)
    recorded: list[tuple[datetime, int]] = field(default_factory=list)
    closes: list[str] = field(default_factory=list)

    def linked(self, entry_id: str) -> list[str]:
        """Return the conversions that belong to that post and are not reversed."""
        document = self.entries[entry_id].entry.document_id
        same = (self.entries[one].entry for one in self.by_document[document])
        return [
            one.entry_id
            for one in same
            if one.kind is EntryKind.FX
            and one.links == entry_id
            and one.entry_id not in self.settled
        ]
