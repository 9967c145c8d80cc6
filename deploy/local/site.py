"""The data folder of one machine: where everything lies, and who may run on it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.errors import UserError


class Site:
    """Paths inside a data folder.

    Layout::

        objects/       sealed uploads, originals, results, quarantine, tombstones
        keys/          the key-encryption key, tenant keys, document keys
        leases/        who works on what
        bus.sqlite     events and their deliveries
        register.sqlite, ledger.sqlite
        log/<tenant>/  the public log; log/<tenant>.vkey its public key
        logs/          log lines of each process
        spans/         finished spans, one JSON line each
        running.lock   held while workers run

    Args:
        folder: the data folder; made on first use, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = folder / "objects"
        self.keys = folder / "keys"
        self.leases = folder / "leases"
        self.log = folder / "log"
        self.logs = folder / "logs"
        self.spans = folder / "spans"
        self.bus = folder / "bus.sqlite"
        self.register = folder / "register.sqlite"
        self.ledger = folder / "ledger.sqlite"
        self.lock = folder / "running.lock"

    def create(self) -> None:
        """Make the folder if it is not there.

        Raises:
            UserError: it cannot be made or written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as err:
            raise UserError(
                f"cannot make the data folder {self.folder}: {err.strerror}; "
                "choose another with --data-dir"
            ) from err
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise UserError(
                f"cannot write in the data folder {self.folder}; choose another with --data-dir"
            )

    def require(self) -> None:
        """Insist that documents were taken in here before.

        Raises:
            UserError: there is no ledger in the folder.
        """
        if not self.bus.exists():
            raise UserError(
                f"no ledger in {self.folder}; run 'docledger run PATH' first, "
                "or name its folder with --data-dir"
            )


class RunningLock:
    """Held by whoever runs workers on a site; the kernel releases it when its holder dies.

    Args:
        site: the site to hold.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._site.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            os.close(self._descriptor)
            raise UserError(
                f"docledger already runs on {self._site.folder}; wait for it, stop it, "
                "or name another folder with --data-dir"
            ) from err
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
