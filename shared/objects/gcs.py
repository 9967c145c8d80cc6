"""Objects in a Cloud Storage bucket.

Needs ``storage.objects.list`` on the bucket, or Cloud Storage answers 403 for an object that is
not there; ``create`` and ``get`` on the prefixes that it writes in, and ``delete`` only where it
deletes or replaces. Who may create and not delete may be answered 403, too, for a name that is
taken. The bucket keeps no versions (an object that is deleted shall be gone), and no soft-deleted
ones where keys lie.

Every write carries a random mark in the object's metadata. A try whose answer got lost may have
written; the next try is then told that the name is taken, and the mark says by whom.
"""

import base64
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import google_crc32c
from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
from google.cloud.storage import Blob

from shared.errors import TransientError
from shared.objects.gcs_connection import GcsConnection
from shared.objects.names import checked_name, checked_prefix
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectInfo,
    StoredObject,
)

MARK: Final = "docledger-write"
"""The metadata entry that says which call of ours wrote an object."""

_NO_BUCKET: Final = "the bucket does not exist"
_ONE_REQUEST: Final = 8 * 1024 * 1024  # what is larger, Google's client sends as a resumable upload
_PAGE: Final = 1000  # Cloud Storage's most
_FIELDS: Final = "items(name,generation,size,updated),nextPageToken"


@dataclass(frozen=True, slots=True)
class Served:
    """What a reader who is no client of ours is told of an object besides its bytes.

    Attributes:
        content_type: its media type.
        cache_control: for how long it may be kept (RFC 9111); what the bucket's kind says when
            None: an hour, where everybody may read.
    """

    content_type: str = "application/octet-stream"
    cache_control: str | None = None


_PLAIN: Final = Served()


def _plainly(_name: str) -> Served:
    return _PLAIN


