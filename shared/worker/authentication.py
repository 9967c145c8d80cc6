"""Who may call a worker: the port, what it raises, and the door that stands open."""

from collections.abc import Mapping
from typing import Final, Protocol

from shared.errors import UserError
from shared.production import refuse_in_production

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_NO_PUSH_AUTH"

JOBS_PREFIX: Final = "jobs/"
"""Of the name of an internal job, where a subscription's name stands otherwise."""


class UnauthenticatedError(Exception):
    """Nobody whom we can recognise is calling: the token is missing, forged or out of date."""


class ForbiddenError(Exception):
    """We know who is calling, and it is not the one who may."""


class Authenticator(Protocol):
    """Tells whether a request comes from whom it must come."""

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Let the request through, or raise.

        Args:
            headers: of the request, by lower-case name.
            subscription: which subscription pushes; ``jobs/<name>`` for an internal job.

        Raises:
            UnauthenticatedError: the caller is nobody we can recognise (401).
            ForbiddenError: the caller is somebody else (403).
            TransientError: it cannot be decided now (503): the caller asks again later.
        """
        ...

    def ready(self) -> None:
        """Raise ``TransientError`` when nothing could be decided now; for ``/ready``."""
        ...


class UnsafeNoAuth:
    """Lets everybody in: for the emulator on one machine, which sends no tokens.

    Args:
        environ: the process's environment.

    Raises:
        UserError: nobody asked for this by its name, or this is a production environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        if environ.get(UNSAFE_VARIABLE, "").lower() not in {"1", "true"}:
            raise UserError(
                f"pushes are authenticated unless {UNSAFE_VARIABLE}=true says otherwise"
            )
        refuse_in_production(UNSAFE_VARIABLE, environ)

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Let the request through."""

    def ready(self) -> None:
        """Nothing is needed to let everybody in."""
