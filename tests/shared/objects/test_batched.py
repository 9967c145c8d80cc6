"""What only the batching view promises: nobody sees, and nothing is, before the flush."""

from pathlib import Path

import pytest

from shared.errors import TransientError
from shared.objects.batched import MOST_BYTES, BatchedObjects
from shared.objects.directory import DirectoryObjects
from shared.objects.port import AlreadyExistsError, GenerationMismatchError


def names(store: DirectoryObjects | BatchedObjects, prefix: str = "") -> list[str]:
    """List names."""
    return [info.name for info in store.list(prefix)]


def test_others_see_nothing_before_the_flush(directory: DirectoryObjects) -> None:
    """A result that a power cut could still take must not be referred to."""
    batch = BatchedObjects(directory)
    info = batch.create("results/a", b"x")
    assert (batch.stat("results/a"), batch.read("results/a").data) == (info, b"x")
    assert names(batch) == ["results/a"]
    assert names(directory) == []
    batch.flush()
    assert directory.stat("results/a") == info
    assert names(batch) == ["results/a"]


def test_a_crash_before_the_flush_leaves_nothing(root: Path, directory: DirectoryObjects) -> None:
    """The batch's deliveries come again and begin afresh."""
    BatchedObjects(directory).create("results/a", b"x")
    assert names(DirectoryObjects(root)) == []


def test_a_lost_race_drops_the_batch_and_keeps_the_winner(directory: DirectoryObjects) -> None:
    """Events of the loser refer to bytes that are not there: they must not be published."""
    batch = BatchedObjects(directory)
    batch.create("results/a", b"ours")
    directory.create("results/a", b"theirs")
    with pytest.raises(TransientError, match="another worker"):
        batch.flush()
    assert batch.read("results/a").data == b"theirs"
    batch.flush()


def test_a_failed_flush_drops_what_waited(
    directory: DirectoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a redelivery would find a result in memory that no disk has."""

    def full(_objects: object) -> None:
        raise TransientError("full")

    batch = BatchedObjects(directory)
    batch.create("results/a", b"x")
    monkeypatch.setattr(directory, "create_all", full)
    with pytest.raises(TransientError):
        batch.flush()
    assert batch.stat("results/a") is None


def test_a_taken_name_is_taken_before_the_flush_too(directory: DirectoryObjects) -> None:
    """The same event twice in one batch has one result."""
    directory.create("results/old", b"1")
    batch = BatchedObjects(directory)
    batch.create("results/new", b"1")
    for name in ("results/old", "results/new"):
        with pytest.raises(AlreadyExistsError):
            batch.create(name, b"2")


def test_a_large_object_is_durable_at_once(directory: DirectoryObjects) -> None:
    """Memory is for small things."""
    BatchedObjects(directory).create("originals/a", bytes(MOST_BYTES + 1))
    assert names(directory) == ["originals/a"]


def test_what_waits_is_written_before_it_is_replaced(directory: DirectoryObjects) -> None:
    """A replacement must not overtake what it replaces."""
    batch = BatchedObjects(directory)
    info = batch.create("a", b"1")
    with pytest.raises(GenerationMismatchError):
        batch.replace("a", b"2", generation=info.generation + 1)
    batch.replace("a", b"2", generation=info.generation)
    assert directory.read("a").data == b"2"


def test_what_waits_and_is_deleted_is_never_written(directory: DirectoryObjects) -> None:
    """Refused bytes are not kept."""
    batch = BatchedObjects(directory)
    batch.create("a", b"1")
    batch.delete("a")
    batch.flush()
    assert names(directory) == []


def test_a_list_is_of_both(directory: DirectoryObjects) -> None:
    """Page ranges of one document may lie in both."""
    directory.create("pages/2", b"")
    batch = BatchedObjects(directory)
    for name in ("pages/1", "pages/3", "other"):
        batch.create(name, b"")
    assert names(batch, "pages/") == ["pages/1", "pages/2", "pages/3"]
