"""Planted faults: each breaks one guard of the pipeline, and the simulation must find it.

Every mutation is a context manager. A seed that finds one finds it each time that it runs.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Final
from unittest.mock import patch

import shared.events.envelope
import shared.worker.leases
from deploy.local.loop import BatchingPublisher, Duty, Loop
from services.ingest import register_order
from services.ingest.register import TableRegister
from services.ingest.sweeper import Swept, Sweeper
from services.ledger.adapters.admission import Admitted
from services.ledger.adapters.memory import MemoryJournal
from services.ledger.entries import Booking
from services.ledger.sequencer import Sequencer
from shared.bus.memory import MemoryBus
from shared.bus.port import Delivery
from shared.bus.topology import DEAD_SUFFIX
from shared.events.envelope import Event
from shared.events.ids import keyed_id
from shared.events.payloads import Reference
from shared.keys.envelope import seal
from shared.keys.vault import Vault, _digest
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo
from shared.tlog.checkpoint import Checkpoint, SignedCheckpoint
from shared.worker.edge import Edge
from shared.worker.leases import Lease, Leases
from shared.worker.outcome import Outcome
from shared.worker.quarantine import Quarantine
from shared.worker.results import pack
from shared.worker.tombstones import Tombstones

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

    with patch.object(MemoryObjects, "create", overwrite):
        yield


@contextmanager
def publish_before_write() -> Iterator[None]:
    """Events go out before the result that they refer to is stored."""

    def conclude(self: Edge, event: Event, outcome: Outcome, name: str) -> None:
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
            generation=store.inner._generation + 1,
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

    def serve(self: Loop, duty: Duty, stop: Callable[[], bool]) -> bool:
        deliveries = self._bus.pull(duty.subscription, most=duty.batch, lease_s=duty.lease_s)
        self._settle([(one, duty.receiver.receive(one)) for one in deliveries if not stop()])
        self._publisher.flush()
        return bool(deliveries)

    with patch.object(Loop, "_serve", _forgiving(serve)):
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
    append = MemoryJournal.append

    def append_then_tell(self: MemoryJournal, booking: Booking) -> Any:
        late: list[tuple[Booking, Admitted]] = []
        write = MemoryJournal._write

        def write_without_outbox(
            journal: MemoryJournal, booking: Booking, admitted: Admitted
        ) -> None:
            write(journal, booking, admitted)
            for entry in admitted.entries:
                books = journal._books[entry.tenant]
                del books.outbox[entry.entry_id]
                books.waiting.pop(entry.entry_id)
            late.append((booking, admitted))

        with patch.object(MemoryJournal, "_write", write_without_outbox):
            appended = append(self, booking)
        between: Any = getattr(self, "between", None)
        if between is not None:
            between()
        for booked, admitted in late:
            for entry in admitted.entries:
                books = self._books[entry.tenant]
                books.outbox[entry.entry_id] = _row(entry, booked)
                books.waiting[entry.entry_id] = None
        return appended

    with patch.object(MemoryJournal, "append", append_then_tell):
        yield
