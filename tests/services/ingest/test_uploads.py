"""Uploads buckets: one suite on the fake, on fake-gcs-server and on a strict server."""

import gzip
import os
from collections.abc import Iterator
from typing import Final, Protocol

import pytest
from google.cloud.storage import Client

from services.ingest.adapters.uploads import GcsUploads
from services.ingest.ports import Dropped, OversizeError, Uploads
from services.ingest.uploads_memory import MemoryUploads
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.objects.gcs_connection import EMULATOR, GcsConnection
from tests.shared.objects.json_api import BUCKET, Fault, JsonApi, Stored, crc32c
from tests.waiting import PATIENCE_S

KINDS: Final = ("memory", "strict", "fake-gcs-server")
NAMES: Final = ("a.pdf", "a\r\nb.pdf", "Größe/€ 😀.pdf", "100%/a?b=c#d&e.pdf", "a//b/", "é" * 512)
_ON_A_SOCKET: Final = (pytest.mark.integration, pytest.mark.enable_socket)


class Place(Protocol):
    """Buckets, and somebody who drops files in them."""

    bucket: str

    @property
    def uploads(self) -> Uploads:
        """The buckets."""
        ...

    def drop(self, name: str, content: bytes) -> Dropped:
        """Do what a sender does."""
        ...


class MemoryPlace:
    bucket = "acme-uploads"

    def __init__(self) -> None:
        self.uploads = MemoryUploads(FakeClock())

    def drop(self, name: str, content: bytes) -> Dropped:
        return self.uploads.drop(self.bucket, name, content)


class StrictPlace:
    bucket = BUCKET

    def __init__(self, api: JsonApi, *, timeout_s: float) -> None:
        self.api = api
        self.connection = GcsConnection(lenient=False, timeout_s=timeout_s, deadline_s=0.5)
        self.uploads = GcsUploads(self.connection)

    def drop(self, name: str, content: bytes) -> Dropped:
        said = {"name": name, "crc32c": crc32c(content), "contentType": "application/pdf"}
        self.api.upload({}, said, content)
        return dropped_as(self.api.objects[name])


class EmulatedPlace:
    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.client = Client(project="test")
        self.uploads = GcsUploads(GcsConnection())

    def drop(self, name: str, content: bytes) -> Dropped:
        blob = self.client.bucket(self.bucket).blob(name)
        blob.upload_from_string(content)
        return Dropped(self.bucket, name, blob.generation, blob.size, blob.updated)


def dropped_as(stored: Stored) -> Dropped:
    return Dropped(BUCKET, stored.name, stored.generation, len(stored.data), stored.updated)


@pytest.fixture(
    params=[pytest.param(kind, marks=() if kind == "memory" else _ON_A_SOCKET) for kind in KINDS]
)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Give an empty bucket of each kind in turn."""
    if request.param == "memory":
        yield MemoryPlace()
    elif request.param == "strict":
        yield request.getfixturevalue("strict")
    else:
        monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        emulated = EmulatedPlace(request.getfixturevalue("bucket"))
        yield emulated
        emulated.client.close()


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictPlace]:
    """Give a bucket on a server that refuses what Cloud Storage refuses."""
    api = JsonApi(FakeClock())
    with api.serving() as url:
        monkeypatch.setenv(EMULATOR, url)
        place = StrictPlace(api, timeout_s=PATIENCE_S)
        yield place
        place.connection.close()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_dropped_is_read_and_removed(place: Place, name: str) -> None:
    """Whatever a sender calls a file, it is this one."""
    other = place.drop("other.pdf", b"other")
    dropped = place.drop(name, b"content")
    assert place.uploads.open(dropped, most_bytes=7) == b"content"
    place.uploads.delete(dropped)
    place.uploads.delete(dropped)
    with pytest.raises(LookupError):
        place.uploads.open(dropped, most_bytes=7)
    assert place.uploads.open(other, most_bytes=7) == b"other"


def test_another_generation_is_another_file(place: Place) -> None:
    """What is read is what the notification told of; what is deleted is what was read."""
    first = place.drop("a.pdf", b"first")
    second = place.drop("a.pdf", b"second")
    with pytest.raises(LookupError):
        place.uploads.open(first, most_bytes=100)
    place.uploads.delete(first)
    assert place.uploads.open(second, most_bytes=100) == b"second"


def test_a_large_file_is_not_read(place: Place) -> None:
    """Whatever the notification said of its size."""
    dropped = place.drop("film.pdf", b"x" * 101)
    with pytest.raises(OversizeError) as large:
        place.uploads.open(dropped, most_bytes=100)
    assert large.value.size == 101


def test_a_list_tells_everything_that_a_sweep_needs(place: Place) -> None:
    """Name, generation, size and age, by name."""
    dropped = [place.drop(name, b"content") for name in sorted(NAMES[:3])]
    assert list(place.uploads.list(place.bucket)) == dropped
    assert all(one.updated is not None for one in dropped)


@pytest.mark.integration
@pytest.mark.enable_socket
def test_what_was_uploaded_compressed_stays_so(strict: StrictPlace) -> None:
    """It would be unpacked on its way, to any size: a limit on files must hold before that."""
    packed = gzip.compress(bytes(100_000))
    dropped = strict.drop("a.pdf", packed)
    strict.api.objects["a.pdf"].encoding = "gzip"
    assert strict.uploads.open(dropped, most_bytes=10_000) == packed


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.parametrize("fault", [503, 403, Fault.RESET, Fault.HANG, Fault.CORRUPT])
def test_an_outage_is_no_answer(strict: StrictPlace, fault: Fault | int) -> None:
    """Least of all that the file is gone."""
    hasty = StrictPlace(strict.api, timeout_s=0.5)
    dropped = hasty.drop("a.pdf", b"content")
    # To the end of the test: a request that was given up may reach the server only then.
    strict.api.faults.extend([Fault.SERVE, *[fault] * 200])
    with pytest.raises(TransientError):
        hasty.uploads.open(dropped, most_bytes=100)
    if fault is not Fault.CORRUPT:
        with pytest.raises(TransientError):
            hasty.uploads.delete(dropped)
        with pytest.raises(TransientError):
            list(hasty.uploads.list(BUCKET))
    assert "a.pdf" in strict.api.objects
    hasty.connection.close()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_list_of_several_pages_is_whole(strict: StrictPlace) -> None:
    """A bucket may have been filled for a year before we looked."""
    strict.api.page = 2
    dropped = [strict.drop(f"{number}.pdf", os.urandom(9)) for number in range(5)]
    assert list(strict.uploads.list(BUCKET)) == dropped
    with pytest.raises(TransientError, match="bucket"):
        list(strict.uploads.list("no-such-bucket"))


@pytest.mark.integration
@pytest.mark.enable_socket
def test_taking_a_file_is_three_requests(strict: StrictPlace) -> None:
    """How large it is, its bytes, and its removal."""
    dropped = strict.drop("a.pdf", b"content")
    strict.api.count()
    strict.uploads.open(dropped, most_bytes=100)
    strict.uploads.delete(dropped)
    assert strict.api.count() == 3
