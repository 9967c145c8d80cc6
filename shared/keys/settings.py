"""Which keys are in Cloud KMS: ``DOCLEDGER_KMS_…``. Key files, where nothing is set."""

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from shared.production import refuse_in_production
from shared.settings import Settings

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_KMS_EMULATOR"

_RING: Final = r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]{1,63}"


class KmsSettings(Settings):
    """Variables ``DOCLEDGER_KMS_…``.

    Attributes:
        kek: the symmetric key that wraps document and tenant keys,
            ``projects/…/locations/…/keyRings/…/cryptoKeys/…``; key files when unset.
        keys_bucket: a bucket for wrapped keys alone, without soft delete or retention; the folder
            of keys when unset. Needs ``kek``.
        keys_kms_key: of that bucket's objects, on every write; the bucket's default when unset.
        signers: the key ring in which each tenant's log has the key ``log-<tenant>``
            (EC_SIGN_ED25519); new signing keys are files when unset.
    """

    section: ClassVar[str] = "kms"

    kek: Annotated[str, Field(pattern=rf"^{_RING}/cryptoKeys/[A-Za-z0-9_-]{{1,63}}$")] | None = None
    keys_bucket: Annotated[str, Field(min_length=3)] | None = None
    keys_kms_key: (
        Annotated[str, Field(pattern=rf"^{_RING}/cryptoKeys/[A-Za-z0-9_-]{{1,63}}$")] | None
    ) = None
    signers: Annotated[str, Field(pattern=rf"^{_RING}$")] | None = None

    @model_validator(mode="after")
    def _kek_for_a_bucket(self) -> Self:
        if self.keys_bucket is not None and self.kek is None:
            raise ValueError(f"{self.variable('keys_bucket')} needs {self.variable('kek')}: set it")
        return self


class UnsafeKmsSettings(Settings):
    """The variable that is named for its danger.

    Attributes:
        unsafe_kms_emulator: ``host:port`` of a server that is taken for Cloud KMS, unencrypted and
            unauthenticated.
    """

    unsafe_kms_emulator: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$")] | None = None


def kms_emulator(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Cloud KMS itself is meant.

    Raises:
        UserError: a service in production is told to hand its keys to an emulator.
    """
    environ = os.environ if environ is None else environ
    emulator = UnsafeKmsSettings.from_environment(environ).unsafe_kms_emulator
    if emulator:
        refuse_in_production(UNSAFE_VARIABLE, environ)
    return emulator
