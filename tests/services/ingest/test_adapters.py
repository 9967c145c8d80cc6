"""Ingest over real stores, keys and quarantine in memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.adapters.vault import VaultInbox, VaultOriginals
from services.ingest.inbox import MOST_NAME, Upload, pack, unpack
from services.ingest.inspection import Inspection, InspectionLimits
from services.ingest.main import build
from services.ingest.settings import IngestSettings
from shared.clock import FakeClock
from shared.errors import PermanentError, TransientError
from shared.events.envelope import Event, make_event
from shared.events.ids import keyed_id
from shared.events.payloads import MediaType, Reference, UploadArrived
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.sandbox.inline import InlineSandbox
from shared.telemetry.reasons import QuarantineReason
from shared.worker.built import Worker
from shared.worker.quarantine import Quarantine
from shared.worker.tombstones import Tombstones

if TYPE_CHECKING:
    from services.ingest.registered import Register

CLOCK = FakeClock()
JOB = "1" * 40
DOCUMENT = "2" * 40


class Recorder:
    """A bus that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        self.events += events


class Site:
    """One site in memory."""

    def __init__(self) -> None:
        self.objects = MemoryObjects(CLOCK)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.inbox = VaultInbox(self.vault, self.objects)
        self.originals = VaultOriginals(self.vault, self.keyring)
        self.quarantine = Quarantine(self.objects, self.vault)
        self.bus = Recorder()


@pytest.fixture
def site() -> Site:
    """Give an empty site."""
    return Site()


def arrived(site: Site, upload: Reference) -> Event:
    """Return the event of an upload."""
    return make_event(
        UploadArrived(upload=upload, entrance="cli"),
        tenant_key=site.keyring.tenant_key("acme", TenantPurpose.IDS),
        tenant="acme",
        source="entrance",
        subject=JOB,
        jobid=JOB,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        time=CLOCK.now(),
    )


@pytest.mark.parametrize(
    "name", ["a.pdf", "", "a\nb/../\x1b[31m\x00.pdf", "Größe €.pdf", '"; DROP TABLE', "\udcff.pdf"]
)
def test_names_and_bytes_come_back_as_they_were(name: str) -> None:
    """A file name is whatever the sender's disk allowed."""
    found = unpack(pack(name, b"\x00bytes"))
    assert found == Upload(name.replace("\udcff", "?"), b"\x00bytes")
    assert "pdf" not in repr(found)


def test_an_endless_name_is_cut() -> None:
    """A name must not become a second document."""
    assert len(unpack(pack("x" * 100_000, b"")).source_name) == MOST_NAME


@pytest.mark.parametrize(
    "packed", [b"", b"DLIN", b"%PDF-1.4 and more", pack("a", b"")[:-1], b"DLIN\x01\xff\xff\xff\xff"]
)
def test_what_was_not_packed_is_not_unpacked(packed: bytes) -> None:
    """A partner may write anything into a bucket."""
    with pytest.raises(ValueError, match="not an upload"):
        unpack(packed)


def test_an_upload_is_sealed_in_the_inbox(site: Site) -> None:
    """Neither name nor bytes may lie open in a bucket."""
    reference = site.inbox.put("acme", JOB, Upload("Anna.pdf", b"IBAN DE02"))
    stored = site.objects.read(reference.name).data
    assert b"Anna" not in stored
    assert b"IBAN" not in stored
    assert site.inbox.open(reference) == Upload("Anna.pdf", b"IBAN DE02")


def test_an_upload_that_is_gone_or_changed_is_told_apart(site: Site) -> None:
    """One was taken away on purpose, the other is damage."""
    reference = site.inbox.put("acme", JOB, Upload("a", b"b"))
    forged = reference.model_copy(update={"digest": "0" * 64})
    with pytest.raises(PermanentError) as caught:
        site.inbox.open(forged)
    assert caught.value.reason is QuarantineReason.UNREADABLE
    site.inbox.discard(reference)
    with pytest.raises(LookupError):
        site.inbox.open(reference)


@pytest.mark.parametrize("sealed_well", [True, False])
def test_foreign_bytes_in_the_inbox_are_unreadable(site: Site, *, sealed_well: bool) -> None:
    """Whatever somebody else put there, it is no upload of ours."""
    if sealed_well:
        reference = site.vault.store_for_tenant(f"inbox/acme/{JOB}", "acme", b"no upload")
    else:
        site.objects.create(f"inbox/acme/{JOB}", b"no seal")
        reference = cast("Reference", site.vault.find(f"inbox/acme/{JOB}"))
    with pytest.raises(PermanentError) as caught:
        site.inbox.open(reference)
    assert caught.value.reason is QuarantineReason.UNREADABLE


