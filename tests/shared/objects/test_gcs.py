"""What fake-gcs-server cannot show: keys, checksums, conditions, outages, and what a call costs."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import TransientError, UserError
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import GcsConnection
from shared.objects.port import AlreadyExistsError, GenerationMismatchError, NotFoundError
from tests.shared.objects.json_api import BUCKET, Fault, JsonApi
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
LARGE = 9 * 1024 * 1024
"""Bytes that Google's client sends as a resumable upload."""


@pytest.fixture
def patient(api: JsonApi) -> Iterator[GcsObjects]:
    """Give a store that tries again for as long as these tests need."""
    assert api.count() == 0
    store = GcsObjects(BUCKET, connection=GcsConnection(lenient=False))
    yield store
    store.close()


@pytest.fixture
def hasty(api: JsonApi) -> Iterator[GcsObjects]:
    """Give a store that soon gives up."""
    assert api.count() == 0
    connection = GcsConnection(lenient=False, timeout_s=0.2, deadline_s=0.3)
    store = GcsObjects(BUCKET, connection=connection)
    yield store
    store.close()


@pytest.mark.parametrize("variable", ["K_SERVICE", "CLOUD_RUN_JOB"])
def test_nobody_on_cloud_run_writes_to_an_emulator(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable would send every upload, unencrypted, to whatever listens there."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://10.0.0.1:4443")
    monkeypatch.setenv(variable, "ingest")
    with pytest.raises(UserError, match="unset it"):
        GcsConnection()


def test_each_call_is_one_request(api: JsonApi, patient: GcsObjects) -> None:
    """A document costs dozens of calls, each over a network and each on the bill."""
    info = patient.create("a/b", b"content")
    assert api.asked == [
        f"POST /upload/storage/v1/b/{BUCKET}/o?uploadType=multipart&ifGenerationMatch=0"
    ]
    calls: list[Callable[[], object]] = [
        lambda: patient.read("a/b"),
        lambda: patient.stat("a/b"),
        lambda: patient.stat("nothing"),
        lambda: list(patient.list("a/")),
        lambda: patient.replace("a/b", b"more", generation=info.generation),
        lambda: patient.delete("a/b", generation=7),
        lambda: patient.delete("a/b"),
    ]
    api.count()
    for call in calls:
        call()
        assert api.count() == 1


def test_threads_share_their_connections(api: JsonApi, patient: GcsObjects) -> None:
    """A new connection to Cloud Storage is three round trips."""
    patient.create("a", b"content")

    def work(_number: int) -> None:
        for _ in range(10):
            assert patient.read("a").data == b"content"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert len(api.connections) <= 9


def test_one_of_many_creates_the_object(api: JsonApi, patient: GcsObjects) -> None:
    """Who lost the race is told so."""
    start = threading.Barrier(8)

    def work(number: int) -> int:
        start.wait(PATIENCE_S)
        try:
            patient.create("a", bytes([number]))
        except AlreadyExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 1
    assert len(api.objects) == 1


@pytest.mark.parametrize("size", [7, LARGE])
def test_every_write_names_the_key(api: JsonApi, size: int) -> None:
    """A bucket whose policy asks for a key refuses any other write."""
    api.kms_key = KEY
    data = b"content".ljust(size, b"x")
    plain = GcsObjects(BUCKET, connection=GcsConnection(lenient=False))
    with pytest.raises(TransientError):
        plain.create("a", data)
    keyed = GcsObjects(BUCKET, kms_key_name=KEY, connection=GcsConnection(lenient=False))
    info = keyed.create("a", data)
    with pytest.raises(TransientError):
        plain.replace("a", data, generation=info.generation)
    info = keyed.replace("a", data, generation=info.generation)
    assert keyed.read("a").info == info
    keyed.delete("a")
    assert api.objects == {}


def test_a_large_object_is_created_once(api: JsonApi, patient: GcsObjects) -> None:
    """Above 8 MB Google's client takes another way; the promise is the same."""
    data = os.urandom(LARGE)
    info = patient.create("a", data)
    assert api.count() == 2
    with pytest.raises(AlreadyExistsError):
        patient.create("a", b"x" * LARGE)
    assert patient.read("a").info == info
    assert patient.read("a").data == data


