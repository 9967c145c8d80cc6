"""Finding published logs, for who may only read: nothing is made, no private key is opened."""

import re
from collections.abc import Callable
from typing import Final

from services.ledger.api_log import PublishedLog
from shared.tlog.errors import NotFoundError
from shared.tlog.key_history import KEYS_SUFFIX, keys_of
from shared.tlog.note import VerifierKey
from shared.tlog.reader import Reader

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Published:
    """Finds logs as they are published: ``<tenant>/``, ``<tenant>.vkey``, ``<tenant>.keys``.

    Args:
        beside: what lies beside the logs.
        files: gives the files of a tenant's log.
    """

    def __init__(self, beside: Reader, files: Callable[[str], Reader]) -> None:
        self._beside = beside
        self._files = files
        self._known: dict[str, PublishedLog] = {}

    def log_of(self, tenant: str) -> PublishedLog | None:
        """Return the log of a tenant; None where there is none, whatever the string is.

        Raises:
            TlogError: its public key is none, or its key history does not hold.
            TransientError: the place cannot be read.
        """
        if not _TENANT.fullmatch(tenant):
            return None
        history = self._find(tenant, KEYS_SUFFIX)
        log = self._known.get(tenant)
        if log is None or log.history != history:
            line = self._find(tenant, ".vkey")
            if line is None:
                return None
            key = keys_of(VerifierKey.parse(line.decode("ascii", "replace")), history)
            log = PublishedLog(files=self._files(tenant), key=key, history=history)
            self._known[tenant] = log
        return log

    def _find(self, tenant: str, suffix: str) -> bytes | None:
        try:
            return self._beside.read(f"{tenant}{suffix}")
        except NotFoundError:
            return None