def test_an_original_is_sealed_under_its_own_key_once(site: Site) -> None:
    """Destroying that key must make it unreadable; keeping it again must change nothing."""
    reference = site.originals.keep(DOCUMENT, b"IBAN DE02")
    assert site.originals.keep(DOCUMENT, b"IBAN DE02") == reference
    assert site.vault.open(reference) == b"IBAN DE02"
    assert b"IBAN" not in site.objects.read(reference.name).data
    site.originals.forget(DOCUMENT)
    with pytest.raises(Exception, match=r"^$"):
        site.vault.open(reference)


def test_an_erasure_between_key_and_original_is_tried_again(site: Site) -> None:
    """The next try finds the tombstone and refuses; now there is nothing to say yet."""

    class Erasing(MemoryKeyring):
        def create_document_key(self, document_id: str) -> bytes:
            key = super().create_document_key(document_id)
            self.destroy_document_key(document_id)
            return key

    keyring = Erasing()
    originals = VaultOriginals(Vault(site.objects, keyring), keyring)
    with pytest.raises(TransientError):
        originals.keep(DOCUMENT, b"x")


def quarantined(site: Site, event: Event) -> str:
    """Put an event into quarantine and return the record's name."""
    return site.quarantine.put(
        event,
        stage="ingest",
        reason=QuarantineReason.ENCRYPTED,
        document_id=DOCUMENT,
        attempts=1,
        error=None,
        at=CLOCK.now(),
    ).name


def test_quarantined_events_are_published_again(site: Site) -> None:
    """A second copy of the file is one more try, with a new id in the same trace."""
    event = arrived(site, site.inbox.put("acme", JOB, Upload("a", b"b")))
    quarantined(site, event)
    replays = QuarantineReplays(
        site.quarantine, keyring=site.keyring, publisher=site.bus, clock=CLOCK
    )
    replays.replay(keyed_id(b"k", "another"))
    assert site.bus.events == []
    replays.replay(DOCUMENT)
    (again,) = site.bus.events
    assert (again.replay, again.traceparent, again.data) == (1, event.traceparent, event.data)
    assert again.id != event.id


def test_a_replay_that_a_crash_swallowed_is_sent_again(site: Site) -> None:
    """It waits until a worker has taken it; the same id does no harm twice."""
    event = arrived(site, site.inbox.put("acme", JOB, Upload("a", b"b")))
    quarantined(site, event)
    replays = QuarantineReplays(
        site.quarantine, keyring=site.keyring, publisher=site.bus, clock=CLOCK
    )
    replays.replay(DOCUMENT)
    replays.replay(DOCUMENT)
    first, second = site.bus.events
    assert (first.id, first.replay) == (second.id, 1)
    site.quarantine.note_replay("ingest", first)
    replays.replay(DOCUMENT)
    assert len(site.bus.events) == 2


class NoRegister:
    """Only refuses."""

    refused = 0

    def refuse(self, *_arguments: object, **_named: object) -> None:
        self.refused += 1


def built(site: Site, register: NoRegister, **named: Any) -> Worker:
    """Build ingest over the site."""
    return build(
        objects=site.objects,
        vault=site.vault,
        keyring=site.keyring,
        register=cast("Register", register),
        erased=Tombstones(site.objects),
        quarantine=site.quarantine,
        publisher=site.bus,
        clock=CLOCK,
        **named,
    )


def test_the_worker_is_built_and_its_canary_sings(site: Site) -> None:
    """One call wires everything; the breaker can ask whether the worker itself is well."""
    register = NoRegister()
    ingest = built(site, register, sandbox=InlineSandbox())
    event = arrived(site, site.inbox.put("acme", JOB, Upload("a", b"")))
    assert ingest.handle(event).children == ()
    assert register.refused == 1
    ingest.canary()
    ingest.close()


def test_the_worker_brings_its_own_sandbox(site: Site) -> None:
    """In production foreign bytes meet a confined process."""
    ingest = built(site, NoRegister(), settings=IngestSettings(memory_mb=700))
    try:
        ingest.canary()
    finally:
        ingest.close()


def test_a_canary_that_is_read_wrongly_is_the_workers_fault(site: Site) -> None:
    """A sandbox that answers nonsense must stop the worker."""

    class Wrong:
        def run(self, *_arguments: object) -> bytes:
            return Inspection(MediaType.TEXT, 1).encoded()

    ingest = built(site, NoRegister(), sandbox=Wrong())
    with pytest.raises(AssertionError):
        ingest.canary()


def test_settings_come_from_the_environment() -> None:
    """Defaults are those of production."""
    settings = IngestSettings.from_environment({"DOCLEDGER_INGEST_PAGES": "7"})
    assert settings.inspection() == InspectionLimits(pages=7)
    assert settings.sandbox().memory_mb == 1024
