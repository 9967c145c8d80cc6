"""The token that starts internal jobs on one machine: made anew each time everything is started."""

import http.client
import os
import secrets
from pathlib import Path
from typing import Final

from deploy.local.backing import Backing
from shared.worker.job_tokens import HEADER

_BYTES: Final = 32


def new_token(path: Path) -> None:
    """Write a token where its owner alone reads it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES))


def start_job(backing: Backing, token: Path, deployable: str, job: str) -> int | None:
    """Start a job as Cloud Scheduler does; return the status, None where nobody answers."""
    headers = {HEADER: token.read_text(encoding="ascii")}
    return asked(backing, deployable, "POST", f"/internal/jobs/{job}", headers)


def asked(
    backing: Backing, deployable: str, method: str, path: str, headers: dict[str, str] | None = None
) -> int | None:
    """Return the status of a request, None where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", backing.services[deployable], timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
