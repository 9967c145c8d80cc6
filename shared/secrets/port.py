"""Secrets: the port, and what it raises."""

from typing import Final, Protocol

from shared.errors import UserError
from shared.secrets.value import SecretValue

MOST_BYTES: Final = 65_536
"""Of a secret: what Secret Manager takes."""


class SecretUnusableError(UserError):
    """A secret cannot be had as things are set up; one line says what to do.

    No attempt later mends it, only an operator does. The line shows the secret's name, never a
    value.
    """


class SecretWithdrawnError(SecretUnusableError):
    """The source says that there is no such secret (any more): disabled, destroyed, or removed.

    That is an answer, not a failure: whoever remembers the value must forget it.
    """


class Secrets(Protocol):
    """Reads secrets by the name that a setting gives them. Safe for threads."""

    def read(self, name: str) -> SecretValue:
        """Return a secret.

        Raises:
            SecretWithdrawnError: there is no such secret, or no longer.
            SecretUnusableError: the name or a permission is wrong, or the secret is empty.
            TransientError: it cannot be read now.
        """
        ...
