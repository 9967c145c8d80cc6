"""Ingest behind the real edge: bus, register, vault and quarantine as they are, in memory."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from services.ingest.budget import Budgets, Limits
from services.ingest.canary import CANARY
from services.ingest.inbox import pack
from services.ingest.main import build
from services.ingest.register_memory import memory_register
from services.ingest.registered import Counts, SubmissionStatus
from shared.bus.memory import MemoryBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.events.codec import from_message
from shared.events.envelope import Event, make_event
from shared.events.ids import document_id
from shared.events.payloads import DocumentReceived, UploadArrived
from shared.events.results import Intake
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog
from shared.objects.memory import MemoryObjects
from shared.sandbox.inline import InlineSandbox
from shared.telemetry.metrics import NullMetrics
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.tracing import NullTracing
from shared.worker import names
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.quarantine import Quarantine
from shared.worker.results import Results
from shared.worker.tombstones import Tombstones

TENANT = "acme"
ARRIVED = "ingest.upload-arrived"
RECEIVED = "ocr.document-received"


class House:
    """One tenant's front door."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self.clock = FakeClock()
        topology = load_topology()
        self.objects = MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.key = self.keyring.tenant_key(TENANT, TenantPurpose.IDS)
        self.vault = Vault(self.objects, self.keyring)
        self.bus = MemoryBus(topology, self.clock)
        self.register = memory_register(lambda _stage: timedelta(hours=1), budgets)
        self.quarantine = Quarantine(self.objects, self.vault)
        self.tombstones = Tombstones(self.objects)
        self.ingest = build(
            objects=self.objects,
            vault=self.vault,
            keyring=self.keyring,
            register=self.register,
            erased=self.tombstones,
            quarantine=self.quarantine,
            publisher=self.bus,
            clock=self.clock,
            sandbox=InlineSandbox(),
        )
        self.edge = Edge(
            "ingest",
            self.ingest.handle,
            effects=Effects(
                vault=self.vault,
                emitter=Emitter(
                    "ingest", publisher=self.bus, keyring=self.keyring, clock=self.clock
                ),
                leases=Leases(self.objects, "ingest", clock=self.clock, holder="w", lease_s=60),
                tombstones=self.tombstones,
                quarantine=self.quarantine,
                isolation=Isolation(),
                breaker=Breaker(self.ingest.canary, clock=self.clock),
                clock=self.clock,
            ),
            signals=Signals(SilentLog(), NullTracing(), NullMetrics()),
        )

    def submit(self, number: int, content: bytes, name: str = "file") -> str:
        """Hand in a file as an entrance does; return its job."""
        job_id = f"{number:040x}"
        packed = self.ingest_inbox(job_id, name, content)
        event = make_event(
            packed,
            tenant_key=self.key,
            tenant=TENANT,
            source="entrance",
            subject=job_id,
            jobid=job_id,
            traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
            time=self.clock.now(),
        )
        self.bus.publish([event])
        return job_id

    def ingest_inbox(self, job_id: str, name: str, content: bytes) -> UploadArrived:
        """Store a file at the door."""
        reference = self.vault.store_for_tenant(
            names.inbox(TENANT, job_id), TENANT, pack(name, content)
        )
        return UploadArrived(upload=reference, entrance="cli")

    def work(self) -> list[str]:
        """Work until nothing arrives any more; return what the edge said."""
        codes: list[str] = []
        while deliveries := self.bus.pull(ARRIVED, most=10, lease_s=60):
            for delivery in deliveries:
                settlement = self.edge.receive(delivery)
                assert settlement.acknowledge
                codes.append(settlement.code)
                self.bus.acknowledge([delivery])
            self.project()
        return codes

    def project(self) -> None:
        """Let the register follow."""
        for kind in ("received", "quarantined"):
            deliveries = self.bus.pull(f"register.document-{kind}", most=100, lease_s=60)
            self.register.apply([from_message(one.message) for one in deliveries])
            self.bus.acknowledge(deliveries)

    def received(self) -> list[Event]:
        """Return what the reader would get now, and take it away."""
        deliveries = self.bus.pull(RECEIVED, most=100, lease_s=60)
        self.bus.acknowledge(deliveries)
        return [from_message(one.message) for one in deliveries]

    def counts(self) -> Counts:
        """Return the sums of the first promise, which must add up."""
        counts = self.register.counts(self.clock.now())
        assert counts.balanced
        return counts

    def intake(self, job_id: str) -> Intake:
        """Return what ingest stored about a job."""
        return Results(self.vault).open(names.intake(job_id), Intake)


@pytest.fixture
def house() -> House:
    """Give an empty house."""
    return House()


