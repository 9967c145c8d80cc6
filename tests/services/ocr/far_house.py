"""An ocr worker whose pages Document AI reads, on memory ports and a fake clock."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

from reportlab.pdfgen.canvas import Canvas

from services.ocr.main import Far, build
from services.ocr.settings import OcrSettings
from shared.bus.memory import MemoryBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentReceived, MediaType, Payload
from shared.events.results import Reading
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.logging.stage_log import SilentLog
from shared.objects.memory import MemoryObjects
from shared.objects.port import NotFoundError, ObjectStore
from shared.sandbox.inline import InlineSandbox
from shared.telemetry.registry import MemoryMetrics
from shared.telemetry.tracing import NullTracing
from shared.worker import names
from shared.worker.breaker import Breaker
from shared.worker.edge import Edge
from shared.worker.effects import Effects, Signals
from shared.worker.emitter import Emitter
from shared.worker.isolation import Isolation
from shared.worker.leases import Leases
from shared.worker.quarantine import Quarantine, QuarantineRecord
from shared.worker.results import Results
from shared.worker.tombstones import Tombstones
from tests.emulators.documentai import BUCKET, OCR, DocumentAiServer

TENANT: Final = "acme"
HEARD: Final = ("ocr.document-received", "ocr.pages-requested", "ocr.pages-read")
KEY: Final = "projects/docledger-test/locations/eu/keyRings/docledger/cryptoKeys/batches"
STEP_S: Final = 10.0
A_BATCH: Final = 4
"""Pages of a document that is read in one batch, where batches begin early."""


def drawn(pages: int, *, says: str = "page") -> bytes:
    """Return a PDF whose pages say their number."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(300, 400), pageCompression=0)
    for number in range(1, pages + 1):
        canvas.drawString(40, 300, f"{says} {number} of {pages}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@dataclass
class Killed(BaseException):
    """The process died here: nothing is caught, nothing is given back."""


@dataclass
class Worker:
    """One worker process."""

    edge: Edge
    poll: Callable[[], object]
    canary: Callable[[], object]
    breaker: Breaker


@dataclass
class FarHouse:
    """Stores, bus and clock of a site, and the workers that come and go."""

    server: DocumentAiServer
    settings: dict[str, str] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    keyring: MemoryKeyring = field(default_factory=MemoryKeyring)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)

    def __post_init__(self) -> None:
        self.objects = MemoryObjects(self.clock)
        self.bucket: ObjectStore = MemoryObjects(self.clock)
        self.server.bucket = self.bucket
        self.bus = MemoryBus(load_topology(), self.clock)
        self.vault = Vault(self.objects, self.keyring)
        self.tombstones = Tombstones(self.objects)
        self.quarantine = Quarantine(self.objects, self.vault)
        self._closing: list[Callable[[], None]] = []

    def worker(self, name: str = "w1", *, objects: ObjectStore | None = None) -> Worker:
        """Start a process.

        Args:
            name: of it.
            objects: the store as this process sees it; it may die at any of its calls.
        """
        objects = objects or self.objects
        vault = Vault(objects, self.keyring)
        built = build(
            vault=vault,
            objects=objects,
            settings=OcrSettings.from_environment(
                {
                    "DOCLEDGER_OCR_READER": "documentai",
                    "DOCLEDGER_OCR_PROCESSORS": f"ocr={OCR}",
                    "DOCLEDGER_OCR_BATCHES_BUCKET": BUCKET,
                    "DOCLEDGER_OCR_BATCHES_KMS_KEY": KEY,
                    **self.settings,
                }
            ),
            sandbox=InlineSandbox(),
            far=Far(
                publisher=self.bus,
                batches=self.bucket,
                metrics=self.metrics,
                clock=self.clock,
            ),
        )
        self._closing.append(built.close)
        breaker = Breaker(built.canary, clock=self.clock)
        emitter = Emitter("ocr", publisher=self.bus, keyring=self.keyring, clock=self.clock)
        leases = Leases(objects, "ocr", clock=self.clock, holder=name, lease_s=300)
        edge = Edge(
            "ocr",
            built.handle,
            effects=Effects(
                vault=vault,
                emitter=emitter,
                leases=leases,
                tombstones=self.tombstones,
                quarantine=self.quarantine,
                isolation=Isolation(),
                breaker=breaker,
                clock=self.clock,
            ),
            signals=Signals(SilentLog(), NullTracing(), self.metrics),
        )
        return Worker(edge, built.jobs["poll"], built.canary, breaker)

    def send(
        self,
        content: bytes,
        *,
        pages: int,
        document: int = 1,
        media_type: MediaType = MediaType.PDF,
    ) -> str:
        """Hand a document in; return its id."""
        document_id = f"{document:040x}"
        self.keyring.create_document_key(document_id)
        original = self.vault.store(names.original(document_id), document_id, content)
        received = DocumentReceived(
            document_id=document_id, original=original, media_type=media_type, pages=pages
        )
        self.bus.publish([self.event(received, document_id)])
        return document_id

    def event(self, data: Payload, subject: str) -> Event:
        """Return an event of this site."""
        return make_event(
            data,
            tenant_key=self.keyring.tenant_key(TENANT, TenantPurpose.IDS),
            tenant=TENANT,
            source="ingest",
            subject=subject,
            jobid="a" * 40,
            traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
            time=self.clock.now(),
        )

    def again(self, record: QuarantineRecord, *, replay: int = 0) -> Event:
        """Return the event of a quarantine record as it was, or as a replay sends it."""
        event = from_structured(json.dumps(record.event).encode())
        if not replay:
            return event
        return make_event(
            event.data,
            tenant_key=self.keyring.tenant_key(TENANT, TenantPurpose.IDS),
            tenant=TENANT,
            source="replay",
            subject=event.subject,
            jobid=event.jobid,
            traceparent=event.traceparent,
            time=self.clock.now(),
            replay=replay,
        )

    def step(self, *workers: Worker, most: int = 1) -> bool:
        """Hand out what is due, in turns; return whether there was anything."""
        busy = False
        for name in HEARD:
            for turn, delivery in enumerate(self.bus.pull(name, most=most, lease_s=300)):
                busy = True
                settled = workers[turn % len(workers)].edge.receive(delivery)
                if settled.acknowledge:
                    self.bus.acknowledge([delivery])
                else:
                    self.bus.retry(delivery, delay_s=settled.delay_s, begun=settled.begun)
        return busy

    def settle(self, *workers: Worker, most: int = 4, steps: int = 2_000) -> None:
        """Let time pass until nothing waits and no batch runs; the scheduler polls."""
        for _ in range(steps):
            while self.step(*workers, most=most):
                pass
            if not self._waits() and not self._runs():
                return
            self.clock.sleep(STEP_S)
            workers[0].poll()
        raise AssertionError("it never comes to rest")

    def reading(self, document_id: str) -> Reading | None:
        """Return what was read, None where nothing is."""
        try:
            return Results(self.vault).open(names.stage_result("ocr", document_id, 0), Reading)
        except NotFoundError:
            return None

    def reasons(self) -> list[str]:
        """Return why documents are in quarantine."""
        return [record.reason.value for _, record in self.quarantine.list()]

    def left(self) -> list[str]:
        """Return what lies in the bucket for batches."""
        return [info.name for info in self.bucket.list("")]

    def close(self) -> None:
        """End all processes."""
        for close in self._closing:
            close()

    def _runs(self) -> bool:
        records = (self.objects.read(info.name) for info in self.objects.list("operations/"))
        return any(b'"given_up":"' not in record.data for record in records)

    def _waits(self) -> bool:
        waiting = {row.subscription: row.messages for row in self.bus.backlog()}
        return any(waiting.get(name, 0) for name in HEARD)


