"""Generations in a Cloud Storage bucket, for erasing.

The buckets of this project have neither versioning nor soft delete. Whoever switched one of them on
all the same (an organization's policy does) shall not bring back what was erased: every generation
that can be listed is deleted by its number. What is soft-deleted cannot be deleted sooner; an
erasure says until when it is there.

Needs ``storage.objects.{delete,list}`` on the prefixes, and ``storage.buckets.get`` to tell how
long the bucket keeps what is gone.
"""

from collections.abc import Sequence
from typing import Final

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud.storage import Blob, Bucket

from shared.errors import TransientError
from shared.objects.gcs_connection import GcsConnection
from shared.objects.names import checked_prefix
from shared.objects.versions import Keeping

_PAGE: Final = 1000  # Cloud Storage's most
_FIELDS: Final = "items(name,generation),nextPageToken"


class GcsVersions:
    """Every generation of the objects of one bucket. Nothing is opened before the first call.

    Args:
        bucket: its name; it exists.
        project: see ``GcsConnection``.
        connection: shared with other stores of this process; one of its own when None.
    """

    def __init__(
        self, bucket: str, *, project: str | None = None, connection: GcsConnection | None = None
    ) -> None:
        self._name = bucket
        self._connection = connection or GcsConnection(project=project)

    def purge(self, prefix: str) -> int:
        """Delete every generation below ``prefix``; return how many there were."""
        if not checked_prefix(prefix):
            raise ValueError("a whole bucket is not erased at once")
        purged: set[tuple[str, int]] = set()
        while found := self._page(prefix):
            told = {(str(blob.name), int(blob.generation)) for blob in found}
            if told <= purged:
                raise TransientError("what was deleted is still there")
            for blob in found:
                self._delete(blob)
            purged |= told
        return len(purged)

    def keeping(self) -> Keeping | None:
        """Return what the bucket's settings say; None where we may not see them."""

        def once(_failed: int) -> Bucket | None:
            bucket = self._connection.bucket(self._name)
            try:
                bucket.reload(timeout=self._connection.timeout, retry=None)
            except Forbidden:
                return None
            return bucket

        try:
            bucket = self._connection.call(once)
        except NotFound as err:
            raise TransientError("the bucket does not exist") from err
        if bucket is None:
            return None
        seconds = bucket.soft_delete_policy.retention_duration_seconds
        return Keeping(versions=bool(bucket.versioning_enabled), soft_delete_s=int(seconds or 0))

    def _page(self, prefix: str) -> Sequence[Blob]:
        """Return the first generations that are left."""

        def once(_failed: int) -> Sequence[Blob]:
            listing = self._connection.client.list_blobs(
                self._name,
                prefix=prefix,
                versions=True,
                page_size=_PAGE,
                fields=_FIELDS,
                timeout=self._connection.timeout,
                retry=None,
            )
            return list(next(listing.pages, ()))

        try:
            return self._connection.call(once)
        except NotFound as err:
            raise TransientError("the bucket does not exist") from err

    def _delete(self, blob: Blob) -> None:
        try:
            self._connection.call(
                lambda _: blob.delete(timeout=self._connection.timeout, retry=None)
            )
        except NotFound:
            return  # somebody else was faster
