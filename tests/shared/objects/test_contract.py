"""What every object store promises; the same suite runs on each implementation."""

from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import FakeClock
from shared.objects.directory import DirectoryObjects
from shared.objects.memory import MemoryObjects
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectInfo,
    ObjectStore,
)
from shared.objects.sqlite import SqliteObjects

AnyStore = ObjectStore


def names(store: ObjectStore, prefix: str = "") -> list[str]:
    """List names."""
    return [info.name for info in store.list(prefix)]


def test_what_was_created_is_read_back(store: AnyStore, clock: FakeClock) -> None:
    """Bytes, size and time are those of the write."""
    info = store.create("originals/ab", b"bytes")
    assert info == ObjectInfo("originals/ab", info.generation, 5, clock.now())
    assert info.generation > 0
    stored = store.read("originals/ab")
    assert (stored.info, stored.data) == (info, b"bytes")
    assert store.stat("originals/ab") == info


def test_a_taken_name_is_left_as_it_is(store: AnyStore) -> None:
    """Results are create-only: who lost the race uses the winner's."""
    first = store.create("results/a", b"first")
    with pytest.raises(AlreadyExistsError):
        store.create("results/a", b"second")
    assert store.read("results/a").data == b"first"
    assert store.stat("results/a") == first


def test_an_empty_object_is_an_object(store: AnyStore) -> None:
    """A blank page has a result too."""
    store.create("a", b"")
    assert store.read("a").data == b""
    with pytest.raises(AlreadyExistsError):
        store.create("a", b"x")


def test_what_is_not_there_is_not_found(store: AnyStore) -> None:
    """Absence is an answer, not an outage."""
    store.create("a/b", b"")
    for name in ("x", "x/y", "a/c", "a", "a/b/c"):
        assert store.stat(name) is None
        with pytest.raises(NotFoundError):
            store.read(name)


def test_replacing_the_generation_that_was_read_succeeds(store: AnyStore) -> None:
    """Compare-and-swap is what leases are made of."""
    first = store.create("leases/a", b"1")
    second = store.replace("leases/a", b"2", generation=first.generation)
    assert second.generation > first.generation
    assert store.read("leases/a").data == b"2"
    assert store.stat("leases/a") == second


def test_replacing_another_generation_changes_nothing(store: AnyStore) -> None:
    """Who lost a lease must not take it back."""
    first = store.create("leases/a", b"1")
    second = store.replace("leases/a", b"2", generation=first.generation)
    for generation in (first.generation, second.generation + 1, 0):
        with pytest.raises(GenerationMismatchError):
            store.replace("leases/a", b"3", generation=generation)
    assert store.read("leases/a").info == second


def test_replacing_what_is_gone_fails(store: AnyStore) -> None:
    """A finished lease does not come back."""
    first = store.create("leases/a", b"1")
    store.delete("leases/a")
    for name in ("leases/a", "leases/b", "nowhere/b"):
        with pytest.raises(GenerationMismatchError):
            store.replace(name, b"2", generation=first.generation)
    assert names(store) == []


def test_every_write_of_a_name_has_a_greater_generation(store: AnyStore) -> None:
    """A reference names one version exactly, also after a deletion, also when no time passes."""
    seen = 0
    for _ in range(5):
        info = store.create("a", b"")
        assert info.generation > seen
        info = store.replace("a", b"x", generation=info.generation)
        seen = info.generation
        store.delete("a")