def dying(objects: ObjectStore, dies_at: str, *, after: bool = False) -> ObjectStore:
    """Return a store whose process dies at one of its creations: before it, or when it is done.

    Args:
        objects: the store.
        dies_at: what is in the name of the object.
        after: whether it is done before.
    """
    return cast("ObjectStore", _Dying(objects, dies_at, after=after))


class _Dying:
    def __init__(self, objects: ObjectStore, dies_at: str, *, after: bool) -> None:
        self._objects = objects
        self._dies_at = dies_at
        self._after = after

    def __getattr__(self, method: str) -> Callable[..., object]:
        def call(name: str, *arguments: object, **named: object) -> object:
            dies = method == "create" and self._dies_at in name
            if dies and not self._after:
                raise Killed
            done: object = getattr(self._objects, method)(name, *arguments, **named)
            if dies:
                raise Killed
            return done

        return call


def units(house: FarHouse) -> dict[str, float]:
    """Return the pages that were counted, by whether they were paid for the first time."""
    found = {}
    for line in house.metrics.render().splitlines():
        if line.startswith("docledger_units_spent_total{"):
            label = "first" if 'paid="first"' in line else "repeated"
            found[label] = float(line.rpartition(" ")[2])
    return found


def words_of(reading: Reading) -> Iterator[str]:
    """Yield what each page says."""
    for page in reading.pages:
        yield " ".join(word.text for word in page.words)
