"""Secrets of one machine: environment variables and files."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.errors import TransientError
from shared.secrets.port import MOST_BYTES, SecretUnusableError, SecretWithdrawnError
from shared.secrets.value import SecretValue

_FILE: Final = re.compile(r"file:(/[^\x00-\x1f\x7f]{1,1023})\Z")
_VARIABLE: Final = re.compile(r"env:([A-Z][A-Z0-9_]{0,127})\Z")


class EnvironmentSecrets:
    """``Secrets`` by the names ``env:VARIABLE`` and ``file:/absolute/path``.

    A file is read again each time: who writes another secret into it changes it without a restart.
    Cloud Run mounts pinned versions of secrets as files, too.

    Args:
        environ: what to read instead of the process's environment.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def __repr__(self) -> str:
        return "EnvironmentSecrets()"

    def read(self, name: str) -> SecretValue:
        """Return a secret; a line's end behind it is no part of it."""
        file, variable = _FILE.match(name), _VARIABLE.match(name)
        if file is not None:
            data = _content(Path(file[1]))
        elif variable is not None:
            data = os.fsencode(self._environ.get(variable[1]) or "")
            if not data:
                raise SecretWithdrawnError(f"{variable[1]} holds no secret: set it")
        else:
            raise SecretUnusableError(
                "a secret's name is env:VARIABLE or file:/absolute/path; "
                "versions in Secret Manager need DOCLEDGER_SECRETS=secret-manager"
            )
        if len(data) > MOST_BYTES:
            raise SecretUnusableError(f"a secret has at most {MOST_BYTES} bytes: check its name")
        data = data.removesuffix(b"\n").removesuffix(b"\r")
        if not data:
            raise SecretUnusableError("a secret is empty: write it anew")
        return SecretValue(data)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise SecretWithdrawnError(
            f"there is no secret at {path}: write it, or correct it"
        ) from err
    except (PermissionError, IsADirectoryError) as err:
        raise SecretUnusableError(f"the secret at {path} cannot be read: check its owner") from err
    except OSError as err:
        raise TransientError("the file of a secret cannot be read") from err