def test_deleting_removes_and_is_idempotent(store: AnyStore) -> None:
    """A crash after deleting repeats it."""
    store.create("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    store.delete("a")
    assert store.stat("a/b") is None
    assert names(store) == []


def test_the_time_is_that_of_the_last_write(store: AnyStore, clock: FakeClock) -> None:
    """The sweeper looks for uploads older than their deadline."""
    first = store.create("inbox/a", b"")
    clock.sleep(90)
    second = store.replace("inbox/a", b"", generation=first.generation)
    assert second.updated - first.updated == timedelta(seconds=90)


def test_a_list_is_ordered_by_name(store: AnyStore) -> None:
    """Folders sort as part of the name, as they do in a bucket."""
    unordered = ["b", "a/b", "a-b", "a.b/c", "a/a", "a0/x", "a=b", "A", "a/b-c/d", "a/b.c"]
    for name in unordered:
        store.create(name, b"")
    assert names(store) == sorted(unordered)


def test_a_list_takes_any_prefix(store: AnyStore) -> None:
    """A prefix is of the name, not of the path."""
    for name in ("results/ocr/a1/0", "results/ocr/a2/0", "results/ledger/a1/0", "resultsx"):
        store.create(name, b"")
    assert names(store, "results/ocr/a") == ["results/ocr/a1/0", "results/ocr/a2/0"]
    assert names(store, "results/ocr/a1/") == ["results/ocr/a1/0"]
    assert names(store, "results/ocr/a1/0") == ["results/ocr/a1/0"]
    assert names(store, "results/") == [
        "results/ledger/a1/0",
        "results/ocr/a1/0",
        "results/ocr/a2/0",
    ]
    assert names(store, "results/ocr/a1/0/") == []
    assert names(store, "nothing/here") == []
    assert [info.name for info in store.list("resultsx")] == ["resultsx"]


def test_deleting_a_generation_leaves_a_later_one(store: AnyStore) -> None:
    """Who comes late must not remove what somebody else has written meanwhile."""
    first = store.create("a", b"1")
    second = store.replace("a", b"2", generation=first.generation)
    store.delete("a", generation=first.generation)
    assert store.read("a").data == b"2"
    store.delete("a", generation=second.generation)
    store.delete("a", generation=second.generation)
    assert store.stat("a") is None


def test_a_list_survives_deletions_on_the_way(store: AnyStore) -> None:
    """Another process may delete while one lists."""
    for name in ("a", "b", "c"):
        store.create(name, b"")
    listing = store.list("")
    next(listing)
    store.delete("c")
    assert {"b"} <= {info.name for info in listing} <= {"b", "c"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../outside",
        "a/../../outside",
        "a/./b",
        ".",
        "..",
        "a//b",
        "a/",
        "a\\b",
        "a b",
        "a\nb",
        "a\0b",
        "~tmp/a",
        "\u00e4",
        "a" * 256,
        "/".join(["a" * 100] * 6),
    ],
)
def test_a_name_that_we_never_make_is_refused(store: AnyStore, name: str) -> None:
    """No name leads out of the store, and none means two things on two file systems."""
    with pytest.raises(ValueError, match="name"):
        store.create(name, b"x")
    with pytest.raises(ValueError, match="name"):
        store.read(name)
    with pytest.raises(ValueError, match="name"):
        store.stat(name)
    with pytest.raises(ValueError, match="name"):
        store.replace(name, b"x", generation=1)
    with pytest.raises(ValueError, match="name"):
        store.delete(name)


@pytest.mark.parametrize("prefix", ["../", "/", "a/../b", "./", "a//", "~", "a b", "a\n"])
def test_a_prefix_that_no_name_begins_with_is_refused(store: AnyStore, prefix: str) -> None:
    """Listing does not lead out of the store either."""
    with pytest.raises(ValueError, match="prefix"):
        next(store.list(prefix), None)


def test_a_hidden_looking_name_is_a_name(store: AnyStore) -> None:
    """Dots are refused only where they climb."""
    store.create(".well-known/..x", b"")
    assert names(store) == [".well-known/..x"]


def test_no_name_is_a_folder_of_another(foldered: AnyStore) -> None:
    """A directory cannot hold both; the fake says so too, before production does."""
    store = foldered
    store.create("a/b", b"x")
    for name in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(ValueError, match="folder"):
            store.create(name, b"y")
    store.delete("a/b")
    with pytest.raises(ValueError, match="folder"):
        store.create("a", b"y")
    assert names(store) == []


def test_content_is_not_shown_when_printed(store: AnyStore) -> None:
    """Objects end up in error reports."""
    store.create("a", b"ACME GmbH")
    assert "ACME" not in repr(store.read("a"))


Operation = tuple[str, str, bytes]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    operations=st.lists(
        st.tuples(
            st.sampled_from(["create", "replace", "stale", "delete", "list"]),
            st.sampled_from(["a", "b/c", "b/d"]),
            st.binary(max_size=3),
        ),
        max_size=20,
    )
)
def test_all_stores_answer_alike(
    tmp_path_factory: pytest.TempPathFactory, operations: list[Operation]
) -> None:
    """The simulation may trust the fake."""
    clock = FakeClock()
    folder = tmp_path_factory.mktemp("o")
    with closing(SqliteObjects(folder / "small.sqlite", clock=clock)) as small:
        stores: list[AnyStore] = [
            MemoryObjects(clock),
            DirectoryObjects(folder / "objects", clock=clock),
            small,
        ]
        for operation, name, data in operations:
            memory, *others = (answer(store, operation, name, data) for store in stores)
            assert others == [memory, memory]


def answer(store: AnyStore, operation: str, name: str, data: bytes) -> object:
    """Do one thing and return what can be compared."""
    there = store.stat(name)
    generation = there.generation if there else 1
    try:
        if operation == "create":
            return store.create(name, data).size
        if operation == "replace":
            return store.replace(name, data, generation=generation).size
        if operation == "stale":
            return store.replace(name, data, generation=generation - 1).size
        if operation == "delete":
            store.delete(name)
            return None
    except (AlreadyExistsError, GenerationMismatchError) as error:
        return type(error)
    return [(info.name, store.read(info.name).data) for info in store.list("")]
