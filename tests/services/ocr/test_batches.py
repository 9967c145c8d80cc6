"""Long documents, read in batches: nothing is lost whoever dies, nothing is left behind."""

import json

import grpc
import pytest

from services.ocr.adapters.operations import MOST_BATCHES, SLOTS
from shared.events.codec import from_structured
from shared.telemetry.reasons import QuarantineReason
from tests.emulators.documentai import Ends, Fault
from tests.services.ocr.far_house import FarHouse, Killed, drawn, dying, words_of

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

PAGES = 4  # one batch: more than are read online


@pytest.fixture(autouse=True)
def _batches_begin_early(far_house: FarHouse) -> None:
    far_house.settings["DOCLEDGER_OCR_ONLINE_PAGES"] = str(PAGES - 1)


def units(house: FarHouse) -> dict[str, float]:
    """Return the pages that were counted, by whether they were paid for the first time."""
    found = {}
    for line in house.metrics.render().splitlines():
        if line.startswith("docledger_units_spent_total{"):
            label = "first" if 'paid="first"' in line else "repeated"
            found[label] = float(line.rpartition(" ")[2])
    return found


def test_a_document_of_523_pages_is_read_in_batches(far_house: FarHouse) -> None:
    """More than any one batch takes: two, put together in order, and nothing of them is left."""
    worker = far_house.worker()
    document = far_house.send(drawn(523), pages=523)
    far_house.settle(worker)
    reading = far_house.reading(document)
    assert reading is not None
    assert list(words_of(reading)) == [f"page {n} of 523" for n in range(1, 524)]
    assert [page.number for page in reading.pages] == list(range(1, 524))
    assert far_house.server.count("BatchProcessDocuments") == 2
    assert far_house.server.count("ProcessDocument") == 0
    assert far_house.left() == []
    assert units(far_house) == {"first": 523.0}
    assert far_house.reasons() == []


def test_a_delivery_is_not_held_open_for_a_batch(far_house: FarHouse) -> None:
    """It ends when the batch has begun; the clock of a push has not moved meanwhile."""
    far_house.server.hold()
    worker = far_house.worker()
    far_house.send(drawn(PAGES), pages=PAGES)
    before = far_house.clock.monotonic()
    assert far_house.step(worker)
    assert not far_house.step(worker)  # acknowledged: nothing waits on the bus
    assert far_house.clock.monotonic() == before
    assert far_house.server.count("BatchProcessDocuments") == 1
    far_house.clock.sleep(60)
    worker.poll()
    assert not far_house.step(worker)  # it runs: there is nothing to tell
    far_house.server.let_go()
    far_house.settle(worker)
    assert far_house.reasons() == []


@pytest.mark.parametrize(
    ("dies_at", "after", "begun", "paid"),
    [
        ("operations/slots/0", True, 1, {"repeated": 4.0}),  # who died may have begun one
        ("/1-4", False, 2, {"first": 4.0, "repeated": 4.0}),
        ("/1-4", True, 1, {"first": 4.0}),
        ("results/", False, 1, {"first": 4.0}),
        ("results/", True, 1, {"first": 4.0}),
    ],
    ids=["reserved", "begun", "recorded", "read", "stored"],
)
def test_a_killed_worker_loses_no_batch(
    far_house: FarHouse, dies_at: str, *, after: bool, begun: int, paid: dict[str, float]
) -> None:
    """Between any two effects; only between the call and its record is a batch begun again."""
    document = far_house.send(drawn(PAGES), pages=PAGES)
    store = dying(far_house.objects, dies_at, after=after)
    doomed = far_house.worker("w1", objects=store)
    with pytest.raises(Killed):
        far_house.settle(doomed)
    far_house.clock.sleep(301)  # its lease, and the bus's
    far_house.settle(far_house.worker("w2"))
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == begun
    assert far_house.left() == []
    assert units(far_house) == paid


