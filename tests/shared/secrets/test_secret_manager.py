"""Secret Manager over its real client: what arrives damaged, refused, late or not at all."""

import logging

import grpc
import pytest
from google.auth.exceptions import GoogleAuthError

from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.secrets import secret_manager
from shared.secrets.opening import open_secrets
from shared.secrets.port import SecretUnusableError, SecretWithdrawnError
from shared.secrets.secret_manager import SecretManagerSecrets
from shared.secrets.settings import UNSAFE_VARIABLE, SecretsSettings, secrets_emulator
from tests.emulators.secrets import PROJECT, TOKEN, Fault, SecretServer, State
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

NEEDLE = "n33dle-of-a-secret-that-nobody-may-see"
DAMAGE = [Fault.FLIP, Fault.WRONG_CRC, Fault.NO_CRC, Fault.WRONG_NAME]
Code = grpc.StatusCode


@pytest.fixture
def version(secret_server: SecretServer) -> str:
    """Give the name of a version."""
    return secret_server.add(NEEDLE.encode())


@pytest.mark.parametrize("fault", DAMAGE)
def test_a_damaged_answer_is_asked_for_once_more(
    on_secret_manager: SecretManagerSecrets, secret_server: SecretServer, version: str, fault: Fault
) -> None:
    """A token with one wrong bit locks the scheduler out until somebody finds it."""
    secret_server.fail(fault)
    assert on_secret_manager.read(version).reveal() == NEEDLE.encode()
    assert len(secret_server.calls) == 2
    secret_server.fail(fault, fault)
    with pytest.raises(TransientError, match="damaged"):
        on_secret_manager.read(version)
    assert len(secret_server.calls) == 4


@pytest.mark.parametrize("fault", [Fault.HANG, Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED])
def test_an_outage_is_transient_and_bounded(
    secret_server: SecretServer, version: str, fault: Fault | grpc.StatusCode
) -> None:
    """Who waits for ever holds a request open for ever."""
    hasty = SecretManagerSecrets(emulator=secret_server.address, attempt_s=0.1, deadline_s=0.2)
    secret_server.fail_always(fault)
    with pytest.raises(TransientError, match="unavailable"):
        hasty.read(version)
    secret_server.fail_always(None)

    def answered() -> bool:
        try:
            return hasty.read(version).reveal() == NEEDLE.encode()
        except TransientError:  # a busy machine is not as hasty
            return False

    wait_until(answered, what="it is read again")
    hasty.close()


def test_a_short_outage_is_not_noticed(
    on_secret_manager: SecretManagerSecrets, secret_server: SecretServer, version: str
) -> None:
    """Google says so itself: UNAVAILABLE is to be tried again."""
    secret_server.fail(Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED)
    assert on_secret_manager.read(version).reveal() == NEEDLE.encode()


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (Code.PERMISSION_DENIED, SecretUnusableError, "roles/secretmanager.secretAccessor"),
        (Code.UNAUTHENTICATED, SecretUnusableError, "roles/secretmanager.secretAccessor"),
        (Code.INVALID_ARGUMENT, SecretUnusableError, "correct it"),
        (Code.NOT_FOUND, SecretWithdrawnError, "does not exist"),
        (Code.FAILED_PRECONDITION, SecretWithdrawnError, "disabled or destroyed"),
    ],
)
def test_what_an_operator_must_mend_is_one_line_and_asked_once(
    on_secret_manager: SecretManagerSecrets,
    secret_server: SecretServer,
    version: str,
    code: grpc.StatusCode,
    error: type[UserError],
    said: str,
) -> None:
    """Trying again mends no permission; the server's own text stays out of ours."""
    secret_server.fail(code)
    with pytest.raises(error, match=said) as caught:
        on_secret_manager.read(version)
    assert type(caught.value) is error
    assert version in str(caught.value)
    assert "payload" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(secret_server.calls) == 1


