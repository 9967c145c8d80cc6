"""The keeper: follows, seals, sweeps and tidies; one at a time, and outages do not end it."""

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.entrance import entrance_of
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.keeper import REFUSED_DELAY_S, SWEEP_EVERY_S, Keeper, keep, keep_now
from deploy.local.site import Site, SiteLock
from deploy.local.tidy import tidy_inbox
from services.ingest.registered import RegisteredDocument, Terminal
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.codec import from_message
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentQuarantined,
    DocumentReceived,
    MediaType,
    Payload,
    Reference,
    StageName,
)
from shared.events.results import Intake
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.worker import names
from shared.worker.results import pack

DOCUMENT = "d" * 40
REFERENCE = Reference(name="x/y", generation=1, digest="0" * 64, size=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    site = Site(tmp_path / "data")
    site.create()
    return House(site, clock=clock)


def told(house: House, data: Payload, *, replay: int = 0) -> Event:
    """Publish an event about the document; return it."""
    event = make_event(
        data,
        tenant_key=b"k" * 32,
        tenant=DEFAULT_TENANT,
        source="test",
        subject=DOCUMENT,
        jobid="a" * 40,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
        time=house.clock.now(),
        replay=replay,
    )
    house.bus.publish([event])
    return event


def received() -> DocumentReceived:
    return DocumentReceived(
        document_id=DOCUMENT, original=REFERENCE, media_type=MediaType.PDF, pages=1
    )


def quarantined(stage: StageName = "ocr") -> DocumentQuarantined:
    return DocumentQuarantined(
        document_id=DOCUMENT, stage=stage, reason=QuarantineReason.UNREADABLE, record=REFERENCE
    )


def document(house: House) -> RegisteredDocument:
    """Return the document, which the register knows."""
    found = house.register.document(DEFAULT_TENANT, DOCUMENT)
    assert found is not None
    return found


def waiting(house: House, worker: str = "register") -> int:
    """Return how many messages wait for one worker."""
    return sum(
        row.messages for row in house.bus.backlog() if row.subscription.startswith(f"{worker}.")
    )


def test_the_register_follows_what_is_told(house: House) -> None:
    """Status and audit ask the register; it must know what the workers said."""
    told(house, received())
    keeper = Keeper(house)
    assert keeper.turn()
    assert document(house).stage == "ocr"
    assert waiting(house) == 0
    assert not keeper.turn()


def test_what_is_no_event_is_given_back(house: House) -> None:
    """It ends as a dead letter that somebody looks at, and holds up nobody."""
    told(house, received())
    with contextlib.closing(sqlite3.connect(house.site.bus)) as connection, connection:
        connection.execute("UPDATE events SET body = ?", (b"{}",))
    Keeper(house).turn()
    assert waiting(house) == 1
    house.clock.sleep(REFUSED_DELAY_S + 1)
    assert house.bus.pull("register.document-received", most=1, lease_s=1)[0].attempt == 2


def test_a_dead_letter_that_is_no_event_is_kept_whole(house: House) -> None:
    """The bus gave up on it; it waits in quarantine, sealed, and the queue is empty."""
    told(house, received())
    with contextlib.closing(sqlite3.connect(house.site.bus)) as connection, connection:
        connection.execute("UPDATE events SET body = ?", (b"{}",))
        connection.execute("UPDATE waiting SET queue = queue | 1")
    Keeper(house).turn()
    [(_, record)] = house.quarantine.list()
    assert record.reason is QuarantineReason.MALFORMED_EVENT
    assert waiting(house) == 0


def test_a_dead_letter_that_is_an_event_is_followed(house: House) -> None:
    """After a long outage of the register its dead letters are as good as any other."""
    told(house, received())
    with contextlib.closing(sqlite3.connect(house.site.bus)) as connection, connection:
        connection.execute("UPDATE waiting SET queue = queue | 1")
    Keeper(house).turn()
    assert document(house).stage == "ocr"


def test_an_outage_of_one_chore_does_not_stop_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that is locked must not stop the register."""
    keeper = Keeper(house)

    def away() -> bool:
        raise TransientError("locked")

    monkeypatch.setattr(keeper, "_seal", away)
    told(house, received())
    assert keeper.turn()
    assert document(house).stage == "ocr"


def test_a_late_document_is_swept_when_it_is_time(house: House) -> None:
    """Its last event goes out again: whoever lost it gets it once more."""
    told(house, received())
    keeper = Keeper(house)
    while keeper.turn():
        pass
    before = waiting(house, "ocr")
    late = house.topology.deadline("ocr") + timedelta(seconds=SWEEP_EVERY_S)
    house.clock.sleep(late.total_seconds())
    assert keeper.turn()
    assert waiting(house, "ocr") == before + 1
    while keeper.turn():
        pass
    assert waiting(house, "ocr") == before + 1


def test_told_to_stop_it_finishes_what_is_told(house: House) -> None:
    """What the workers said at the end is in the register when the command returns."""
    asked: list[bool] = []

    def stop() -> bool:
        if not asked:
            asked.append(True)
            return False
        told(house, received())
        return True

    keep(house, stop)
    assert document(house).stage == "ocr"


def test_keep_now_leaves_it_to_a_keeper_that_runs(house: House) -> None:
    """Two sequencers would fight over the log."""
    told(house, received())
    lock = SiteLock(house.site.keeper_lock)
    assert lock.acquire(wait=False)
    keep_now(house)
    assert waiting(house) == 1
    lock.release()
    keep_now(house)
    assert waiting(house) == 0


def taken_in(house: House, folder: Path) -> Event:
    """Hand in a file; return its event."""
    (folder / "a.txt").write_text("hello")
    entrance_of(house, "cli").submit(folder / "a.txt")
    (delivery,) = house.bus.pull("ingest.upload-arrived", most=1, lease_s=60.0)
    return from_message(delivery.message)


def settled(house: House, event: Event) -> None:
    """Store what ingest says of an upload."""
    house.keyring.create_document_key(DOCUMENT)
    intake = Intake(status="accepted", document_id=DOCUMENT, source_name="a.txt", pages=1)
    house.vault.store(names.intake(event.jobid), DOCUMENT, pack((), intake))


def uploads(house: House) -> int:
    """Return how many uploads lie at the door."""
    return len(list(house.objects.list("inbox/")))


def test_an_upload_stays_until_its_document_is_kept(house: House, tmp_path: Path) -> None:
    """A crash before would need it again."""
    event = taken_in(house, tmp_path)
    assert (tidy_inbox(house), uploads(house)) == (0, 1)
    house.register.accept(event, document_id=DOCUMENT, pages=1)
    assert (tidy_inbox(house), uploads(house)) == (0, 1)
    settled(house, event)
    assert (tidy_inbox(house), uploads(house)) == (1, 0)
    assert tidy_inbox(house) == 0


def test_an_upload_that_ingest_quarantined_stays_for_its_replay(
    house: House, tmp_path: Path
) -> None:
    """A replay reads the upload again."""
    event = taken_in(house, tmp_path)
    house.register.accept(event, document_id=DOCUMENT, pages=0)
    settled(house, event)
    told(house, quarantined("ingest"))
    keep_now(house)
    assert document(house).status is Terminal.QUARANTINED
    assert (tidy_inbox(house), uploads(house)) == (0, 1)


@pytest.mark.parametrize("how", ["document", "nothing"])
def test_a_refused_upload_is_tidied_by_whoever_refused_it(
    house: House, tmp_path: Path, how: str
) -> None:
    """Tidying asks for a stored intake; a refusal has none, and ingest let go of the bytes."""
    event = taken_in(house, tmp_path)
    named = DOCUMENT if how == "document" else None
    house.register.refuse(event, RefusedReason.ERASED, document_id=named)
    assert tidy_inbox(house) == 0
