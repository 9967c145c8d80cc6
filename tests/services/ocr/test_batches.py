"""Long documents, read in batches: nothing is lost whoever dies, nothing is left behind."""

import pytest

from tests.services.ocr.far_house import A_BATCH, FarHouse, Killed, drawn, dying, units, words_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("_batches_begin_early"),
]


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
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
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
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
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
    documents = [far_house.send(drawn(A_BATCH), pages=A_BATCH, document=n) for n in range(1, 6)]
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
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    assert far_house.server.count("BatchProcessDocuments") == 1
    far_house.server.let_go()
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.server.count("BatchProcessDocuments") == 1


def test_a_poll_that_tells_too_early_tells_once_more(far_house: FarHouse) -> None:
    """Two servers of theirs may disagree for a moment on whether a batch has ended."""
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    worker.poll()
    far_house.server.deny_once()
    far_house.step(worker)
    assert far_house.reading(document) is None
    far_house.settle(worker)
    assert far_house.reading(document) is not None


def test_shards_out_of_order_are_put_in_order(far_house: FarHouse) -> None:
    """The name of a shard's file says nothing; its index does."""
    far_house.server.unordered = True
    document = far_house.send(drawn(62), pages=62)
    far_house.settle(far_house.worker())
    reading = far_house.reading(document)
    assert reading is not None
    assert list(words_of(reading)) == [f"page {n} of 62" for n in range(1, 63)]


def test_an_erased_document_leaves_nothing_behind(far_house: FarHouse) -> None:
    """The pages in the bucket are not sealed: they must not outlive their document."""
    far_house.server.hold()
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    assert far_house.left() != []
    far_house.tombstones.put(document, at=far_house.clock.now())
    worker.poll()
    assert far_house.left() == []
    assert list(far_house.objects.list("operations/")) == []


def test_the_pages_do_not_lie_there_longer_than_they_are_read(far_house: FarHouse) -> None:
    """The poll removes them with the first look after the batch has ended."""
    worker = far_house.worker()
    far_house.send(drawn(A_BATCH), pages=A_BATCH)
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
    document = far_house.send(drawn(A_BATCH, says="Confidential"), pages=A_BATCH)
    far_house.step(far_house.worker())
    assert far_house.left() == [f"input/{document}/0/1-4"]
    (record,) = (
        far_house.objects.read(info.name).data
        for info in far_house.objects.list("operations/" + document)
    )
    assert b"Confidential" not in record


def test_what_a_batch_leaves_after_its_document_was_erased_goes_too(far_house: FarHouse) -> None:
    """It still ran: what it read must not lie there until somebody tidies up."""
    far_house.server.hold()
    worker = far_house.worker()
    document = far_house.send(drawn(A_BATCH), pages=A_BATCH)
    far_house.step(worker)
    far_house.tombstones.put(document, at=far_house.clock.now())
    worker.poll()
    far_house.bucket.create(f"output/{document}/0/1-4/1/0/shard-0.json", b"what it read")
    worker.poll()
    assert far_house.left() == []