@pytest.mark.parametrize("state", [State.DISABLED, State.DESTROYED])
def test_a_version_that_is_not_enabled_is_withdrawn(
    on_secret_manager: SecretManagerSecrets, secret_server: SecretServer, version: str, state: State
) -> None:
    """So an operator revokes a secret that leaked."""
    secret_server.set_state(version, state)
    with pytest.raises(SecretWithdrawnError):
        on_secret_manager.read(version)


@pytest.mark.parametrize("alias", ["/versions/latest", "/versions/current", ""])
def test_what_is_not_pinned_is_refused_before_it_is_asked_for(
    on_secret_manager: SecretManagerSecrets, secret_server: SecretServer, alias: str
) -> None:
    """Whoever may add a version must not change what runs behind its operator's back."""
    with pytest.raises(SecretUnusableError, match="pinned to the number"):
        on_secret_manager.read(TOKEN + alias)
    assert secret_server.calls == []


@pytest.mark.parametrize("data", [b"one", b"two"])
def test_two_versions_are_two_secrets(
    on_secret_manager: SecretManagerSecrets, secret_server: SecretServer, data: bytes
) -> None:
    """A rotation has both at once."""
    names = {content: secret_server.add(content) for content in (b"one", b"two")}
    assert on_secret_manager.read(names[data]).reveal() == data


def test_without_credentials_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata server may be late; no foreign exception leaves the adapter."""

    def without() -> None:
        raise GoogleAuthError(NEEDLE)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(secret_manager, "SecretManagerServiceClient", without)
    with pytest.raises(TransientError) as caught:
        SecretManagerSecrets(deadline_s=0.1).read(f"{TOKEN}/versions/1")
    assert NEEDLE not in str(caught.value)


def test_no_library_logs_a_payload(
    on_secret_manager: SecretManagerSecrets,
    secret_server: SecretServer,
    version: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attack: everything at DEBUG, while reads succeed and fail."""
    monkeypatch.setenv("GOOGLE_SDK_PYTHON_LOGGING_SCOPE", "google")
    with caplog.at_level(logging.DEBUG):
        on_secret_manager.read(version)
        secret_server.fail(Fault.FLIP, Fault.FLIP)
        with pytest.raises(TransientError):
            on_secret_manager.read(version)
    assert "n33dle" not in caplog.text


def test_the_setting_says_which(secret_server: SecretServer, version: str) -> None:
    """The laptop needs no cloud, and the cloud no file."""
    on = {"DOCLEDGER_SECRETS": "secret-manager", UNSAFE_VARIABLE: secret_server.address}
    clock = FakeClock()

    def read(name: str, **environ: str) -> bytes:
        opened = open_secrets(clock=clock, tell=lambda _: None, environ=environ)
        return opened.read(name).reveal()

    assert read(version, **on) == NEEDLE.encode()
    assert read("env:TOKEN", TOKEN="here") == b"here"
    with pytest.raises(SecretUnusableError, match="DOCLEDGER_SECRETS=secret-manager"):
        read(f"{PROJECT}/secrets/s/versions/1")
    with pytest.raises(SecretUnusableError):
        read("env:TOKEN", TOKEN="here", **on)
    with pytest.raises(UserError, match="DOCLEDGER_SECRETS"):
        SecretsSettings.from_environment({"DOCLEDGER_SECRETS": "vault"})


@pytest.mark.parametrize(
    "production",
    [{"K_SERVICE": "ingest"}, {"CLOUD_RUN_JOB": "ingest"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_the_emulator_is_not_for_production(production: dict[str, str]) -> None:
    """A variable copied from a laptop must stop the deployment."""
    assert secrets_emulator({UNSAFE_VARIABLE: "localhost:1"}) == "localhost:1"
    with pytest.raises(UserError, match="not for production"):
        secrets_emulator({UNSAFE_VARIABLE: "localhost:1", **production})
