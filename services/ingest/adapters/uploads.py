"""Uploads buckets on Cloud Storage.

Needs ``storage.objects.{get,list,delete}`` on them. Objects under a hold or a retention policy
cannot be deleted: an uploads bucket has neither, nor versions, nor soft delete.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob

from services.ingest.ports import Dropped, OversizeError
from shared.errors import TransientError
from shared.objects.gcs_connection import GcsConnection

_PAGE: Final = 1000
_FIELDS: Final = "items(name,generation,size,updated),nextPageToken"


class GcsUploads:
    """What people dropped, read and removed at exactly one generation. Thread-safe.

    Args:
        connection: to Cloud Storage.
    """

    def __init__(self, connection: GcsConnection) -> None:
        self._connection = connection

    def open(self, dropped: Dropped, *, most_bytes: int) -> bytes:
        """Return the object's bytes; see ``services.ingest.ports.Uploads``."""
        try:
            # Asked first: a notification need not know the size, and memory is not for finding out.
            size = int(self._reloaded(dropped).size)
            if size > most_bytes:
                raise OversizeError(size)
            return self._connection.call(lambda _: self._downloaded(dropped))
        except NotFound as err:
            raise LookupError("the object is gone") from err

    def delete(self, dropped: Dropped) -> None:
        """Remove exactly that generation; no error when it is gone."""
        try:
            if self._connection.lenient and not self._stands(dropped):
                return  # fake-gcs-server ignores which generation it is asked to delete
            blob = self._blob(dropped)
            self._connection.call(
                lambda _: blob.delete(timeout=self._connection.timeout, retry=None)
            )
        except (NotFound, PreconditionFailed):
            return

    def list(self, bucket: str) -> Iterator[Dropped]:
        """Yield what lies in a bucket, by name."""
        token: str | None = None
        while True:
            found, token = self._page(bucket, token)
            yield from found
            if not token:
                return

    def _page(self, bucket: str, token: str | None) -> tuple[Sequence[Dropped], str | None]:
        def once(_failed: int) -> tuple[Sequence[Dropped], str | None]:
            listing = self._connection.client.list_blobs(
                bucket,
                page_size=_PAGE,
                page_token=token,
                fields=_FIELDS,
                timeout=self._connection.timeout,
                retry=None,
            )
            page = [
                Dropped(bucket, one.name, int(one.generation), int(one.size), one.updated)
                for one in next(listing.pages, ())
            ]
            return page, listing.next_page_token

        try:
            return self._connection.call(once)
        except NotFound as err:
            raise TransientError("an uploads bucket does not exist") from err

    def _reloaded(self, dropped: Dropped) -> Blob:
        def once(_failed: int) -> Blob:
            blob = self._blob(dropped)
            blob.reload(timeout=self._connection.timeout, retry=None)
            return blob

        return self._connection.call(once)

    def _downloaded(self, dropped: Dropped) -> bytes:
        # Raw: what was uploaded compressed would be unpacked on its way, to any size.
        data: bytes = self._blob(dropped).download_as_bytes(
            raw_download=True, checksum="crc32c", timeout=self._connection.timeout, retry=None
        )
        return data

    def _stands(self, dropped: Dropped) -> bool:
        blob = self._blob(dropped, any_generation=True)
        self._connection.call(lambda _: blob.reload(timeout=self._connection.timeout, retry=None))
        return int(blob.generation) == dropped.generation

    def _blob(self, dropped: Dropped, *, any_generation: bool = False) -> Blob:
        generation = None if any_generation else dropped.generation
        return self._connection.bucket(dropped.bucket).blob(dropped.name, generation=generation)
