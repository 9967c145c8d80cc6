"""The secrets that the settings name; the client of Secret Manager is loaded nowhere else."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import UserError
from shared.secrets.cache import CachedSecrets
from shared.secrets.embedded import EnvironmentSecrets
from shared.secrets.settings import SecretsSettings, secrets_emulator

if TYPE_CHECKING:
    from shared.secrets.port import Secrets


def open_secrets(
    *,
    clock: Clock,
    tell: Callable[[Exception], object],
    environ: Mapping[str, str] | None = None,
) -> CachedSecrets:
    """Return where a process reads its secrets; nothing is opened yet.

    Args:
        clock: time.
        tell: takes the error of a read that failed.
        environ: what to read instead of the process's environment.

    Raises:
        UserError: a setting is wrong, or Secret Manager's client is not installed.
    """
    settings = SecretsSettings.from_environment(environ)
    origin: Secrets = EnvironmentSecrets(environ)
    if settings.secrets == "secret-manager":
        try:
            from shared.secrets.secret_manager import SecretManagerSecrets  # noqa: PLC0415 - slow
        except ImportError as err:
            raise UserError(
                "Secret Manager needs its client: install docledger with the extra 'cloud'"
            ) from err
        origin = SecretManagerSecrets(emulator=secrets_emulator(environ))
    return CachedSecrets(origin, clock=clock, tell=tell, refresh_s=settings.secrets_refresh_s)
