"""Who may begin a batch, and who waits for a turn: ten run at once, and nobody keeps a place."""

import json

import pytest

from services.ocr.adapters.operations import SLOTS
from shared.events.codec import from_structured
from shared.telemetry.reasons import QuarantineReason
from tests.services.ocr.far_house import A_BATCH, FarHouse, Killed, drawn, dying, units

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("_batches_begin_early"),
]


def test_no_more_batches_run_than_are_allowed(far_house: FarHouse) -> None:
    """The reservation holds whoever asks; those who wait are read as soon as one has ended."""
    far_house.server.hold()
    workers = [far_house.worker(f"w{number}") for number in range(3)]
    documents = [far_house.send(drawn(A_BATCH), pages=A_BATCH, document=n) for n in range(1, 13)]
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
        far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number)
    while far_house.step(worker):
        pass
    waiting = []
    for number in (3, 2, 1):
        waiting.append(far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number))
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
    documents = [far_house.send(drawn(A_BATCH), pages=A_BATCH, document=n) for n in range(1, 12)]
    while far_house.step(worker):
        pass
    far_house.tombstones.put(documents[-1], at=far_house.clock.now())
    worker.poll()
    records = [info.name for info in far_house.objects.list("operations/" + documents[-1])]
    assert records == []


def test_a_place_that_nobody_used_is_given_back(far_house: FarHouse) -> None:
    """A worker dies with a reservation, and its document is erased: others must have the place."""
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    with pytest.raises(Killed):
        far_house.settle(far_house.worker(objects=dying(far_house.objects, "/1-4")))
    far_house.tombstones.put(document, at=far_house.clock.now())
    assert far_house.left() != []
    far_house.clock.sleep(16 * 60)
    worker = far_house.worker("w2")
    worker.poll()
    assert list(far_house.objects.list("operations/")) == []
    assert far_house.left() == []


def test_a_file_that_waited_for_its_turn_and_is_no_document_is_given_up(
    far_house: FarHouse,
) -> None:
    """The attack: its event came back with every poll, for ever, in the turns of others."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in range(1, 11):
        far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number)
    while far_house.step(worker, most=4):
        pass
    poison = far_house.send(b"%PDF-1.4 nothing", pages=A_BATCH, document=11)
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
        far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number)
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
        far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number)
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