def test_a_file_reaches_the_reader_with_its_original(house: House) -> None:
    """From the door to the next worker, sealed all the way."""
    job_id = house.submit(1, CANARY, "Anna.pdf")
    assert house.work() == ["done"]
    (event,) = house.received()
    assert isinstance(event.data, DocumentReceived)
    assert event.subject == event.data.document_id == document_id(house.key, CANARY)
    assert (event.jobid, event.data.pages) == (job_id, 1)
    assert house.vault.open(event.data.original) == CANARY
    assert house.intake(job_id).source_name == "Anna.pdf"
    assert (house.counts().documents, house.counts().in_flight) == (1, 1)


def test_a_duplicate_is_counted_and_not_read(house: House) -> None:
    """Submissions = documents + duplicates + refused."""
    house.submit(1, CANARY)
    second = house.submit(2, CANARY)
    house.submit(3, b"")
    house.work()
    assert len(house.received()) == 1
    assert house.intake(second).status == "duplicate"
    counts = house.counts()
    assert (counts.submissions, counts.documents, counts.duplicates, counts.refused) == (3, 1, 1, 1)


def test_an_unreadable_file_is_in_quarantine_and_comes_back(house: House) -> None:
    """Counted, listed, and tried again when the file is handed in again."""
    house.submit(1, b"PK\x03\x04 zip")
    assert house.work() == ["quarantined"]
    ((_, record),) = house.quarantine.list()
    document = document_id(house.key, b"PK\x03\x04 zip")
    assert (record.reason, record.document_id) == (QuarantineReason.UNSUPPORTED_TYPE, document)
    assert house.vault.open(names.original(document)) == b"PK\x03\x04 zip"
    assert (house.counts().documents, house.counts().quarantined) == (1, 1)

    house.submit(2, b"PK\x03\x04 zip")
    assert house.work() == ["done", "quarantined"]  # the duplicate, then the replay
    assert len(list(house.quarantine.list())) == 1
    assert (house.counts().duplicates, house.counts().quarantined) == (1, 1)


def test_a_file_over_the_budget_waits_in_quarantine_for_another_day() -> None:
    """Kept, counted, never read; it goes on when it is replayed or handed in again."""
    house = House(Budgets(tenants={TENANT: Limits(pages_a_day=2)}))
    texts = [f"Page {number}".encode() for number in range(3)]
    for number, text in enumerate(texts):
        house.submit(number, text)
    assert house.work() == ["done", "done", "quarantined"]
    assert len(house.received()) == 2
    ((_, record),) = house.quarantine.list()
    late = document_id(house.key, texts[2])
    assert (record.reason, record.document_id) == (QuarantineReason.BUDGET_EXCEEDED, late)
    assert house.vault.open(names.original(late)) == texts[2]
    assert (house.counts().documents, house.counts().quarantined) == (3, 1)

    house.submit(3, texts[2])
    assert house.work() == ["done", "quarantined"]  # it is the same day
    house.clock.sleep(timedelta(days=1).total_seconds())
    house.submit(4, texts[2])
    assert house.work() == ["done", "done"]
    (event,) = house.received()
    assert event.subject == late
    assert list(house.quarantine.list()) == []
    assert (house.counts().quarantined, house.counts().in_flight) == (0, 3)


def test_erased_bytes_leave_nothing_at_the_door(house: House) -> None:
    """No object may hold them, under any key that remains."""
    document = document_id(house.key, CANARY)
    house.tombstones.put(document, at=house.clock.now())
    house.submit(1, CANARY)
    house.work()
    assert house.received() == []
    assert house.counts().refused == 1
    left = [info.name for info in house.objects.list("") if "tombstones" not in info.name]
    assert left == []


def test_an_email_becomes_documents(house: House) -> None:
    """Its parts go the same way as any other upload, linked to it."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.example", "Invoice"
    mail.set_content("Attached.")
    mail.add_attachment(CANARY, maintype="application", subtype="pdf", filename="in\tvoice.pdf")
    mail.add_attachment(CANARY, maintype="application", subtype="pdf", filename="copy.pdf")
    job_id = house.submit(1, mail.as_bytes())
    assert house.work() == ["done"] * 4
    parts = house.intake(job_id).attachments
    assert [house.intake(part).status for part in parts] == ["accepted", "accepted", "duplicate"]
    assert {house.intake(part).parent for part in parts} == {job_id}
    booked = [house.register.submission(part) for part in parts]
    assert {row.parent for row in booked if row} == {job_id}
    first = house.register.submission(job_id)
    assert first is not None
    assert first.status is SubmissionStatus.EXPANDED
    assert len(house.received()) == 2
    assert (house.counts().documents, house.counts().expanded) == (3, 1)
