"""Settings of a worker that is pushed to, and the authenticator that follows from them."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field

from shared.clock import Clock
from shared.errors import UserError
from shared.secrets.port import Secrets
from shared.settings import Settings
from shared.worker.authentication import (
    JOBS_PREFIX,
    UNSAFE_VARIABLE,
    Authenticator,
    UnsafeNoAuth,
)
from shared.worker.job_tokens import MOST_TOKENS, JobTokens, WithJobTokens
from shared.worker.jwks import KeySet
from shared.worker.jwks_fetch import HttpFetch
from shared.worker.oidc import JWKS_URL, OidcAuthenticator

_BETWEEN: Final = re.compile(r",\s*(?=env:|file:|projects/)")
_SUFFIXES: Final = ("", ".dead")


def _pairs(value: object) -> object:
    """Read ``subscription=account,…``."""
    if not isinstance(value, str):
        return value
    pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
    if any(not name or not account for name, _, account in pairs):
        raise ValueError("must be pairs like subscription=account, separated by commas")
    if len({name for name, _, _ in pairs}) != len(pairs):
        raise ValueError("names a subscription twice")
    return {name: account for name, _, account in pairs}


def _names(value: object) -> object:
    """Read ``secret,secret``; the path of a file may hold a comma."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in _BETWEEN.split(value) if name.strip())


class PushSettings(Settings):
    """What a pushed-to worker reads.

    Attributes:
        audience: that the subscriptions' tokens name: this worker's address.
        accounts: which account pushes for which subscription (dead letters' too).
        job_audience: that the scheduler's tokens name; the pushes' when empty.
        job_account: which account starts internal jobs.
        job_tokens: the secrets whose values start internal jobs, besides; two while the token is
            exchanged. Named as ``DOCLEDGER_SECRETS`` says.
        jwks_url: where the issuer's keys are.
        concurrency: how many deliveries may be in hand at once.
    """

    section: ClassVar[str] = "push"

    audience: str = ""
    accounts: Annotated[dict[str, str], BeforeValidator(_pairs), Field(default_factory=dict)]
    job_audience: str = ""
    job_account: str = ""
    job_tokens: Annotated[
        tuple[str, ...], BeforeValidator(_names), Field(max_length=MOST_TOKENS)
    ] = ()
    jwks_url: str = JWKS_URL
    concurrency: Annotated[int, Field(ge=1, le=250)] = 8


class UnsafeSettings(Settings):
    """What opens doors. Read for its name; ``UnsafeNoAuth`` decides.

    Attributes:
        unsafe_no_push_auth: take pushes from everybody.
    """

    unsafe_no_push_auth: bool = False


def authenticator_for(
    subscriptions: Iterable[str],
    jobs: Iterable[str],
    *,
    clock: Clock,
    secrets: Callable[[], Secrets],
    environ: Mapping[str, str] | None = None,
) -> Authenticator:
    """Return what checks who pushes to a worker.

    Args:
        subscriptions: it serves; each has a dead-letter subscription besides.
        jobs: it runs.
        clock: time.
        secrets: opens where tokens are; called where there are jobs.
        environ: what to read instead of the process's environment.

    Raises:
        UserError: no audience, a subscription or job without an account, or jobs without a token:
            a worker that can let nobody in would only fill its dead letters.
    """
    environ = os.environ if environ is None else environ
    jobs = tuple(jobs)
    settings = PushSettings.from_environment(environ)
    if UnsafeSettings.from_environment(environ).unsafe_no_push_auth:
        open_door = UnsafeNoAuth(environ)
        return _beside(open_door, settings, secrets) if jobs and settings.job_tokens else open_door
    accounts = dict(settings.accounts)
    accounts |= {JOBS_PREFIX + job: settings.job_account for job in jobs if settings.job_account}
    wanted = [name + suffix for name in subscriptions for suffix in _SUFFIXES]
    lacking = [name for name in wanted if name not in accounts]
    if not settings.audience or lacking:
        audience, pairs = PushSettings.variable("audience"), PushSettings.variable("accounts")
        told = f" for {lacking[0]}" if lacking else ""
        raise UserError(f"{audience} and {pairs}{told} must be set (or {UNSAFE_VARIABLE}=true)")
    door = OidcAuthenticator(
        audience=settings.audience,
        accounts=accounts,
        keys=KeySet(HttpFetch(settings.jwks_url), clock=clock),
        clock=clock,
        job_audience=settings.job_audience or None,
    )
    if not jobs:
        return door
    for needed in ("job_account", "job_tokens"):
        if not getattr(settings, needed):
            raise UserError(f"{PushSettings.variable(needed)} must be set: there are internal jobs")
    return _beside(door, settings, secrets)


def _beside(
    door: Authenticator, settings: PushSettings, secrets: Callable[[], Secrets]
) -> Authenticator:
    tokens = JobTokens(secrets(), settings.job_tokens)
    tokens.require()
    return WithJobTokens(door, tokens)
