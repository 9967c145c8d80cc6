"""Who may push is configured, or the worker does not start."""

import pytest

from deploy.cloudrun import gunicorn_conf
from shared.clock import FakeClock
from shared.errors import UserError
from shared.secrets.embedded import EnvironmentSecrets
from shared.settings import SettingsError
from shared.worker.authentication import UNSAFE_VARIABLE, UnauthenticatedError, UnsafeNoAuth
from shared.worker.job_tokens import WithJobTokens
from shared.worker.oidc import OidcAuthenticator
from shared.worker.push_settings import PushSettings, UnsafeSettings, authenticator_for

SUBSCRIPTION = "ingest.upload-arrived"
GOOD = {
    "DOCLEDGER_PUSH_AUDIENCE": "https://ingest.example",
    "DOCLEDGER_PUSH_ACCOUNTS": f"{SUBSCRIPTION}=a@x.example, {SUBSCRIPTION}.dead=b@x.example",
    "DOCLEDGER_PUSH_JOB_ACCOUNT": "scheduler@x.example",
    "DOCLEDGER_PUSH_JOB_TOKENS": "env:TOKEN",
}


def made(environ: dict[str, str]) -> object:
    """Return the authenticator of a worker with one subscription and one job."""
    return authenticator_for(
        [SUBSCRIPTION],
        ["poll"],
        clock=FakeClock(),
        secrets=lambda: EnvironmentSecrets({"TOKEN": "t" * 32}),
        environ=environ,
    )


def test_accounts_are_pairs() -> None:
    """One identity a subscription, dead letters included."""
    settings = PushSettings.from_environment(GOOD)
    assert settings.accounts == {
        SUBSCRIPTION: "a@x.example",
        f"{SUBSCRIPTION}.dead": "b@x.example",
    }
    door = made(GOOD)
    assert isinstance(door, WithJobTokens)
    oidc = door._inner
    assert isinstance(oidc, OidcAuthenticator)
    assert oidc._accounts["jobs/poll"] == "scheduler@x.example"
    with pytest.raises(UnauthenticatedError):
        door.check({}, SUBSCRIPTION)


@pytest.mark.parametrize(
    "pairs", ["x", "=a@x.example", f"{SUBSCRIPTION}=", f"{SUBSCRIPTION}=a,{SUBSCRIPTION}=b"]
)
def test_accounts_that_are_no_pairs_are_refused_without_showing_them(pairs: str) -> None:
    """A typing mistake must not let somebody else in, nor end up in a log."""
    with pytest.raises(SettingsError) as caught:
        made({**GOOD, "DOCLEDGER_PUSH_ACCOUNTS": pairs})
    assert "a@x.example" not in str(caught.value)


@pytest.mark.parametrize(
    "lacking",
    [
        {"DOCLEDGER_PUSH_AUDIENCE": ""},
        {"DOCLEDGER_PUSH_ACCOUNTS": ""},
        {"DOCLEDGER_PUSH_ACCOUNTS": f"{SUBSCRIPTION}=a@x.example"},
        {"DOCLEDGER_PUSH_JWKS_URL": "http://keys.example/"},
    ],
    ids=["no audience", "no accounts", "none for dead letters", "keys over plain HTTP"],
)
def test_a_worker_that_could_let_nobody_in_does_not_start(lacking: dict[str, str]) -> None:
    """It would fill its dead letters, and its dead letters nobody would read."""
    with pytest.raises(UserError):
        made({**GOOD, **lacking})


def test_without_any_setting_nobody_is_let_in() -> None:
    """The default is production's."""
    with pytest.raises(UserError, match="DOCLEDGER_PUSH_AUDIENCE"):
        made({})


def test_the_open_door_is_opened_by_its_name_alone() -> None:
    """On one machine the emulator sends no tokens."""
    door = made({UNSAFE_VARIABLE: "true"})
    assert isinstance(door, UnsafeNoAuth)
    door.check({}, SUBSCRIPTION)
    door.ready()
    assert UnsafeSettings.variable("unsafe_no_push_auth") == UNSAFE_VARIABLE
    for other in ({}, {UNSAFE_VARIABLE: ""}, {UNSAFE_VARIABLE: "false"}, {UNSAFE_VARIABLE: "no"}):
        with pytest.raises(UserError):
            UnsafeNoAuth(other)


@pytest.mark.parametrize(
    "production",
    [{"K_SERVICE": "ingest"}, {"CLOUD_RUN_JOB": "ingest"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_the_open_door_refuses_to_start_in_production(production: dict[str, str]) -> None:
    """A variable copied from a laptop must stop the deployment."""
    with pytest.raises(UserError, match="not for production"):
        made({UNSAFE_VARIABLE: "true", **production})


def test_the_host_has_a_thread_for_every_delivery_and_some_to_spare() -> None:
    """Where all threads hold deliveries, nobody answers 429, nor a probe."""
    default = PushSettings.model_fields["concurrency"].default
    assert default == gunicorn_conf.DEFAULT_CONCURRENCY
    assert gunicorn_conf.threads > default
