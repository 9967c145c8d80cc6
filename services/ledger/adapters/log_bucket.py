"""The bucket that logs are published in: each object says how it is to be served."""

from services.ledger.served import lifetime_of, media_type_of
from shared.objects.gcs import GcsObjects, Served
from shared.objects.gcs_connection import GcsConnection


def open_bucket(
    bucket: str, kms_key: str | None = None, *, connection: GcsConnection | None = None
) -> GcsObjects:
    """Return the objects of the bucket; nothing is opened before the first call.

    Args:
        bucket: its name; it exists, and holds logs alone.
        kms_key: that every write asks for; the bucket's default key when None.
        connection: one of its own when None.
    """
    return GcsObjects(bucket, kms_key_name=kms_key, served=_served, connection=connection)


def _served(name: str) -> Served:
    path = name.partition("/")[2]  # of the tenant's log; empty beside the logs
    return Served(media_type_of(path), lifetime_of(path))
