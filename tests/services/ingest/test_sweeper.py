"""The sweeper: what stopped comes back, once, with the ids that it had."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.ingest.inbox import pack
from services.ingest.register_memory import memory_register
from services.ingest.sweeper import Sweeper, Swept
from shared.bus.memory import MemoryBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.codec import from_message
from shared.events.envelope import Event, make_event
from shared.events.ids import document_id
from shared.events.payloads import (
    DocumentQuarantined,
    DocumentReceived,
    MediaType,
    Reference,
    UploadArrived,
)
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import StageLog, get_logger
from shared.objects.memory import MemoryObjects
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.telemetry.span_files import SpanFiles, read_spans
from shared.telemetry.tracing import Tracing
from shared.worker.tombstones import Tombstones

TOPOLOGY = load_topology()
DOC, OTHER = "d0" * 20, "d1" * 20
JOB, SECOND = "a0" * 20, "a1" * 20
NOTHING = Swept((), (), ())


class BrokenPublisher:
    """A bus that is down."""

    def publish(self, events: Sequence[Event]) -> None:
        """Refuse."""
        assert isinstance(events, Sequence)
        raise TransientError("down")


class Yard:
    """Everything that a sweep touches, in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.objects = MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.bus = MemoryBus(TOPOLOGY, self.clock)
        self.register = memory_register(TOPOLOGY.deadline)
        self.sweeper = self.new_sweeper(self.bus)

    def new_sweeper(
        self,
        publisher: MemoryBus | BrokenPublisher,
        tracing: Tracing | None = None,
        log: StageLog | None = None,
    ) -> Sweeper:
        """Start one, as after a restart."""
        return Sweeper(
            register=self.register,
            publisher=publisher,
            objects=self.objects,
            vault=self.vault,
            keyring=self.keyring,
            deadlines=TOPOLOGY.deadline,
            clock=self.clock,
            tracing=tracing,
            log=log,
        )

    def event(self, data: UploadArrived | DocumentReceived, job: str = JOB) -> Event:
        """Wrap a payload."""
        return make_event(
            data,
            tenant_key=self.keyring.tenant_key("acme", TenantPurpose.IDS),
            tenant="acme",
            source="entrance",
            subject=getattr(data, "document_id", job),
            jobid=job,
            traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
            time=self.clock.now(),
        )

    def upload(self, job: str = JOB) -> Event:
        """Store an upload as an entrance does; return the event, not published."""
        reference = self.vault.store_for_tenant(f"inbox/acme/{job}", "acme", b"bytes")
        return self.event(UploadArrived(upload=reference, entrance="cli"), job)

    def published(self, subscription: str) -> list[Event]:
        """Take what is on the bus."""
        deliveries = self.bus.pull(subscription, most=99, lease_s=60)
        self.bus.acknowledge(deliveries)
        return [from_message(delivery.message) for delivery in deliveries]

    def late_by(self, **units: float) -> None:
        """Let ingest's deadline pass, and more."""
        self.clock.sleep((TOPOLOGY.deadline("ingest") + timedelta(**units)).total_seconds())


@pytest.fixture
def yard() -> Yard:
    """Give an empty yard."""
    return Yard()


def received(doc: str = DOC) -> DocumentReceived:
    """Return a payload."""
    reference = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
    return DocumentReceived(document_id=doc, original=reference, media_type=MediaType.PDF, pages=1)


def test_nothing_late_is_nothing_swept(yard: Yard) -> None:
    """A healthy house is left alone."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    assert yard.sweeper.sweep() == NOTHING
    assert yard.bus.next_due() is None


def test_a_late_document_gets_its_last_event_again(yard: Yard) -> None:
    """Its event was deleted behind the bus's back, or its worker forgot it."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    said = yard.event(received())
    yard.register.apply([said])
    yard.clock.sleep(TOPOLOGY.deadline("ocr").total_seconds() + 1)
    assert yard.sweeper.sweep() == Swept((DOC,), (), ())
    assert yard.published("ocr.document-received") == [said]


