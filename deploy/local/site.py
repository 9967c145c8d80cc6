"""The data folder of one machine: where everything lies, and who may run on it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shared.errors import UserError

KEEPER_LOCK: Final = "keeper.lock"

KEEPER: Final = "keeper"
"""The one sequencer of a site: the kernel's lock on ``keeper.lock`` sees to it that it is one."""


class Site:
    """Paths inside a data folder.

    Layout::

        objects/       sealed uploads, originals, results, quarantine, tombstones
        keys/          the key-encryption key, tenant keys, document keys
        bus.sqlite     events and their deliveries
        pubsub.json    where objects and events are instead, on a folder that is on Pub/Sub
        job-token      what starts the deployables' jobs there
        leases.sqlite  who works on what
        register.sqlite, ledger.sqlite
        signers/       the private keys of logs
        log/<tenant>/  the public log; log/<tenant>.vkey its public key
        logs/          log lines of each process
        spans/         finished spans, one JSON line each
        running.lock   held while workers run
        keeper.lock    held by the one process that keeps register and log

    Args:
        folder: the data folder; made on first use, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = folder / "objects"
        self.keys = folder / "keys"
        self.leases = folder / "leases.sqlite"
        self.log = folder / "log"
        self.signers = folder / "signers"
        self.logs = folder / "logs"
        self.spans = folder / "spans"
        self.bus = folder / "bus.sqlite"
        self.backing = folder / "pubsub.json"
        self.job_token = folder / "job-token"
        self.register = folder / "register.sqlite"
        self.ledger = folder / "ledger.sqlite"
        self.running_lock = folder / "running.lock"
        self.keeper_lock = folder / KEEPER_LOCK

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
        if not (self.bus.exists() or self.backing.exists()):
            raise UserError(
                f"no ledger in {self.folder}; run 'docledger run PATH' first, "
                "or name its folder with --data-dir"
            )


class AlreadyRunsError(UserError):
    """Somebody else's workers run on the folder."""


class SiteLock:
    """A lock on a site; the kernel releases it when its holder dies.

    Args:
        path: the lock's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, *, wait: bool) -> bool:
        """Take the lock; without ``wait``, return False when somebody else has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)


@contextmanager
def running(site: Site) -> Iterator[None]:
    """Hold a site for as long as workers run on it.

    Raises:
        AlreadyRunsError: docledger runs on it already.
    """
    lock = SiteLock(site.running_lock)
    if not lock.acquire(wait=False):
        raise AlreadyRunsError(
            f"docledger already runs on {site.folder}; wait for it, stop it, "
            "or name another folder with --data-dir"
        )
    try:
        yield
    finally:
        lock.release()
