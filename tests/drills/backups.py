"""Base backups, archived WAL, and servers that are restored from them."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import psycopg

from tests.emulators.postgres import Postgres
from tests.waiting import wait_until

_SETTINGS: Final = "max_connections = 50\nshared_buffers = 32MB\n"


class Vault:
    """Where a server's base backup and its WAL go: a place that outlives it.

    Args:
        folder: made when missing.
        synced: whether servers and backups wait for the disk; nobody cuts a test's power.
    """

    def __init__(self, folder: Path, *, synced: bool) -> None:
        self._synced = synced
        self._base = folder / "base"
        self._wal = folder / "wal"
        self._wal.mkdir(parents=True)
        self._user: str | None = None

    def server(self, data: Path) -> Postgres:
        """Return a new server that archives its WAL here."""
        copy = f"test ! -f {self._wal}/%f && cp %p {self._wal}/%f"
        server = self._started(data, f"archive_mode = on\narchive_command = '{copy}'\n")
        self._user = server.runs_as
        self._hand_over(self._wal)
        return server

    def back_up(self, server: Postgres) -> int:
        """Take a base backup while the server works.

        Returns:
            How many files its manifest vouches for.

        Raises:
            AssertionError: a file is not what the manifest says.
        """
        command = [str(server.tools / "pg_basebackup"), f"--pgdata={self._base}"]
        command += ["--checkpoint=fast", "--manifest-checksums=SHA256", f"--dbname={server.url()}"]
        command += [] if self._synced else ["--no-sync"]
        subprocess.run(command, check=True, capture_output=True)
        # The wheel's pg_verifybackup crashes at its start; the manifest is JSON.
        listed = json.loads((self._base / "backup_manifest").read_text())["Files"]
        for file in listed:
            content = (self._base / file["Path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["Checksum"], file["Path"]
        return len(listed)

    def archive_now(self, server: Postgres) -> None:
        """Have everything written so far archived."""
        with psycopg.connect(server.url(), autocommit=True) as connection:
            row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        archived = self._wal / row[0]
        wait_until(archived.exists, what="the WAL is archived")

    def restore(self, data: Path, *, until: str | None = None) -> Postgres:
        """Return a server with what backup and WAL say, at its end or at a time.

        Args:
            data: where it is restored to.
            until: a time as PostgreSQL prints it.
        """
        shutil.copytree(self._base, data)
        (data / ".handle_pids.json").unlink(missing_ok=True)
        (data / "recovery.signal").touch()
        self._hand_over(data)
        settings = f"archive_mode = off\nrestore_command = 'cp {self._wal}/%f %p'\n"
        if until is not None:
            settings += f"recovery_target_time = '{until}'\nrecovery_target_action = 'promote'\n"
        server = self._started(data, settings)
        wait_until(lambda: not _recovers(server), what="PostgreSQL recovers")
        return server

    def _started(self, data: Path, settings: str) -> Postgres:
        synced = f"fsync = {'on' if self._synced else 'off'}\n"
        return Postgres(data, settings=_SETTINGS + synced + settings)

    def _hand_over(self, folder: Path) -> None:
        """Give a folder to the user that PostgreSQL runs as, where that is another than we are."""
        if self._user is not None:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, self._user)


def now(server: Postgres) -> str:
    """Return the server's time as it prints it: a point to restore to."""
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
    assert row is not None
    return str(row[0])


def version(server: Postgres) -> str:
    """Return PostgreSQL's version."""
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return str(row[0])


def _recovers(server: Postgres) -> bool:
    with psycopg.connect(server.url()) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,)
