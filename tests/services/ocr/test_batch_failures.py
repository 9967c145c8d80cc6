"""Batches that fail, or leave what cannot be read: waited for, begun again, given up."""

import json

import grpc
import pytest

from services.ocr.adapters.operations import MOST_BATCHES, SLOTS
from tests.emulators.documentai_answers import Json, document, shards_of
from tests.emulators.documentai_faults import Ends, Fault, Leaves
from tests.services.ocr.far_house import A_BATCH, FarHouse, drawn, units

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("_batches_begin_early"),
]


def test_an_operation_that_they_forgot_is_begun_again(far_house: FarHouse) -> None:
    """They keep no operation for ever."""
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    far_house.server.fail("GetOperation", grpc.StatusCode.NOT_FOUND, grpc.StatusCode.NOT_FOUND)
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 2


def test_a_folder_in_another_bucket_is_not_read(far_house: FarHouse) -> None:
    """The attack: an operation that names somebody else's words as the document's."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "60"
    far_house.server.fail("BatchProcessDocuments", Fault.ELSEWHERE)
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is None
    assert far_house.reasons() == ["pages_missing"]


def test_a_batch_that_never_ends_is_given_up(far_house: FarHouse) -> None:
    """Past its deadline the document is in quarantine, where somebody sees it."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "3000"
    far_house.server.hold()
    worker = far_house.worker()
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    far_house.clock.sleep(3001)
    far_house.settle(worker)
    assert far_house.reasons() == ["pages_missing"]
    assert far_house.left() == []


def test_a_missing_shard_is_waited_for_and_then_given_up(far_house: FarHouse) -> None:
    """It may come; past the deadline it does not, and no page is passed over."""
    far_house.settings["DOCLEDGER_OCR_BATCH_DEADLINE_S"] = "3000"
    far_house.server.fail("BatchProcessDocuments", Fault.TRUNCATE)
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    for _ in range(30):
        far_house.step(worker)
        worker.poll()
        far_house.clock.sleep(80)
    assert far_house.reasons() == []
    far_house.settle(worker)
    assert far_house.reasons() == ["pages_missing"]
    assert far_house.reading(document) is None
    assert far_house.left() == []


def shard(*, ends: int = 0, **told: str) -> Leaves:
    """Return a batch's only shard, with something out of place.

    Args:
        ends: index of the text's end that its first word names; 0 leaves it.
        told: of the shard's place.
    """
    lines = [[f"page {number}"] for number in range(1, A_BATCH + 1)]
    (made,) = shards_of(document(lines), per_shard=A_BATCH)
    made["shardInfo"] |= told
    if ends:
        anchor: Json = made["pages"][0]["tokens"][0]["layout"]["textAnchor"]
        anchor["textSegments"][0]["endIndex"] = str(ends)
    return Leaves(json.dumps(made).encode())


@pytest.mark.parametrize(
    "fault",
    [
        Fault.HALF,
        Leaves(b""),
        Leaves(b"\xff\xfe"),
        Leaves(b"[]"),
        Leaves(b'{"pages": 5}'),
        Leaves(b"[" * 100_000),
        shard(ends=10_000),
        shard(shardIndex="4", shardCount="2"),
        shard(shardCount="900000000000"),
    ],
    ids=["half", "empty", "bytes", "list", "pages", "deep", "anchors", "index", "count"],
)
def test_a_shard_that_nobody_can_read_is_not_waited_for(
    far_house: FarHouse, fault: Fault | Leaves
) -> None:
    """It is there whole and stays as it is: a day later it would say the same."""
    far_house.server.fail("BatchProcessDocuments", fault)
    worker = far_house.worker()
    sent = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    worker.poll()
    far_house.step(worker)
    assert far_house.reasons() == ["unreadable"]
    assert far_house.reading(sent) is None
    assert far_house.left() == []
    assert list(far_house.objects.list(SLOTS)) == []
    assert units(far_house) == {"first": A_BATCH}
    ((_, record),) = far_house.quarantine.list()
    assert record.error is None
    far_house.bus.publish([far_house.again(record, replay=1)])
    far_house.settle(worker)
    assert far_house.reading(sent) is not None
    assert sum(units(far_house).values()) == far_house.server.pages == 2 * A_BATCH
    assert list(far_house.objects.list("operations/")) == []


def test_a_shard_that_comes_late_is_read(far_house: FarHouse) -> None:
    """Waiting was worth it."""
    far_house.server.fail("BatchProcessDocuments", Fault.TRUNCATE)
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
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
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 2
    assert far_house.left() == []


def test_an_operation_that_failed_for_the_file_is_quarantined(far_house: FarHouse) -> None:
    """Begun again, it would fail again and be paid for each time."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["unreadable"]
    assert far_house.server.count("BatchProcessDocuments") == 1
    assert far_house.left() == []


def test_what_was_given_up_is_not_begun_again_but_by_a_replay(far_house: FarHouse) -> None:
    """A copy of the event comes late: it must not pay for what is in quarantine."""
    far_house.server.fail("BatchProcessDocuments", Ends(grpc.StatusCode.INVALID_ARGUMENT))
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
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
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
    worker = far_house.worker()
    far_house.settle(worker)
    assert list(far_house.objects.list("operations/")) != []
    far_house.clock.sleep(2 * 90_000 + 60)
    worker.poll()
    assert list(far_house.objects.list("operations/")) == []


def test_a_poll_that_cannot_look_at_one_looks_at_the_others(far_house: FarHouse) -> None:
    """One refusal must not stop the site."""
    far_house.server.hold()
    worker = far_house.worker()
    for number in (1, 2):
        far_house.send(drawn(A_BATCH), pages=A_BATCH, document=number)
    far_house.step(worker, most=2)
    far_house.server.let_go()
    far_house.server.fail("GetOperation", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(Exception, match="could not be looked at"):
        worker.poll()
    assert far_house.step(worker)


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
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["attempts_exhausted"]
    assert far_house.server.count("BatchProcessDocuments") == MOST_BATCHES
    assert units(far_house) == {"first": 4.0, "repeated": 4.0 * (MOST_BATCHES - 1)}
    assert far_house.left() == []


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED]
)
def test_batches_that_a_missing_grant_ends_are_begun_until_it_is_there(
    far_house: FarHouse, code: grpc.StatusCode
) -> None:
    """Document AI itself reads and writes the bucket: no document is at fault if it may not."""
    far_house.server.fail_always("BatchProcessDocuments", Ends(code))
    worker = far_house.worker()
    sent = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    while far_house.server.count("BatchProcessDocuments") < 2 * MOST_BATCHES:
        far_house.step(worker)
        far_house.clock.sleep(600)
        worker.poll()
    assert far_house.reasons() == []
    far_house.server.fail_always("BatchProcessDocuments", None)
    far_house.settle(worker)
    assert far_house.reading(sent) is not None
    assert far_house.left() == []
    assert list(far_house.objects.list("operations/")) == []
    assert units(far_house)["first"] == A_BATCH


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


def test_a_record_that_nobody_can_read_does_not_stop_the_poll(far_house: FarHouse) -> None:
    """Written by a newer revision, say: the other batches come home all the same."""
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH, document=2)
    worker = far_house.worker()
    far_house.step(worker)
    far_house.objects.create(f"operations/{1:040x}/0/1-4", b"{}")
    with pytest.raises(Exception, match="could not be looked at"):
        worker.poll()
    far_house.step(worker)
    assert far_house.reading(document) is not None