def test_killing_every_worker_while_batches_run_loses_none(far_house: FarHouse) -> None:
    """What they had begun ends without them, and whoever comes next brings it home."""
    far_house.server.hold()
    killed = [far_house.worker(f"w{number}") for number in range(3)]
    documents = [far_house.send(drawn(PAGES), pages=PAGES, document=n) for n in range(1, 6)]
    while far_house.step(*killed, most=3):
        pass
    killed.clear()
    far_house.server.let_go()
    far_house.settle(far_house.worker("next"))
    assert all(far_house.reading(one) is not None for one in documents)
    assert far_house.server.count("BatchProcessDocuments") == 5
    assert units(far_house) == {"first": 5 * 4.0}
    assert far_house.left() == []


def test_an_event_that_comes_while_a_batch_runs_begins_no_other(far_house: FarHouse) -> None:
    """The sweeper sends late documents on their way again; Pub/Sub repeats itself."""
    far_house.server.hold()
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    assert far_house.server.count("BatchProcessDocuments") == 1
    far_house.server.let_go()
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 1


def test_a_poll_that_tells_too_early_tells_once_more(far_house: FarHouse) -> None:
    """Two servers of theirs may disagree for a moment on whether a batch has ended."""
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    worker.poll()
    far_house.server.deny_once()
    far_house.step(worker)
    assert far_house.reading(document) is None
    far_house.settle(worker)
    assert far_house.reading(document) is not None


def test_an_operation_that_they_forgot_is_begun_again(far_house: FarHouse) -> None:
    """They keep no operation for ever."""
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    far_house.server.fail("GetOperation", grpc.StatusCode.NOT_FOUND, grpc.StatusCode.NOT_FOUND)
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 2


def test_a_folder_in_another_bucket_is_not_read(far_house: FarHouse) -> None:
    """The attack: an operation that names somebody else's words as the document's."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "60"
    far_house.server.fail("BatchProcessDocuments", Fault.ELSEWHERE)
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is None
    assert far_house.reasons() == ["pages_missing"]


def test_a_batch_that_never_ends_is_given_up(far_house: FarHouse) -> None:
    """Past its deadline the document is in quarantine, where somebody sees it."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "3000"
    far_house.server.hold()
    worker = far_house.worker()
    far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    far_house.clock.sleep(3001)
    far_house.settle(worker)
    assert far_house.reasons() == ["pages_missing"]
    assert far_house.left() == []


def test_no_more_batches_run_than_are_allowed(far_house: FarHouse) -> None:
    """The reservation holds whoever asks; those who wait are read as soon as one has ended."""
    far_house.server.hold()
    workers = [far_house.worker(f"w{number}") for number in range(3)]
    documents = [far_house.send(drawn(PAGES), pages=PAGES, document=n) for n in range(1, 13)]
    while far_house.step(*workers, most=3):
        pass
    workers[0].poll()
    assert not far_house.step(*workers)  # who waits for a turn uses up no attempts at the bus
    assert far_house.server.most_at_once == 10
    assert far_house.server.count("BatchProcessDocuments") == 10
    far_house.server.let_go()
    far_house.settle(*workers)
    assert all(far_house.reading(one) is not None for one in documents)
    assert far_house.server.count("BatchProcessDocuments") == 12
    assert far_house.server.most_at_once == 10
    assert units(far_house) == {"first": 12 * 4.0}
    assert far_house.reasons() == []


