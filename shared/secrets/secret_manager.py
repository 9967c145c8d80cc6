"""Secrets in Google's Secret Manager: one pinned version each, checked for damage on the way.

``latest`` is refused: which bytes a worker trusts must not change behind the back of who deployed
it. What arrives damaged (a CRC32C that does not fit, another version than the one asked for) is
asked for once more.

Source: cloud.google.com/secret-manager/docs/data-integrity; google.cloud.secretmanager.v1.
"""

import re
from typing import Final, NoReturn

import grpc
from google.api_core.exceptions import (
    FailedPrecondition,
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
    Unauthenticated,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager_v1 import (
    AccessSecretVersionResponse,
    SecretManagerServiceClient,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from shared.errors import TransientError
from shared.google_client import UNAVAILABLE, OpenedOnce, code_of, crc32c
from shared.secrets.port import SecretUnusableError, SecretWithdrawnError
from shared.secrets.value import SecretValue

ATTEMPT_S: Final = 3.0
DEADLINE_S: Final = 9.0

_FIRST_DELAY_S: Final = 0.05
_MOST_DELAY_S: Final = 1.0
_OPTIONS: Final = (("grpc.max_reconnect_backoff_ms", 1_000),)
_PINNED: Final = re.compile(
    r"projects/[a-z0-9][a-z0-9:.-]{0,63}"
    r"(/secrets/[A-Za-z0-9_-]{1,255}/versions/[1-9][0-9]{0,9})\Z"
)
_NOT_PINNED: Final = re.compile(r"projects/[^/]+/secrets/[^/]+(/versions/[^/0-9][^/]*)?\Z")


class SecretManagerSecrets:
    """``Secrets`` by the names ``projects/…/secrets/…/versions/<number>``. Opened on first use.

    Needs ``secretmanager.versions.access`` on each secret.

    Args:
        emulator: ``host:port`` of a local server that speaks the API without encryption; Secret
            Manager itself, under our own identity, when None.
        attempt_s: so long may one try take.
        deadline_s: after so long no further try is begun.
    """

    def __init__(
        self,
        *,
        emulator: str | None = None,
        attempt_s: float = ATTEMPT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._emulator = emulator
        self._attempt_s = attempt_s
        self._retry = Retry(
            predicate=if_exception_type(*UNAVAILABLE),
            initial=_FIRST_DELAY_S,
            maximum=_MOST_DELAY_S,
            timeout=deadline_s,
        )
        self._client = OpenedOnce(self._made)

    def __repr__(self) -> str:
        return "SecretManagerSecrets()"

    def read(self, name: str) -> SecretValue:
        """Return the payload of a version."""
        pinned = _PINNED.match(name)
        if pinned is None:
            _refuse_name(name)
        for _ in range(2):
            answer = self._asked(name)
            if answer.name.endswith(pinned[1]) and _whole(answer):
                if not answer.payload.data:
                    raise SecretUnusableError(f"{name} is empty: add another version")
                return SecretValue(answer.payload.data)
        raise TransientError("Secret Manager's answers arrive damaged")

    def close(self) -> None:
        """Close the channel; the next read opens another."""
        self._client.close()

    def _asked(self, name: str) -> AccessSecretVersionResponse:
        try:
            answer: AccessSecretVersionResponse = self._retry(
                lambda: self._client.get().access_secret_version(
                    name=name, retry=None, timeout=self._attempt_s
                )
            )()
        except NotFound as err:
            raise SecretWithdrawnError(f"{name} does not exist: add it, or correct it") from err
        except FailedPrecondition as err:
            raise SecretWithdrawnError(
                f"{name} is disabled or destroyed: enable it, or name another version"
            ) from err
        except (Forbidden, Unauthenticated) as err:
            raise SecretUnusableError(
                f"{name} is not ours to read: grant roles/secretmanager.secretAccessor on it"
            ) from err
        except InvalidArgument as err:
            raise SecretUnusableError(
                f"Secret Manager refuses the name {name}: correct it"
            ) from err
        except (RetryError, GoogleAPICallError, GoogleAuthError, grpc.RpcError) as err:
            raise TransientError(f"Secret Manager is unavailable ({code_of(err)})") from err
        return answer

    def _made(self) -> SecretManagerServiceClient:
        if self._emulator is None:
            return SecretManagerServiceClient()
        channel = grpc.insecure_channel(self._emulator, options=_OPTIONS)
        return SecretManagerServiceClient(
            transport=SecretManagerServiceGrpcTransport(channel=channel)
        )


def _whole(answer: AccessSecretVersionResponse) -> bool:
    """Tell whether the payload is what its checksum says. The server always sends one."""
    payload = answer.payload
    checked = "data_crc32c" in payload and payload.data_crc32c == crc32c(payload.data)
    return bool(checked)


def _refuse_name(name: str) -> NoReturn:
    if _NOT_PINNED.match(name):
        raise SecretUnusableError(
            "a secret is pinned to the number of a version (…/versions/7), never to an alias "
            "such as latest: name the number"
        )
    raise SecretUnusableError(
        "a secret's name is projects/PROJECT/secrets/SECRET/versions/NUMBER: correct it"
    )
