"""Who calls an API, and whose data they get."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.api.callers import Caller
from shared.api.grants import ANYBODY, CallerGrants, ReaderGrants
from shared.api.identities import UNSAFE_VARIABLE, UnsafeNoApiAuth, identities_for
from shared.clock import FakeClock
from shared.errors import UserError
from shared.worker.authentication import UnauthenticatedError
from shared.worker.jwks import KeySet
from shared.worker.oidc import OidcAuthenticator
from tests.shared.worker.tokens import ACCOUNT, AUDIENCE, KeyServer, bearer, token

UNSAFE = {UNSAFE_VARIABLE: "true"}


class Grants(BaseModel):
    callers: CallerGrants = {}
    readers: ReaderGrants = {}


def test_accounts_are_read_with_their_tenants() -> None:
    """Addresses are compared as Google writes them: lower case."""
    read = Grants.model_validate(
        {
            "callers": "A@x.example=acme, b@x.example=globex",
            "readers": "a@x.example=acme,a@x.example=*",
        }
    )
    assert read.callers["a@x.example"] == {"acme"}
    assert read.readers["a@x.example"] == {"acme", "*"}


@pytest.mark.parametrize(
    "text",
    [
        "", "a@x.example", "a@x.example=", "=acme", "nobody=acme", "a@x.example=ACME",
        "a@x.example=../x", "a@x.example=acme,", "a@x.example=acme=globex", "a b@x.example=acme",
    ],
)  # fmt: skip
def test_unclear_grants_are_refused(text: str) -> None:
    """A mistyped grant must stop the deployment, not open or close a door silently."""
    for field in Grants.model_fields:
        with pytest.raises(ValidationError):
            Grants.model_validate({field: text})


@pytest.mark.parametrize("text", ["a@x.example=*", "a@x.example=acme,a@x.example=globex"])
def test_who_hands_in_has_one_tenant(text: str) -> None:
    """With two tenants a document's tenant would be what its sender says."""
    with pytest.raises(ValidationError):
        Grants.model_validate({"callers": text})


def test_caller_shows_no_address() -> None:
    """An address in a log line or a traceback is a personal datum."""
    assert "@" not in repr(Caller("a@x.example", frozenset({"acme"})))


def oidc(clock: FakeClock) -> OidcAuthenticator:
    """Return what production believes, with a key server of the test's own."""
    return OidcAuthenticator(
        audience=AUDIENCE, accounts={}, keys=KeySet(KeyServer(), clock=clock), clock=clock
    )


def test_good_token_names_its_account() -> None:
    """The address in a verified token is all that decides."""
    clock = FakeClock()
    assert oidc(clock).account(bearer(token(clock))) == ACCOUNT


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://ledger.example"}, {"email_verified": False}, {"exp": 1}, {"iss": "evil"}],
    ids=["another API's", "unverified", "expired", "another issuer's"],
)
def test_token_that_proves_nothing_here_is_refused(claims: dict[str, Any]) -> None:
    """A token for the other API must not open this one."""
    clock = FakeClock()
    with pytest.raises(UnauthenticatedError):
        oidc(clock).account(bearer(token(clock, **claims)))


def test_two_tokens_are_none() -> None:
    """Which of the two counts would be a guess: they arrive joined by a comma."""
    clock = FakeClock()
    one = token(clock)
    with pytest.raises(UnauthenticatedError):
        oidc(clock).account({"authorization": f"Bearer {one}, Bearer {one}"})


def test_everybody_is_let_in_only_by_the_settings_name() -> None:
    """The door stands open for who wrote so, and for nobody else."""
    assert UnsafeNoApiAuth(UNSAFE).account({}) == ANYBODY
    for environ in ({}, {UNSAFE_VARIABLE: "false"}):
        with pytest.raises(UserError):
            UnsafeNoApiAuth(environ)


@pytest.mark.parametrize(
    "said",
    [{"K_SERVICE": "api"}, {"CLOUD_RUN_JOB": "api"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_open_door_is_refused_in_production(said: dict[str, str]) -> None:
    """A variable that was copied from a laptop must stop the service from starting."""
    with pytest.raises(UserError, match="not for production"):
        identities_for("", clock=FakeClock(), environ={**UNSAFE, **said})


def test_api_without_an_audience_does_not_start() -> None:
    """Any Google token in the world would do otherwise."""
    with pytest.raises(UserError, match="audience"):
        identities_for("", clock=FakeClock(), environ={})
    identities_for(AUDIENCE, clock=FakeClock(), environ={}).account  # noqa: B018 - it is there