def test_who_waits_longest_for_a_turn_has_the_next(far_house: FarHouse) -> None:
    """The order of names is no order of arrival."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in range(11, 21):
        far_house.send(drawn(PAGES), pages=PAGES, document=number)
    while far_house.step(worker):
        pass
    waiting = []
    for number in (3, 2, 1):
        waiting.append(far_house.send(drawn(PAGES), pages=PAGES, document=number))
        far_house.step(worker)
        far_house.clock.sleep(1)
    far_house.server.let_go(1)
    worker.poll()
    while far_house.step(worker):
        pass
    inputs = {name.split("/")[1] for name in far_house.left() if name.startswith("input/")}
    assert inputs & set(waiting) == {waiting[0]}


def test_a_document_that_is_erased_while_it_waits_is_forgotten(far_house: FarHouse) -> None:
    """Its turn is somebody else's."""
    far_house.server.hold()
    worker = far_house.worker()
    documents = [far_house.send(drawn(PAGES), pages=PAGES, document=n) for n in range(1, 12)]
    while far_house.step(worker):
        pass
    far_house.tombstones.put(documents[-1], at=far_house.clock.now())
    worker.poll()
    records = [info.name for info in far_house.objects.list("operations/" + documents[-1])]
    assert records == []


def test_a_place_that_nobody_used_is_given_back(far_house: FarHouse) -> None:
    """A worker dies with a reservation, and its document is erased: others must have the place."""
    document = far_house.send(drawn(PAGES), pages=PAGES)
    with pytest.raises(Killed):
        far_house.settle(far_house.worker(objects=dying(far_house.objects, "/1-4")))
    far_house.tombstones.put(document, at=far_house.clock.now())
    assert far_house.left() != []
    far_house.clock.sleep(16 * 60)
    worker = far_house.worker("w2")
    worker.poll()
    assert list(far_house.objects.list("operations/")) == []
    assert far_house.left() == []


def test_shards_out_of_order_are_put_in_order(far_house: FarHouse) -> None:
    """The name of a shard's file says nothing; its index does."""
    far_house.server.unordered = True
    document = far_house.send(drawn(62), pages=62)
    far_house.settle(far_house.worker())
    reading = far_house.reading(document)
    assert reading is not None
    assert list(words_of(reading)) == [f"page {n} of 62" for n in range(1, 63)]


@pytest.mark.parametrize("fault", [Fault.TRUNCATE, Fault.HALF])
def test_a_missing_shard_is_waited_for_and_then_given_up(far_house: FarHouse, fault: Fault) -> None:
    """It may come; past the deadline it does not, and no page is passed over."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "3000"
    far_house.server.fail("BatchProcessDocuments", fault)
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    for _ in range(30):
        far_house.step(worker)
        worker.poll()
        far_house.clock.sleep(80)
    assert far_house.reasons() == []
    far_house.settle(worker)
    assert far_house.reasons() == ["pages_missing"]
    assert far_house.reading(document) is None
    assert far_house.left() == []


def test_a_shard_that_comes_late_is_read(far_house: FarHouse) -> None:
    """Waiting was worth it."""
    far_house.server.fail("BatchProcessDocuments", Fault.TRUNCATE)
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    for _ in range(10):
        far_house.step(worker)
        worker.poll()
        far_house.clock.sleep(20)
    assert far_house.reading(document) is None
    far_house.server.bring_late()
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.reasons() == []


def test_an_operation_that_failed_is_begun_again(far_house: FarHouse) -> None:
    """An outage of theirs is no fault of the document's."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INTERNAL))
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 2
    assert far_house.left() == []


def test_an_operation_that_failed_for_the_file_is_quarantined(far_house: FarHouse) -> None:
    """Begun again, it would fail again and be paid for each time."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    far_house.send(drawn(PAGES), pages=PAGES)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["unreadable"]
    assert far_house.server.count("BatchProcessDocuments") == 1
    assert far_house.left() == []


def test_what_was_given_up_is_not_begun_again_but_by_a_replay(far_house: FarHouse) -> None:
    """A copy of the event comes late: it must not pay for what is in quarantine."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    document = far_house.send(drawn(PAGES), pages=PAGES)
    worker = far_house.worker()
    far_house.settle(worker)
    (record,) = (record for _, record in far_house.quarantine.list())
    far_house.bus.publish([far_house.again(record)])
    far_house.settle(worker)
    assert far_house.server.count("BatchProcessDocuments") == 1
    assert far_house.reading(document) is None
    far_house.bus.publish([far_house.again(record, replay=1)])
    far_house.settle(worker)
    assert far_house.server.count("BatchProcessDocuments") == 2
    assert far_house.reading(document) is not None
    assert list(far_house.objects.list("operations/")) == []