class GcsObjects:
    """An object store on one bucket. Thread-safe; nothing is opened before the first call.

    Times have whole seconds, as a download tells them.

    Args:
        bucket: its name; it exists.
        project: see ``GcsConnection``.
        kms_key_name: the key that every write asks for, ``projects/…/cryptoKeys/…``; the bucket's
            default key when None.
        served: how the object of a name travels to others.
        timeout_s: see ``GcsConnection``.
        deadline_s: see ``GcsConnection``.
        connection: shared with other stores of this process; one of its own when None.
    """

    def __init__(  # noqa: PLR0913 - what can be set about a client
        self,
        bucket: str,
        *,
        project: str | None = None,
        kms_key_name: str | None = None,
        served: Callable[[str], Served] = _plainly,
        timeout_s: float = 10.0,
        deadline_s: float = 20.0,
        connection: GcsConnection | None = None,
    ) -> None:
        self._name = bucket
        self._kms_key_name = kms_key_name
        self._served = served
        self._connection = connection or GcsConnection(
            project=project, timeout_s=timeout_s, deadline_s=deadline_s
        )
        self._seen = False

    def create(self, name: str, data: bytes) -> ObjectInfo:
        """Write ``data`` if nothing is there (``if_generation_match=0``).

        Raises:
            AlreadyExistsError: the name is taken; what is there is unchanged.
            TransientError: the store is unavailable; what it was told last may be there all the
                same.
        """
        checked_name(name)
        # fake-gcs-server ignores the condition on a resumable upload
        guarded = self._connection.lenient and len(data) > _ONE_REQUEST
        if guarded and self.stat(name) is not None:
            raise AlreadyExistsError
        try:
            return self._write(name, data, generation=0)
        except PreconditionFailed:
            raise AlreadyExistsError from None
        except NotFound as err:
            raise TransientError(_NO_BUCKET) from err

    def replace(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        """Write ``data`` over exactly ``generation``.

        Raises:
            GenerationMismatchError: the object is at another generation, or gone.
            TransientError: as ``create``.
        """
        checked_name(name)
        if generation <= 0:  # to Cloud Storage, 0 means that there is none
            raise GenerationMismatchError
        try:
            return self._write(name, data, generation=generation)
        except (NotFound, PreconditionFailed):
            raise GenerationMismatchError from None

    def read(self, name: str) -> StoredObject:
        """Return the object; its checksum was compared.

        Raises:
            NotFoundError: there is none.
            TransientError: the store is unavailable, or its bytes do not arrive whole.
        """
        checked_name(name)

        def once(_failed: int) -> tuple[Blob, bytes, str | None]:
            blob = self._blob(name)
            data = blob.download_as_bytes(
                checksum="crc32c", timeout=self._connection.timeout, retry=None
            )
            if blob.crc32c is None:
                raise ConnectionError("a download without a checksum")
            return blob, data, self._connection.last_modified()

        try:
            blob, data, modified = self._connection.call(once)
        except NotFound:
            self._expect_bucket()
            raise NotFoundError from None
        self._seen = True
        if modified is None:
            return StoredObject(self._info_at(name, blob.generation), data)
        updated = parsedate_to_datetime(modified).astimezone(UTC)
        return StoredObject(ObjectInfo(name, int(blob.generation), len(data), updated), data)

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is at ``name``, or None."""
        checked_name(name)
        try:
            found = self._reload(name)
        except NotFound:
            self._expect_bucket()
            return None
        self._seen = True
        return _info(found)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Remove the object; no error when there is none, or another generation."""
        checked_name(name)
        if generation is not None and self._connection.lenient:
            # fake-gcs-server ignores which generation it is asked to delete
            standing = self.stat(name)
            if standing is None or standing.generation != generation:
                return
        blob = self._blob(name, generation)
        try:
            self._connection.call(
                lambda _: blob.delete(timeout=self._connection.timeout, retry=None)
            )
        except NotFound:
            self._expect_bucket()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose name starts with ``prefix``, ordered by name."""
        checked_prefix(prefix)
        token: str | None = None
        while True:
            found, token = self._page(prefix, token)
            yield from found
            if not token:
                return

    def close(self) -> None:
        """Close the connection's sockets."""
        self._connection.close()

    def _write(self, name: str, data: bytes, *, generation: int) -> ObjectInfo:
        checksum = _crc32c(data)
        mark = secrets.token_hex(16)
        served = self._served(name)

        def once(failed: int) -> Blob:
            blob = self._blob(name)
            blob.metadata = {MARK: mark}
            if served.cache_control is not None:
                blob.cache_control = served.cache_control
            try:
                blob.upload_from_string(
                    data,
                    content_type=served.content_type,
                    if_generation_match=generation,
                    checksum="crc32c",
                    timeout=self._connection.timeout,
                    retry=None,
                )
            except PreconditionFailed:
                standing = self._marked(name, mark) if failed else None
                if standing is None:
                    raise
                return standing
            except Forbidden as refused:
                standing = self._standing(name) if generation == 0 else None
                if standing is None:
                    raise
                if failed and _mark_of(standing) == mark:
                    return standing
                taken = PreconditionFailed("the name is taken")  # type: ignore[no-untyped-call]  # Google leaves it so
                raise taken from refused
            return blob

        written = self._connection.call(once)
        self._seen = True
        if written.crc32c != checksum:  # the server was told, and has checked it: it is no server
            raise TransientError("what was stored is not what was sent")
        return _info(written)

    def _marked(self, name: str, mark: str) -> Blob | None:
        """Return what stands at ``name`` if an earlier try of ours wrote it."""
        standing = self._standing(name)
        return standing if standing is not None and _mark_of(standing) == mark else None

    def _standing(self, name: str) -> Blob | None:
        try:
            return self._reload(name)
        except NotFound:
            return None

    def _reload(self, name: str, generation: int | None = None) -> Blob:
        def once(_failed: int) -> Blob:
            blob = self._blob(name, generation)
            blob.reload(timeout=self._connection.timeout, retry=None)
            return blob

        return self._connection.call(once)

    def _info_at(self, name: str, generation: int) -> ObjectInfo:
        try:
            return _info(self._reload(name, generation))
        except NotFound:
            raise NotFoundError from None  # deleted since its bytes were read

    def _page(self, prefix: str, token: str | None) -> tuple[Sequence[ObjectInfo], str | None]:
        def once(_failed: int) -> tuple[Sequence[ObjectInfo], str | None]:
            listing = self._connection.client.list_blobs(
                self._name,
                prefix=prefix,
                page_size=_PAGE,
                page_token=token,
                fields=_FIELDS,
                timeout=self._connection.timeout,
                retry=None,
            )
            page = next(listing.pages, ())
            return [_info(blob) for blob in page], listing.next_page_token

        try:
            return self._connection.call(once)
        except NotFound as err:
            raise TransientError(_NO_BUCKET) from err

    def _expect_bucket(self) -> None:
        """Make sure that "there is none" was said of the object, and not of the bucket.

        Else a misspelt bucket would look like one from which every upload has been removed.
        """
        if not self._seen:
            next(self.list("nothing-has-this-name"), None)
            self._seen = True

    def _blob(self, name: str, generation: int | None = None) -> Blob:
        bucket = self._connection.bucket(self._name)
        return bucket.blob(name, kms_key_name=self._kms_key_name, generation=generation)


def _mark_of(blob: Blob) -> str | None:
    mark: str | None = (blob.metadata or {}).get(MARK)
    return mark


def _info(blob: Blob) -> ObjectInfo:
    updated: datetime = blob.updated
    return ObjectInfo(
        blob.name, int(blob.generation), int(blob.size), updated.replace(microsecond=0)
    )


def _crc32c(data: bytes) -> str:
    """Return the checksum as Cloud Storage writes it: 4 bytes, big-endian, in base64."""
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
