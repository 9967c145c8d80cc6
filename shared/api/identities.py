"""Whom an API believes: Google's ID tokens; or, by a setting named for its danger, anybody."""

import os
from collections.abc import Mapping
from typing import Final

from shared.api.callers import Identities
from shared.api.grants import ANYBODY
from shared.clock import Clock
from shared.errors import UserError
from shared.production import refuse_in_production
from shared.settings import Settings
from shared.worker.jwks import KeySet
from shared.worker.jwks_fetch import HttpFetch
from shared.worker.oidc import JWKS_URL, OidcAuthenticator

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_NO_API_AUTH"


class UnsafeApiSettings(Settings):
    """What opens doors. Read for its name; ``UnsafeNoApiAuth`` decides.

    Attributes:
        unsafe_no_api_auth: take every caller for ``anybody``.
    """

    unsafe_no_api_auth: bool = False


class UnsafeNoApiAuth:
    """Takes every caller for ``anybody``: for one machine, where there are no tokens.

    Args:
        environ: the process's environment.

    Raises:
        UserError: nobody asked for this by its name, or this is a production environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        if not UnsafeApiSettings.from_environment(environ).unsafe_no_api_auth:
            raise UserError(f"callers are authenticated unless {UNSAFE_VARIABLE}=true")
        refuse_in_production(UNSAFE_VARIABLE, environ)

    def account(self, headers: Mapping[str, str]) -> str:
        """Return the one account there is."""
        del headers
        return ANYBODY

    def ready(self) -> None:
        """Nothing is needed to believe everybody."""


def identities_for(
    audience: str,
    *,
    clock: Clock,
    jwks_url: str = JWKS_URL,
    environ: Mapping[str, str] | None = None,
) -> Identities:
    """Return what tells an API who calls.

    Args:
        audience: that the callers' tokens name: the address of the API.
        clock: time.
        jwks_url: where the issuer's keys are.
        environ: what to read instead of the process's environment.

    Raises:
        UserError: no audience, or the unsafe setting where the platform says production.
    """
    environ = os.environ if environ is None else environ
    if UnsafeApiSettings.from_environment(environ).unsafe_no_api_auth:
        return UnsafeNoApiAuth(environ)
    if not audience:
        raise UserError(f"set the audience of the API's tokens (or {UNSAFE_VARIABLE}=true)")
    return OidcAuthenticator(
        audience=audience,
        accounts={},
        keys=KeySet(HttpFetch(jwks_url), clock=clock),
        clock=clock,
    )
