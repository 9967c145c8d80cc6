"""A Cloud KMS symmetric key as the KEK: document and tenant keys are wrapped where nobody reads it.

The wrapped key is bound to its owner and its name by the additional authenticated data. KMS picks
the version that opens; ours is the name that was recorded when it wrapped.
"""

from datetime import timedelta
from typing import Final

from google.cloud.kms_v1 import (
    CryptoKey,
    CryptoKeyVersion,
    DecryptRequest,
    DecryptResponse,
    EncryptRequest,
    EncryptResponse,
)

from shared.clock import Clock, SystemClock
from shared.errors import TransientError, UserError
from shared.google_client import crc32c
from shared.keys.envelope import KEY_BYTES
from shared.keys.kek import KeyDamagedError, Wrapped
from shared.keys.kms_connection import KmsConnection, RefusedInputError

_VERSIONS: Final = "/cryptoKeyVersions/"
_OPENS: Final = CryptoKeyVersion.CryptoKeyVersionState.ENABLED

SETTLED: Final = timedelta(hours=3)
"""For so long after another version has become the primary, KMS may wrap by the one before.

Source: Cloud KMS, "Cloud KMS resource consistency".
"""


class KmsKek:
    """``Kek`` on one crypto key of purpose ENCRYPT_DECRYPT.

    Needs ``cryptoKeyVersions.useToEncrypt`` and ``…useToDecrypt`` on it; whoever rotates also
    ``cryptoKeys.{get,update}`` and ``cryptoKeyVersions.{create,list,destroy}``.

    Args:
        connection: to Cloud KMS.
        key: ``projects/…/locations/…/keyRings/…/cryptoKeys/…``.
        clock: says how old the primary version is.
    """

    def __init__(self, connection: KmsConnection, key: str, *, clock: Clock | None = None) -> None:
        self._connection = connection
        self._key = key
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return "KmsKek()"

    def wrap(self, key: bytes, *, owner: str, name: str) -> Wrapped:
        """Wrap a 32-byte key under the primary version."""
        bound = _bound(owner, name)
        request = EncryptRequest(
            name=self._key,
            plaintext=key,
            plaintext_crc32c=crc32c(key),
            additional_authenticated_data=bound,
            additional_authenticated_data_crc32c=crc32c(bound),
        )

        def intact(answer: EncryptResponse) -> bool:
            return (
                self.knows(answer.name)
                and answer.verified_plaintext_crc32c
                and answer.verified_additional_authenticated_data_crc32c
                and answer.ciphertext_crc32c == crc32c(answer.ciphertext)
            )

        try:
            answer = self._connection.ask(
                lambda client, timeout: client.encrypt(
                    request=request, retry=None, timeout=timeout
                ),
                intact=intact,
            )
        except RefusedInputError as err:
            raise TransientError("Cloud KMS refuses to wrap: is the key a symmetric one?") from err
        return Wrapped(answer.name, answer.ciphertext)

    def unwrap(self, wrapped: Wrapped, *, owner: str, name: str) -> bytes:
        """Return the key.

        Raises:
            KeyDamagedError: changed, moved to another owner or name, or another KEK's.
            TransientError: KMS is unavailable, or the version is disabled or destroyed.
        """
        bound = _bound(owner, name)
        request = DecryptRequest(
            name=wrapped.label.partition(_VERSIONS)[0],
            ciphertext=wrapped.body,
            ciphertext_crc32c=crc32c(wrapped.body),
            additional_authenticated_data=bound,
            additional_authenticated_data_crc32c=crc32c(bound),
        )

        def intact(answer: DecryptResponse) -> bool:
            return bool(answer.plaintext_crc32c == crc32c(answer.plaintext))

        try:
            answer = self._connection.ask(
                lambda client, timeout: client.decrypt(
                    request=request, retry=None, timeout=timeout
                ),
                intact=intact,
            )
        except RefusedInputError as err:
            raise KeyDamagedError("a key was changed, moved, or made under another KEK") from err
        if len(answer.plaintext) != KEY_BYTES:
            raise KeyDamagedError("a wrapped key has another length than ours")
        return bytes(answer.plaintext)

    def knows(self, label: str) -> bool:
        """Tell whether a label names a version of this crypto key."""
        return label.startswith(self._key + _VERSIONS)

    def superseded(self, label: str) -> bool:
        """Return False: KMS wraps with its primary version itself, and destroys only after days."""
        del label
        return False

    def newest(self) -> str:
        """Return the name of the primary version."""
        return self._primary().name

    def versions(self) -> list[str]:
        """Return the names of the enabled versions, oldest first."""
        found = self._connection.ask(
            lambda client, timeout: list(
                client.list_crypto_key_versions(parent=self._key, retry=None, timeout=timeout)
            )
        )
        enabled = [version.name for version in found if version.state == _OPENS]
        return sorted(enabled, key=number_of)

    def renew(self) -> str:
        """Make a version and let it be the primary; return its name."""
        made = self._connection.ask(
            lambda client, timeout: client.create_crypto_key_version(
                parent=self._key,
                crypto_key_version=CryptoKeyVersion(),
                retry=None,
                timeout=timeout,
            )
        )
        self._connection.ask(
            lambda client, timeout: client.update_crypto_key_primary_version(
                name=self._key,
                crypto_key_version_id=str(number_of(made.name)),
                retry=None,
                timeout=timeout,
            )
        )
        return made.name

    def destroy(self, label: str) -> None:
        """Schedule a version's destruction; KMS carries it out after the key's waiting time.

        Raises:
            TransientError: KMS is unavailable.
            UserError: a key that is made now may still be wrapped by that version.
        """
        made = self._primary().create_time
        if made is not None and self._clock.now() < made + SETTLED:
            raise UserError(
                "nothing was destroyed: the newest KEK version is minutes old, and Cloud KMS may "
                f"wrap by an older one until {made + SETTLED:%Y-%m-%d %H:%M} UTC: give the same "
                "command then"
            )
        self._connection.ask(
            lambda client, timeout: client.destroy_crypto_key_version(
                name=label, retry=None, timeout=timeout
            )
        )

    def _primary(self) -> CryptoKeyVersion:
        key: CryptoKey = self._connection.ask(
            lambda client, timeout: client.get_crypto_key(
                name=self._key, retry=None, timeout=timeout
            ),
            intact=lambda answer: answer.name == self._key,
        )
        if not key.primary.name:
            raise TransientError("the KEK has no primary version: set one")
        return key.primary


def number_of(version: str) -> int:
    """Return the number at the end of a version's name."""
    number = version.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def _bound(owner: str, name: str) -> bytes:
    return f"docledger/key/v1\n{owner}\n{name}".encode()
