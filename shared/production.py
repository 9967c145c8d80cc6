"""Whether a process works for real: there nothing is believed that is named for its danger."""

from collections.abc import Mapping
from typing import Final

from shared.errors import UserError

JOB: Final = "CLOUD_RUN_JOB"
"""Cloud Run sets it where a command runs as a job."""

_SERVICE: Final = "K_SERVICE"
_ENVIRONMENT: Final = "DOCLEDGER_ENVIRONMENT"


def on_cloud_run(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a service or a job on Cloud Run, which sets a variable for either."""
    return _SERVICE in environ or JOB in environ


def refuse_in_production(variable: str, environ: Mapping[str, str]) -> None:
    """Insist that what ``variable`` allows is not allowed on a real project.

    Raises:
        UserError: this is Cloud Run, or ``DOCLEDGER_ENVIRONMENT`` says ``production``.
    """
    if on_cloud_run(environ) or environ.get(_ENVIRONMENT) == "production":
        raise UserError(f"{variable} is not for production: unset it")