def test_the_emulator_is_looked_at_before_it_is_trusted(bucket: str) -> None:
    """It ignores conditions on large uploads and on deletions; nobody must lose by it."""
    store = GcsObjects(bucket)
    info = store.create("a", b"x" * LARGE)
    with pytest.raises(AlreadyExistsError):
        store.create("a", b"y" * LARGE)
    store.delete("a", generation=info.generation + 1)
    assert store.read("a").data[:1] == b"x"
    store.delete("a", generation=info.generation)
    store.delete("a", generation=info.generation)
    assert store.stat("a") is None
    store.close()


@pytest.mark.parametrize("fault", [Fault.STORE_THEN_503, Fault.STORE_THEN_RESET])
@pytest.mark.parametrize("size", [7, LARGE])
def test_a_write_whose_answer_got_lost_has_written(
    api: JsonApi, patient: GcsObjects, fault: Fault, size: int
) -> None:
    """The second try is told that the name is taken: by us, so it is no lost race."""
    data = b"content".ljust(size, b"x")
    api.faults.extend([fault] if size == 7 else [Fault.SERVE, fault])
    info = patient.create("a", data)
    assert patient.read("a").info == info
    api.faults.extend([fault] if size == 7 else [Fault.SERVE, fault])
    later = patient.replace("a", data[::-1], generation=info.generation)
    assert later.generation > info.generation
    assert patient.read("a").data == data[::-1]


def test_a_lost_race_is_one_also_after_an_outage(api: JsonApi, patient: GcsObjects) -> None:
    """Equal bytes from somebody else are not ours: who won the race publishes."""
    other = GcsObjects(BUCKET, connection=GcsConnection(lenient=False))
    info = other.create("a", b"content")
    api.faults.append(503)
    with pytest.raises(AlreadyExistsError):
        patient.create("a", b"content")
    later = other.replace("a", b"more", generation=info.generation)
    api.faults.append(503)
    with pytest.raises(GenerationMismatchError):
        patient.replace("a", b"more", generation=info.generation)
    assert patient.stat("a") == later


def test_what_somebody_took_away_meanwhile_was_not_replaced(
    api: JsonApi, patient: GcsObjects
) -> None:
    """The object is gone: neither try of ours stands."""
    info = patient.create("a", b"content")
    patient.delete("a")
    api.faults.append(503)
    with pytest.raises(GenerationMismatchError):
        patient.replace("a", b"more", generation=info.generation)


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, 408, Fault.RESET])
def test_a_short_outage_is_waited_for(
    api: JsonApi, patient: GcsObjects, fault: Fault | int
) -> None:
    """Cloud Storage answers so now and then; no worker need hear of it."""
    api.faults.append(fault)
    info = patient.create("a", b"content")
    calls: list[Callable[[], object]] = [
        lambda: patient.read("a").info,
        lambda: patient.stat("a"),
        lambda: next(patient.list("a")),
    ]
    for call in calls:
        api.faults.append(fault)
        assert call() == info
    api.faults.append(fault)
    patient.delete("a")
    assert api.objects == {}