def test_a_late_document_that_was_erased_is_told_as_such(yard: Yard) -> None:
    """Its event got lost: workers answer for no erased document, so its last event ends nothing."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    yard.register.apply([yard.event(received())])
    Tombstones(yard.objects).put(DOC, at=yard.clock.now())
    yard.clock.sleep(TOPOLOGY.deadline("ocr").total_seconds() + 1)
    assert yard.sweeper.sweep().documents == (DOC,)
    assert yard.published("ocr.document-received") == []
    told = yard.published("register.document-erased")
    yard.register.apply(told)
    assert yard.register.late(yard.clock.now()) == []


def test_a_part_of_an_email_is_swept_in_as_one(yard: Yard) -> None:
    """Its event was lost; should its e-mail be erased, it must go with it."""
    packed = pack("x.pdf", b"bytes", parent=SECOND)
    yard.vault.store_for_tenant(f"inbox/acme/{JOB}", "acme", packed)
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().uploads == (JOB,)
    (event,) = yard.published("ingest.upload-arrived")
    assert isinstance(event.data, UploadArrived)
    assert event.data.parent == SECOND


def quarantined(yard: Yard, job: str = JOB) -> Event:
    """Return what tells that nobody could take in an upload."""
    record = Reference(name="quarantine/x", generation=1, digest="ab" * 32, size=1)
    data = DocumentQuarantined(
        document_id=job, stage="ingest", reason=QuarantineReason.DEAD_LETTER, record=record
    )
    return replace(yard.event(received(job), job), type=data.event_type, data=data)


@pytest.mark.parametrize("erased", [True, False])
def test_bytes_that_were_erased_do_not_stay_in_quarantine(yard: Yard, *, erased: bool) -> None:
    """Nobody could take this upload in, so the eraser could not know that it is the document."""
    yard.vault.store_for_tenant(f"inbox/acme/{JOB}", "acme", pack("a file", b"bytes"))
    yard.register.apply([quarantined(yard)])
    key = yard.keyring.tenant_key("acme", TenantPurpose.IDS)
    other = b"bytes" if erased else b"others"
    Tombstones(yard.objects).put(document_id(key, other), at=yard.clock.now())
    yard.sweeper.sweep()
    assert (yard.objects.stat(f"inbox/acme/{JOB}") is None) is erased
    counts = yard.register.counts(yard.clock.now())
    assert (counts.refused, counts.quarantined) == ((1, 0) if erased else (0, 1))
    assert counts.balanced


def test_what_was_written_after_an_erasure_is_removed(yard: Yard) -> None:
    """A batch that ends after the eraser has looked: an audit would find it for ever."""
    Tombstones(yard.objects).put(DOC, at=yard.clock.now())
    yard.sweeper.sweep()
    left = (f"originals/{DOC}", f"results/ocr/{DOC}/0", f"read/pages/{DOC}/0/1-2")
    for name in (*left, f"results/ocr/{OTHER}/0"):
        yard.objects.create(name, b"sealed")
    yard.sweeper.sweep()
    assert [info.name for info in yard.objects.list("")] == [
        f"results/ocr/{OTHER}/0",
        f"tombstones/{DOC}",
    ]
    yard.clock.sleep(timedelta(hours=2).total_seconds())
    yard.objects.create(left[0], b"sealed")
    yard.sweeper.sweep()
    assert yard.objects.stat(left[0]) is None
    yard.clock.sleep(timedelta(minutes=30).total_seconds())
    yard.objects.create(left[0], b"sealed")
    yard.sweeper.sweep()
    assert yard.objects.stat(left[0]) is not None  # long settled: not looked at each time


def test_what_a_worker_wrote_long_after_an_erasure_is_removed_in_the_end(yard: Yard) -> None:
    """A worker may stand still for hours with the key in its hands."""
    Tombstones(yard.objects).put(DOC, at=yard.clock.now())
    yard.sweeper.sweep()
    for hours in (3, 30, 300):
        yard.clock.sleep(timedelta(hours=hours / 2).total_seconds())
        yard.sweeper.sweep()
        yard.objects.create(f"originals/{DOC}", b"sealed")
        yard.clock.sleep(timedelta(hours=hours).total_seconds())
        yard.sweeper.sweep()
        assert yard.objects.stat(f"originals/{DOC}") is None


def test_what_was_refused_is_let_go_of(yard: Yard) -> None:
    """Whoever refused it died before it could remove the upload."""
    yard.register.refuse(yard.upload(), RefusedReason.ERASED, document_id=DOC)
    yard.sweeper.sweep()
    assert list(yard.objects.list("inbox/")) == []


def test_an_upload_in_quarantine_that_cannot_be_read_stays(yard: Yard) -> None:
    """It is no upload of ours: a person looks at it."""
    yard.upload()
    yard.register.apply([quarantined(yard)])
    yard.sweeper.sweep()
    assert yard.objects.stat(f"inbox/acme/{JOB}") is not None


def test_a_swept_document_has_until_its_next_deadline(yard: Yard) -> None:
    """An outage of an hour is no reason for a flood of events."""
    upload = yard.upload()
    yard.register.accept(upload, document_id=DOC, pages=1)
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().documents == (DOC,)
    assert yard.sweeper.sweep() == NOTHING
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().documents == (DOC,)
    assert yard.published("ingest.upload-arrived") == [upload, upload]


def test_stages_have_their_own_deadlines(yard: Yard) -> None:
    """Reading a long document takes longer than taking it in."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    yard.register.apply([yard.event(received())])
    yard.register.accept(yard.upload(SECOND), document_id=OTHER, pages=1)
    yard.clock.sleep(TOPOLOGY.deadline("ocr").total_seconds() + 1)
    assert set(yard.sweeper.sweep().documents) == {DOC, OTHER}
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().documents == (OTHER,)


