"""Reaching Cloud KMS where a setting names a key there; its client is loaded nowhere else."""

from typing import TYPE_CHECKING

from shared.errors import UserError
from shared.keys.settings import kms_emulator

if TYPE_CHECKING:
    from shared.keys.kms_connection import KmsConnection


def connect() -> "KmsConnection":
    """Return a connection as the settings say; nothing is opened yet.

    Raises:
        UserError: the client is not installed, or the emulator is set in production.
    """
    try:
        from shared.keys.kms_connection import KmsConnection  # noqa: PLC0415 - half a second
    except ImportError as err:
        raise UserError(
            "keys in Cloud KMS need its client: install docledger with the extra 'cloud'"
        ) from err
    return KmsConnection(emulator=kms_emulator())
