"""A published log in the bucket that the settings name, read as an outsider reads it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.ledger.adapters.places import Place, open_place
from services.ledger.adapters.public_objects import REQUESTS_AT_ONCE
from services.ledger.settings import LogPlaceSettings
from shared.errors import TransientError, UserError
from shared.tlog.errors import UnavailableError
from shared.tlog.note import VerifierKey
from shared.tlog.prefetch import Prefetch
from shared.tlog.reader import Reader

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class BucketReader:
    """Reads what lies in a bucket. That it cannot be read now says nothing about the log.

    Args:
        objects: those of a log, or those beside the logs.
    """

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    def read(self, path: str) -> bytes:
        """Return the object at ``path``.

        Raises:
            NotFoundError: there is none.
            UnavailableError: the bucket does not answer, or refuses us.
        """
        try:
            return self._objects.read(path)
        except TransientError as err:
            raise UnavailableError(str(err)) from err

    @contextmanager
    def ahead(self, paths: Iterator[str]) -> Iterator[Reader]:
        """Read these objects before they are asked for, a bounded number of bytes ahead."""
        with Prefetch(self, paths, threads=REQUESTS_AT_ONCE) as near:
            yield near


def bucket_set() -> str | None:
    """Return the bucket that the settings name for logs; None where logs lie in a folder."""
    return LogPlaceSettings.from_environment().bucket


def key_wanted(bucket: str) -> UserError:
    """Return what to say to who names no key for a log in a bucket."""
    return UserError(
        f"the logs are in the bucket {bucket}, and a key that lies beside a log proves nothing: "
        "give the log's public key with --key, as 'docledger keys show' has it from Cloud KMS"
    )


def tenant_of(key: VerifierKey) -> str:
    """Return whose log a key signs: its name ends with the tenant.

    Raises:
        UserError: it is of no log of ours.
    """
    tenant = key.name.rpartition("/")[2]
    if not _TENANT.fullmatch(tenant):
        raise UserError("that key's name ends with no tenant; check --key")
    return tenant


def open_logs(data_dir: Path) -> Place:
    """Return the logs in the bucket; nothing is asked yet.

    Raises:
        UserError: the client of Cloud Storage is not installed.
    """
    try:
        return open_place(data_dir)
    except ImportError as err:
        raise UserError(
            "a bucket needs its client: install docledger with the extra 'cloud', or name the "
            "log's URL"
        ) from err