def test_a_sweep_that_cannot_publish_postpones_nothing(yard: Yard) -> None:
    """What was not published is still late."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    yard.late_by(seconds=1)
    with pytest.raises(TransientError):
        yard.new_sweeper(BrokenPublisher()).sweep()
    assert yard.sweeper.sweep().documents == (DOC,)


def test_an_event_that_cannot_be_read_is_told_and_stays_late(yard: Yard) -> None:
    """A row was damaged; the others are swept, and the audit goes on naming this one."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    yard.register.accept(yard.upload(SECOND), document_id=OTHER, pages=1)
    found = yard.register.document("acme", DOC)
    assert found is not None
    with yard.register._tables.transaction() as rows:
        rows.put_document(replace(found, last_event=b"{}"))
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep() == Swept((OTHER,), (), (DOC,))
    assert [late.document_id for late in yard.register.late(yard.clock.now())] == [DOC]


def test_an_upload_that_nobody_was_told_of_arrives_again(yard: Yard) -> None:
    """The entrance died between storing and publishing; the id is the one it would have had."""
    entrance = yard.upload()
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep() == Swept((), (JOB,), ())
    [event] = yard.published("ingest.upload-arrived")
    assert (event.id, event.subject, event.jobid) == (entrance.id, JOB, JOB)
    assert isinstance(event.data, UploadArrived)
    assert isinstance(entrance.data, UploadArrived)
    assert event.data.upload == entrance.data.upload


def test_an_upload_within_its_deadline_is_left_alone(yard: Yard) -> None:
    """Its event is on its way."""
    yard.upload()
    yard.late_by(seconds=-1)
    assert yard.sweeper.sweep() == NOTHING


def test_an_upload_that_was_taken_in_is_left_alone(yard: Yard) -> None:
    """The inbox keeps uploads; the register says which are settled."""
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    yard.register.apply([yard.event(received())])
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep() == NOTHING


def test_an_upload_is_not_told_of_at_every_sweep(yard: Yard) -> None:
    """Ingest may be down for a while; after a restart once more does no harm."""
    yard.upload()
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().uploads == (JOB,)
    assert yard.sweeper.sweep() == NOTHING
    assert yard.new_sweeper(yard.bus).sweep().uploads == (JOB,)
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep().uploads == (JOB,)
    assert len({event.id for event in yard.published("ingest.upload-arrived")}) == 1


def test_what_is_no_upload_of_ours_is_left_alone(yard: Yard) -> None:
    """An object put into the inbox by hand has no job."""
    yard.objects.create("inbox/acme/readme.txt", b"")
    yard.late_by(seconds=1)
    assert yard.sweeper.sweep() == NOTHING


def test_an_upload_discarded_meanwhile_is_left_alone(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ingest refused it while the sweeper looked."""
    yard.upload()
    yard.late_by(seconds=1)
    monkeypatch.setattr(yard.vault, "find", lambda _name: None)
    assert yard.sweeper.sweep() == NOTHING


def test_many_late_documents_are_swept_in_batches(yard: Yard) -> None:
    """A long outage leaves thousands."""
    upload = yard.upload()
    for number in range(450):
        job = f"{number:040x}"
        yard.register.accept(replace(upload, jobid=job, subject=job), document_id=job, pages=1)
    yard.late_by(seconds=1)
    assert len(yard.sweeper.sweep().documents) == 450
    assert yard.register.late(yard.clock.now()) == []


def test_what_is_swept_is_told_in_its_own_trace(yard: Yard, tmp_path: Path) -> None:
    """A late document's way goes on where it stopped; a lost upload gets its trace's root."""
    lines: list[str] = []
    tracing = Tracing(SpanFiles(tmp_path), "register")
    sweeper = yard.new_sweeper(yard.bus, tracing, get_logger("sweeper", sink=lines.append))
    yard.register.accept(yard.upload(), document_id=DOC, pages=1)
    said = yard.event(received())
    yard.register.apply([said])
    lost = "b" * 40
    yard.upload(lost)
    yard.clock.sleep(TOPOLOGY.deadline("ocr").total_seconds() + 1)
    swept = sweeper.sweep()
    assert (swept.documents, swept.uploads) == ((DOC,), (lost,))
    (again,) = read_spans(tmp_path, trace_id=said.traceparent[3:35])
    assert again.name == "sweep docledger.document.received.v1"
    assert again.parent_id == said.traceparent[36:52]
    root, sweep = sorted(read_spans(tmp_path, trace_id=lost[:32]), key=lambda span: span.parent_id)
    assert (root.span_id, root.parent_id, root.operation) == (lost[-16:], "", "submit")
    assert (sweep.parent_id, sweep.name) == (root.span_id, "sweep docledger.upload.arrived.v1")
    told = [json.loads(line) for line in lines]
    assert [(line["op"], line["span"]) for line in told] == [
        ("document.swept", again.span_id),
        ("upload.swept", sweep.span_id),
    ]
    tracing.close()
