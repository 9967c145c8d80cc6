"""Where secrets are read from: ``DOCLEDGER_SECRETS``."""

import os
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from shared.production import refuse_in_production
from shared.settings import Settings

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_SECRETS_EMULATOR"


class SecretsSettings(Settings):
    """Variables ``DOCLEDGER_SECRETS…``.

    Attributes:
        secrets: ``environment`` (names are ``env:VARIABLE`` and ``file:/absolute/path``) or
            ``secret-manager`` (names are pinned versions, ``projects/…/secrets/…/versions/7``).
        secrets_refresh_s: how old a remembered secret may get; so long does a revoked one go on
            working.
    """

    secrets: Literal["environment", "secret-manager"] = "environment"
    secrets_refresh_s: Annotated[float, Field(ge=1, le=3_600)] = 300.0


class UnsafeSecretsSettings(Settings):
    """The variable that is named for its danger.

    Attributes:
        unsafe_secrets_emulator: ``host:port`` of a server that is taken for Secret Manager,
            unencrypted and unauthenticated.
    """

    unsafe_secrets_emulator: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$")] | None = (
        None
    )


def secrets_emulator(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Secret Manager itself is meant.

    Raises:
        UserError: a service in production is told to believe an emulator.
    """
    environ = os.environ if environ is None else environ
    emulator = UnsafeSecretsSettings.from_environment(environ).unsafe_secrets_emulator
    if emulator:
        refuse_in_production(UNSAFE_VARIABLE, environ)
    return emulator