@pytest.mark.parametrize("fault", [503, 429, Fault.RESET, Fault.HANG])
def test_a_long_outage_ends_the_patience(
    api: JsonApi, patient: GcsObjects, hasty: GcsObjects, fault: Fault | int
) -> None:
    """The bus waits better than a request does."""
    info = patient.create("a", b"content")
    # To the end of the test: a request that was given up may reach the server only then.
    api.faults.extend([fault] * 200)
    calls: list[Callable[[], object]] = [
        lambda: hasty.create("b", b"content"),
        lambda: hasty.replace("a", b"more", generation=info.generation),
        lambda: hasty.read("a"),
        lambda: hasty.stat("a"),
        lambda: hasty.delete("a"),
        lambda: list(hasty.list("")),
    ]
    for call in calls:
        with pytest.raises(TransientError):
            call()
    assert len(api.faults) > 100
    assert list(api.objects) == ["a"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_not_argued_with(api: JsonApi, patient: GcsObjects, status: int) -> None:
    """A wrong role or key is repaired by a person; the events wait for that, and are not spent."""
    api.faults.extend([status] * 3)  # Google's session asks again after a 401, with a new token
    with pytest.raises(TransientError):
        patient.stat("a")
    assert api.count() <= 3


def test_bytes_that_changed_on_their_way_up_are_not_stored(
    api: JsonApi, patient: GcsObjects
) -> None:
    """The checksum goes with them, and Cloud Storage compares."""
    api.faults.append(Fault.CORRUPT)
    with pytest.raises(TransientError):
        patient.create("a", b"content")
    assert api.objects == {}
    patient.create("a", b"content")


def test_a_server_that_does_not_compare_is_found_out(
    api: JsonApi, patient: GcsObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says it has stored is not what was sent."""
    patient.create("b", b"other")
    monkeypatch.setattr(api, "upload", lambda *_: (200, api.objects["b"].resource()))
    with pytest.raises(TransientError):
        patient.create("a", b"content")


@pytest.mark.parametrize("fault", [Fault.CORRUPT, Fault.TRUNCATE, Fault.NO_CHECKSUM])
def test_bytes_that_changed_on_their_way_down_are_fetched_again(
    api: JsonApi, patient: GcsObjects, hasty: GcsObjects, fault: Fault
) -> None:
    """A damaged download is an outage, and never a document."""
    patient.create("a", b"content" * 100)
    api.faults.append(fault)
    assert patient.read("a").data == b"content" * 100
    api.faults.extend([fault] * 20)
    with pytest.raises(TransientError):
        hasty.read("a")


def test_a_download_without_a_time_is_looked_up(api: JsonApi, patient: GcsObjects) -> None:
    """The generation that was read is asked for, and no other."""
    info = patient.create("a", b"content")
    api.faults.append(Fault.NO_TIME)
    assert patient.read("a").info == info
    assert api.asked[-1].endswith(
        f"/o/a?generation={info.generation}&projection=noAcl&prettyPrint=false"
    )


def test_an_object_that_goes_while_it_is_looked_up_is_gone(
    api: JsonApi, patient: GcsObjects
) -> None:
    """Its bytes were read, but nobody can say when they were written."""
    patient.create("a", b"content")
    api.faults.extend([Fault.NO_TIME, 404])
    with pytest.raises(NotFoundError):
        patient.read("a")


def test_a_bucket_that_does_not_exist_is_an_outage(api: JsonApi) -> None:
    """A misspelt name must not look like a bucket that everything was removed from."""
    wrong = GcsObjects("no-such-bucket", connection=GcsConnection(lenient=False))
    calls: list[Callable[[], object]] = [
        lambda: wrong.stat("a"),
        lambda: wrong.read("a"),
        lambda: wrong.delete("a"),
        lambda: list(wrong.list("")),
        lambda: wrong.create("a", b""),
    ]
    for call in calls:
        with pytest.raises(TransientError):
            call()
    assert api.objects == {}


def test_an_empty_bucket_is_asked_after_once(api: JsonApi, patient: GcsObjects) -> None:
    """From then on, "not there" is said of objects."""
    for expected in (2, 1, 1):
        with pytest.raises(NotFoundError):
            patient.read("a")
        assert api.count() == expected


def test_a_list_of_several_pages_is_whole_and_lazy(api: JsonApi, patient: GcsObjects) -> None:
    """A million objects are listed a page at a time; an outage between pages is waited for."""
    api.page = 3
    for number in range(8):
        patient.create(f"a/{number}", b"")
    api.count()
    listing = patient.list("a/")
    first = next(listing)
    assert api.count() == 1
    api.faults.append(503)
    assert [first.name, *(info.name for info in listing)] == [f"a/{number}" for number in range(8)]
    assert api.count() == 3


def test_nothing_is_asked_of_the_bucket_itself(api: JsonApi, patient: GcsObjects) -> None:
    """Google's client would look it up in threads of its own, for spans that we do not want."""
    patient.create("a", b"content")
    patient.stat("b")
    patient.delete("b")
    assert not [one for one in api.asked if "/o" not in one.partition("?")[0]]
    assert not [one for one in threading.enumerate() if "_background" in one.name]


def test_nothing_is_opened_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process is built where there are no credentials, and says so when it needs some."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    store = GcsObjects(BUCKET, project="some-project")
    with pytest.raises(TransientError, match="credentials"):
        store.stat("a")


def test_closing_is_not_the_end(api: JsonApi, patient: GcsObjects) -> None:
    """Who closed a store too early opens it again by using it."""
    patient.close()
    patient.create("a", b"content")
    patient.close()
    assert patient.read("a").data == b"content"
    assert len(api.connections) == 2


def test_what_is_raised_shows_no_bytes(api: JsonApi, hasty: GcsObjects) -> None:
    """Errors end up in reports."""
    api.faults.extend([503] * 20)
    with pytest.raises(TransientError) as failed:
        hasty.create("a", b"IBAN DE02 content")
    error: BaseException | None = failed.value
    while error is not None:
        assert "IBAN" not in repr(error)
        error = error.__cause__
