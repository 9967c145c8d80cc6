"""Planted faults: each breaks one guard of the pipeline, and the simulation must find it.

Every mutation is a context manager. A seed that finds one finds it each time that it runs.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

import shared.events.envelope
import shared.worker.leases
from deploy.local.loop import Duty, Loop
from services.ingest import register_order
from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.sweeper import Sweeper, Swept
from services.ledger.adapters.memory import MemoryJournal
from services.ledger.adapters.public_files import MemoryFiles
from services.ledger.entries import Appended, Booking
from services.ledger.sequencer import Sequencer
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.errors import TransientError
from shared.events.envelope import Event
from shared.events.ids import keyed_id
from shared.events.payloads import Reference
from shared.keys.envelope import seal
from shared.keys.vault import _digest
from shared.objects.batched import BatchedObjects
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo
from shared.telemetry.tracing import ActiveSpan
from shared.tlog.checkpoint import Checkpoint, SignedCheckpoint
from shared.worker.edge import Edge
from shared.worker.leases import Lease, Leases
from shared.worker.outcome import Outcome
from shared.worker.results import pack
from shared.worker.tombstones import Tombstones
from tests.simulation import effects
from tests.simulation.effects import Port

Mutation = Callable[[], AbstractContextManager[None]]


@contextmanager
def no_create_only_check() -> Iterator[None]:
    """The last write wins: two workers at one document leave events about two results."""
    create = MemoryObjects.create

    def overwrite(self: MemoryObjects, name: str, data: bytes) -> ObjectInfo:
        there = self.stat(name)
        if there is None:
            return create(self, name, data)
        return self.replace(name, data, generation=there.generation)

    def unchecked(self: BatchedObjects, name: str, data: bytes) -> ObjectInfo:
        self._waiting[name] = self._store.stamped(name, data)
        return self._waiting[name].info

    with (
        patch.object(MemoryObjects, "create", overwrite),
        patch.object(BatchedObjects, "create", unchecked),
    ):
        yield


@contextmanager
def publish_before_write() -> Iterator[None]:
    """Events go out before the result that they refer to is stored."""

    def conclude(self: Edge, event: Event, outcome: Outcome, name: str, _span: ActiveSpan) -> None:
        emitter, vault = self._do.emitter, self._do.vault
        if outcome.result is None:
            emitter.emit(event, outcome.children, None)
            return
        owner = outcome.document_id or event.subject
        key = vault._keyring.document_key(owner)
        sealed = seal(key, pack(outcome.children, outcome.result), owner=owner, name=name)
        store: Any = vault._objects
        reference = Reference(
            name=name,
            generation=store._store.inner._generation + 1,
            digest=_digest(sealed),
            size=len(sealed),
        )
        emitter.emit(event, outcome.children, reference)
        publisher: Any = emitter._publisher
        publisher.flush()
        vault._create(name, sealed)

    with patch.object(Edge, "_conclude", conclude):
        yield


@contextmanager
def random_event_ids() -> Iterator[None]:
    """The same work gives another event id each time."""
    drawn = itertools.count()

    def draw(tenant_key: bytes, **_identity: object) -> str:
        return keyed_id(tenant_key, "drawn", next(drawn))

    with patch.object(shared.events.envelope, "event_id", draw):
        yield


@contextmanager
def acknowledge_before_publish() -> Iterator[None]:
    """A delivery is settled while what follows from it is still in memory."""

    def serve(self: Loop, duty: Duty, _stop: Callable[[], bool]) -> bool:
        try:
            deliveries = self._bus.pull(duty.subscription, most=duty.batch, lease_s=duty.lease_s)
            self._settle([(one, duty.receiver.receive(one)) for one in deliveries])
            self._publisher.flush()
        except TransientError:
            return True
        return bool(deliveries)

    with patch.object(Loop, "_serve", serve):
        yield


@contextmanager
def starts_not_counted() -> Iterator[None]:
    """A document that kills its workers is tried for ever."""
    with patch.object(shared.worker.leases, "MOST_STARTS", 1 << 60):
        yield


@contextmanager
def dead_letters_dropped() -> Iterator[None]:
    """What the bus gives up on is gone."""
    pull = MemoryBus.pull

    def drop(self: MemoryBus, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        if subscription.endswith(DEAD_SUFFIX):
            self._waiting[subscription].clear()
        return pull(self, subscription, most=most, lease_s=lease_s)

    with patch.object(MemoryBus, "pull", drop):
        yield


@contextmanager
def outbox_outside_the_transaction() -> Iterator[None]:
    """An entry is committed first, and what is to be told of it in a second step."""

    def append(port: Port, booking: Booking) -> Appended:
        journal = port.inner
        assert isinstance(journal, MemoryJournal)
        port.chaos.point(port.who, "before journal.append", may_fail=True)
        before = {row.entry_id for row in journal.outbox(booking.subject.tenant)}
        appended = journal.append(booking)
        books = journal._books[booking.subject.tenant]
        rows = [row for row in books.outbox.values() if row.entry_id not in before]
        for row in rows:
            del books.outbox[row.entry_id], books.waiting[row.entry_id]
        port.chaos.point(port.who, "between entry and outbox", may_fail=True)
        for row in rows:
            books.outbox[row.entry_id] = row
            books.waiting[row.entry_id] = None
        return appended

    with patch.object(effects.JOURNAL, "append", append):
        yield


@contextmanager
def tombstones_not_checked() -> Iterator[None]:
    """Workers go on with a document whose key is destroyed."""
    with patch.object(Tombstones, "stands", lambda _self, _document_id: False):
        yield


@contextmanager
def leases_ignored() -> Iterator[None]:
    """Two workers take up the same work."""
    acquire = Leases.acquire

    def take(
        self: Leases, work: str, event_id: str, *, span: str, isolate: Callable[[], object]
    ) -> Lease:
        self._abandoned = lambda _holder: True
        return acquire(self, work, event_id, span=span, isolate=isolate)

    with patch.object(Leases, "acquire", take):
        yield


@contextmanager
def sweeper_off() -> Iterator[None]:
    """Nobody brings back what the bus lost."""
    with patch.object(Sweeper, "sweep", lambda _self: Swept((), (), ())):
        yield


@contextmanager
def sequencer_not_fenced() -> Iterator[None]:
    """Two sequencers work at once, each sure of its lease."""

    def claim(self: MemoryJournal, holder: str, *, now: datetime, lease_s: float) -> int:
        self._lease = (holder, now + timedelta(seconds=lease_s), 1)
        return 1

    with patch.object(MemoryJournal, "claim", claim):
        yield


@contextmanager
def told_before_the_checkpoint() -> Iterator[None]:
    """The world hears of an entry that no published checkpoint covers."""
    serve = Sequencer._serve

    def tell_first(self: Sequencer, tenant: str, fence: int) -> int:
        assigned = self._journal.assign(tenant, fence=fence, most=self._batch)
        promised = Checkpoint("simulation.example", self._journal.sequenced(tenant), bytes(32))
        told = self._tell(tenant, SignedCheckpoint(promised, ""))
        return assigned + told + serve(self, tenant, fence)

    with patch.object(Sequencer, "_serve", tell_first):
        yield


@contextmanager
def register_believes_the_last_one() -> Iterator[None]:
    """A late event takes a document back to where it was."""
    count = itertools.count()
    with patch.object(register_order, "position", lambda _place: (-next(count), 0, 0, 0)):
        yield


@contextmanager
def quarantine_without_a_record() -> Iterator[None]:
    """A document is said to be in quarantine, and nothing there can be replayed."""

    def forget(self: QuarantineReplays, document_id: str) -> None:
        for name, _, _ in self._quarantine.history(document_id):
            record = self._quarantine.show(name)
            event = self._quarantine.event_to_replay(name, keyring=self._keyring, at=record.at)
            if event is not None:
                self._quarantine.note_replay(record.stage, event)

    with patch.object(QuarantineReplays, "replay", forget):
        yield


@contextmanager
def decisions_not_unique() -> Iterator[None]:
    """The journal takes a second decision about one revision."""
    with patch.object(MemoryJournal, "decision", lambda *_facts: None):
        yield


@contextmanager
def checkpoint_may_shrink() -> Iterator[None]:
    """The published checkpoint is whatever was written last."""

    def replace(
        self: MemoryFiles, path: str, data: bytes, *, size: Callable[[bytes], int]
    ) -> bytes:
        del size
        self.files[path] = data
        return data

    with patch.object(MemoryFiles, "replace_larger", replace):
        yield


MUTATIONS: Final[dict[str, Mutation]] = {
    mutation.__name__: mutation
    for mutation in (
        no_create_only_check,
        publish_before_write,
        random_event_ids,
        acknowledge_before_publish,
        starts_not_counted,
        dead_letters_dropped,
        outbox_outside_the_transaction,
        tombstones_not_checked,
        leases_ignored,
        sweeper_off,
        sequencer_not_fenced,
        told_before_the_checkpoint,
        register_believes_the_last_one,
        quarantine_without_a_record,
        decisions_not_unique,
        checkpoint_may_shrink,
    )
}


@contextmanager
def unchanged() -> Iterator[None]:
    """The pipeline as it is."""
    yield


def planted(name: str | None) -> AbstractContextManager[None]:
    """Return the mutation of that name, or none at all."""
    return MUTATIONS[name]() if name else unchanged()