def test_the_mark_of_what_was_given_up_does_not_stay_for_ever(far_house: FarHouse) -> None:
    """Records that nobody needs would be looked at by every poll."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    far_house.send(drawn(PAGES), pages=PAGES)
    worker = far_house.worker()
    far_house.settle(worker)
    assert list(far_house.objects.list("operations/")) != []
    far_house.clock.sleep(2 * 90_000 + 60)
    worker.poll()
    assert list(far_house.objects.list("operations/")) == []


def test_an_erased_document_leaves_nothing_behind(far_house: FarHouse) -> None:
    """The pages in the bucket are not sealed: they must not outlive their document."""
    far_house.server.hold()
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    assert far_house.left() != []
    far_house.tombstones.put(document, at=far_house.clock.now())
    worker.poll()
    assert far_house.left() == []
    assert list(far_house.objects.list("operations/")) == []


def test_the_pages_do_not_lie_there_longer_than_they_are_read(far_house: FarHouse) -> None:
    """The poll removes them with the first look after the batch has ended."""
    worker = far_house.worker()
    far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    assert any(name.startswith("input/") for name in far_house.left())
    worker.poll()
    assert not any(name.startswith("input/") for name in far_house.left())


def test_a_large_scan_is_read_in_a_batch(far_house: FarHouse) -> None:
    """40 MB are more than a request may have, however few its pages."""
    document = far_house.send(drawn(3) + b"\n" * 40_000_001, pages=3)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 1


def test_names_say_nothing_of_the_content(far_house: FarHouse) -> None:
    """A bucket's names are in logs and listings."""
    far_house.server.hold()
    document = far_house.send(drawn(PAGES, says="Confidential"), pages=PAGES)
    far_house.step(far_house.worker())
    assert far_house.left() == [f"input/{document}/0/1-4"]
    (record,) = (
        far_house.objects.read(info.name).data
        for info in far_house.objects.list("operations/" + document)
    )
    assert b"Confidential" not in record


def test_a_poll_that_cannot_look_at_one_looks_at_the_others(far_house: FarHouse) -> None:
    """One refusal must not stop the site."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in (1, 2):
        far_house.send(drawn(PAGES), pages=PAGES, document=number)
    far_house.step(worker, most=2)
    far_house.server.let_go()
    far_house.server.fail("GetOperation", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(Exception, match="could not be looked at"):
        worker.poll()
    assert far_house.step(worker)


def test_a_file_that_waited_for_its_turn_and_is_no_document_is_given_up(
    far_house: FarHouse,
) -> None:
    """The attack: its event came back with every poll, for ever, in the turns of others."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in range(1, 11):
        far_house.send(drawn(PAGES), pages=PAGES, document=number)
    while far_house.step(worker, most=4):
        pass
    poison = far_house.send(b"%PDF-1.4 nothing", pages=PAGES, document=11)
    while far_house.step(worker):
        pass
    far_house.server.let_go()
    far_house.settle(worker)
    assert far_house.reasons() == ["unreadable"]
    far_house.clock.sleep(60)
    worker.poll()
    assert not far_house.step(worker)
    assert far_house.reading(poison) is None


