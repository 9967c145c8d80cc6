"""What a site forgets, when, and what it must not forget."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.keeper import Keeper
from deploy.local.retention import EVERY_S, Retention, prune_spans
from deploy.local.settings import RetentionSettings
from deploy.local.site import Site
from shared.clock import FakeClock
from shared.errors import UserError
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased, DocumentReceived, MediaType, Payload, Reference

DOCUMENT = "d" * 40
JOB = "a" * 40
REFERENCE = Reference(name="x/y", generation=1, digest="0" * 64, size=1)
SUBSCRIPTIONS = ("register.document-erased", "ledger.document-erased")
DAY_S = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    site = Site(tmp_path / "data")
    site.create()
    return House(site, clock=clock)


def event(house: House, data: Payload) -> Event:
    """Return an event about the document."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant=DEFAULT_TENANT,
        source="test",
        subject=DOCUMENT,
        jobid=JOB,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
        time=house.clock.now(),
    )


def published(house: House, count: int) -> None:
    """Publish that the document was erased, so often, and let everybody be done with it."""
    house.bus.publish([event(house, DocumentErased(document_id=DOCUMENT))] * count)
    for name in SUBSCRIPTIONS:
        house.bus.acknowledge(house.bus.pull(name, most=count, lease_s=60))


def left(house: House) -> int:
    """Return how many events are kept."""
    (((count,)),) = house.bus._rows("SELECT count(*) FROM events", ())
    return int(count)


def in_flight(house: House) -> None:
    """Let the register know of a document that is under way."""
    received = DocumentReceived(
        document_id=DOCUMENT, original=REFERENCE, media_type=MediaType.PDF, pages=1
    )
    house.register.accept(event(house, received), document_id=DOCUMENT, pages=1)


def spans(house: House, name: str, said: str, *, age_days: float) -> Path:
    """Write a file of spans that was last written so long ago."""
    house.site.spans.mkdir(exist_ok=True)
    path = house.site.spans / f"{name}.ndjson"
    path.write_text(f'{{"attributes":{{"x":"{said}"}}}}\n')
    written = house.clock.now().timestamp() - age_days * DAY_S
    os.utime(path, (written, written))
    return path


def test_a_keeper_forgets_events_after_their_time(house: House, clock: FakeClock) -> None:
    """A site that runs for years keeps what it needs, and the id of everything."""
    published(house, 4)
    keeper = Keeper(house)
    keeper.turn()
    assert left(house) == 4
    clock.sleep(30 * DAY_S + 1)
    keeper.turn()
    assert left(house) == 1
    assert house.bus.has_published(event(house, DocumentErased(document_id=DOCUMENT)).id)


def test_how_long_can_be_set(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some must keep things longer, some may not."""
    monkeypatch.setenv("DOCLEDGER_RETENTION_DAYS", "2")
    published(house, 4)
    clock.sleep(2 * DAY_S + 1)
    assert Retention(house).turn()
    assert left(house) == 1
    monkeypatch.setenv("DOCLEDGER_RETENTION_DAYS", "0")
    with pytest.raises(UserError, match="DOCLEDGER_RETENTION_DAYS"):
        Retention(house)


def test_it_looks_once_an_hour_unless_there_is_more(
    house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking costs a little; a large file is worked off in parts."""
    monkeypatch.setattr("deploy.local.retention.BATCH", 2)
    monkeypatch.setattr("deploy.local.retention.BATCHES", 3)
    retention = Retention(house, RetentionSettings())
    published(house, 8)
    clock.sleep(31 * DAY_S)
    turns = [(retention.turn(), left(house)) for _ in range(3)]
    assert turns == [(True, 2), (True, 1), (False, 1)]
    published(house, 1)
    assert not retention.turn()
    clock.sleep(EVERY_S)
    assert retention.turn()


def test_old_spans_go_and_young_ones_stay(house: House) -> None:
    """A file is as old as the last span in it."""
    in_flight(house)
    old = spans(house, "1-1", "b" * 40, age_days=31)
    young = spans(house, "1-2", "b" * 40, age_days=29)
    assert prune_spans(house, house.clock.now() - timedelta(days=30)) == 1
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("said", [DOCUMENT, JOB])
def test_spans_of_a_document_in_flight_stay(house: House, said: str) -> None:
    """Whoever asks why it takes so long must see its whole way, its submission included."""
    in_flight(house)
    kept = spans(house, "1-1", said, age_days=400)
    assert prune_spans(house, house.clock.now()) == 0
    assert kept.exists()


def test_a_folder_without_spans_has_nothing_to_forget(house: House) -> None:
    """Before the first document."""
    shutil.rmtree(house.site.spans, ignore_errors=True)
    assert prune_spans(house, house.clock.now()) == 0
