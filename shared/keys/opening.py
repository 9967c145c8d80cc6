"""The keyring that the settings name: key files, or keys that Cloud KMS wrapped.

The client of Cloud KMS is loaded where a setting names it, and nowhere else.
"""

import os
from pathlib import Path

from shared.errors import UserError
from shared.keys.connecting import connect
from shared.keys.files import FileKek, FileKeyring
from shared.keys.settings import KmsSettings
from shared.keys.stored import KeyFolder, StoredKeys
from shared.keys.wrapping import WrappedKeyring
from shared.production import on_cloud_run


def open_keyring(folder: Path, *, settings: KmsSettings | None = None) -> WrappedKeyring:
    """Return the keyring over a folder of wrapped keys.

    Args:
        folder: of the keys, unless they lie in a bucket; made if it is not there.
        settings: read from the environment when None.

    Raises:
        UserError: a setting is wrong, the folder is somebody else's, or its KEK is not here; or the
            folder is of an instance on Cloud Run, and would be gone with it.
        TransientError: the folder cannot be used now.
    """
    settings = settings or KmsSettings.from_environment()
    if settings.keys_bucket is None and on_cloud_run(os.environ):
        raise UserError(
            f"{settings.variable('keys_bucket')} is not set: keys that lie on an instance of Cloud "
            "Run are gone with it, and every document that they lock"
        )
    if settings.kek is None:
        return FileKeyring(folder)
    connection = connect()
    from shared.keys.kms_kek import KmsKek  # noqa: PLC0415 - half a second

    kek = KmsKek(connection, settings.kek)
    if settings.keys_bucket is not None:
        return WrappedKeyring(_in_bucket(settings.keys_bucket, settings.keys_kms_key), kek)
    stored = KeyFolder(folder)
    # What key files wrapped before the KEK moved to KMS opens until it is wrapped again.
    others = [FileKek(folder, stored)] if FileKek.stands_in(folder) else []
    return WrappedKeyring(stored, kek, others)


def _in_bucket(bucket: str, kms_key: str | None) -> StoredKeys:
    from shared.keys.stored_objects import KeyObjects  # noqa: PLC0415 - only with a bucket
    from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - same
    from shared.objects.gcs_connection import GcsConnection  # noqa: PLC0415 - same
    from shared.objects.gcs_versions import GcsVersions  # noqa: PLC0415 - same

    connection = GcsConnection()
    return KeyObjects(
        GcsObjects(bucket, kms_key_name=kms_key, connection=connection),
        GcsVersions(bucket, connection=connection),
    )