def test_who_was_given_up_while_it_waits_gives_its_turn_to_others(far_house: FarHouse) -> None:
    """It kills workers, say, and is in quarantine: its event must not take every turn."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in range(1, 12):
        far_house.send(drawn(PAGES), pages=PAGES, document=number)
    while far_house.step(worker, most=4):
        pass
    (name,) = (info.name for info in far_house.objects.list(f"operations/{11:040x}/"))
    waits = json.loads(far_house.objects.read(name).data)
    far_house.quarantine.put(
        from_structured(json.dumps(waits["event"]).encode()),
        stage="ocr",
        reason=QuarantineReason.KILLS_WORKERS,
        document_id=f"{11:040x}",
        attempts=3,
        error=None,
        at=far_house.clock.now(),
    )
    far_house.server.let_go()
    worker.poll()
    assert list(far_house.objects.list(f"operations/{11:040x}/")) == []
    far_house.settle(worker)
    assert far_house.server.count("BatchProcessDocuments") == 10


def test_a_reservation_of_one_that_waits_is_given_back(far_house: FarHouse) -> None:
    """Its worker died with it, and its event did not come again: others must have the place."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in range(1, 12):
        far_house.send(drawn(PAGES), pages=PAGES, document=number)
    while far_house.step(worker, most=4):
        pass
    far_house.server.let_go(1)
    worker.poll()  # one has ended: whoever waits takes its place, and dies
    taken = far_house.objects.list(SLOTS)
    assert len(list(taken)) == 9
    told = {"range": f"{11:040x}/0/1-4", "since": far_house.clock.now().isoformat()}
    far_house.objects.create(f"{SLOTS}lost", json.dumps(told).encode())
    far_house.clock.sleep(16 * 60)
    worker.poll()
    assert f"{SLOTS}lost" not in [info.name for info in far_house.objects.list(SLOTS)]


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("BatchProcessDocuments", Ends(grpc.StatusCode.INTERNAL)),
        ("GetOperation", grpc.StatusCode.NOT_FOUND),
        ("GetOperation", grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["fails", "forgotten", "unknown"],
)
def test_pages_whose_batches_always_fail_are_not_paid_for_for_ever(
    far_house: FarHouse, method: str, fault: object
) -> None:
    """The attack: a range that breaks their reader. After a few hours a person looks at it."""
    far_house.server.fail_always(method, fault)
    far_house.send(drawn(PAGES), pages=PAGES)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["attempts_exhausted"]
    assert far_house.server.count("BatchProcessDocuments") == MOST_BATCHES
    assert units(far_house) == {"first": 4.0, "repeated": 4.0 * (MOST_BATCHES - 1)}
    assert far_house.left() == []


def test_a_poison_range_costs_the_other_ranges_nothing(far_house: FarHouse) -> None:
    """The document is in quarantine; what was read of it is kept, and read once."""
    far_house.settings["DOCLEDGER_OCR_ONLINE_PAGES"] = "15"
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    document = far_house.send(drawn(523), pages=523)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["unreadable"]
    assert far_house.reading(document) is None
    assert far_house.server.count("BatchProcessDocuments") == 2
    assert len(list(far_house.objects.list("read/pages/"))) == 1
    assert far_house.left() == []


def test_what_a_batch_leaves_after_its_document_was_erased_goes_too(far_house: FarHouse) -> None:
    """It still ran: what it read must not lie there until somebody tidies up."""
    far_house.server.hold()
    worker = far_house.worker()
    document = far_house.send(drawn(PAGES), pages=PAGES)
    far_house.step(worker)
    far_house.tombstones.put(document, at=far_house.clock.now())
    worker.poll()
    far_house.bucket.create(f"output/{document}/0/1-4/1/0/shard-0.json", b"what it read")
    worker.poll()
    assert far_house.left() == []


def test_a_record_that_nobody_can_read_does_not_stop_the_poll(far_house: FarHouse) -> None:
    """Written by a newer revision, say: the other batches come home all the same."""
    document = far_house.send(drawn(PAGES), pages=PAGES, document=2)
    worker = far_house.worker()
    far_house.step(worker)
    far_house.objects.create(f"operations/{1:040x}/0/1-4", b"{}")
    with pytest.raises(Exception, match="could not be looked at"):
        worker.poll()
    far_house.step(worker)
    assert far_house.reading(document) is not None
