"""The restore drill: a server is lost; its backup and WAL, and the published log, are not.

Restored to its end the journal holds all that was archived, verifies against every published
checkpoint and goes on. Restored to an earlier time it is stale, and refuses to sign.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.ledger.adapters.grants import SEQUENCER, WORKER
from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.audit import check_books
from services.ledger.publication import StaleLogError
from services.ledger.sequencer import LEASE_S
from shared.clock import FakeClock
from shared.database.postgres import open_postgres
from shared.tlog.reader import read_checkpoint
from shared.tlog.verify import verify_log
from tests.drills.backups import Vault, now, version
from tests.drills.evidence import Evidence
from tests.emulators.postgres import Postgres
from tests.services.ledger.failing_over import Log, book_many, finish
from tests.services.ledger.postgres_journals import LOGINS, JournalTemplate

TENANT: Final = "acme"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many entries: before the base backup, after it, and after the last archived WAL."""

    before: int = 20_000
    after: int = 10_000
    lost: int = 500


class Drill:
    """One drill.

    Args:
        folder: empty; PostgreSQL's data and sockets lie in it, so its path is short.
        sizes: of the journal.
        synced: whether to wait for the disk.
    """

    def __init__(self, folder: Path, sizes: Sizes, *, synced: bool) -> None:
        self._folder = folder
        self._sizes = sizes
        self._clock = FakeClock()
        self._log_folder = folder / "published"
        self._log_folder.mkdir()
        self._log = Log(TENANT, self._log_folder)
        self._vault = Vault(folder / "vault", synced=synced)

    def run(self) -> Evidence:
        """Do it all; an ``AssertionError`` is a drill that failed."""
        evidence = Evidence("restore")
        earlier = self._disaster(evidence)
        published = self._published()
        self._restored(evidence, published)
        self._stale(evidence, earlier)
        return evidence

    def _disaster(self, evidence: Evidence) -> str:
        """Work, back up, work on, lose the server; return a time before the last checkpoint."""
        sizes = self._sizes
        server = self._vault.server(self._folder / "a")
        database = JournalTemplate(server)
        self._database = database.name
        with self._journal(server, WORKER) as worker, self._journal(server, SEQUENCER) as sealing:
            sequencer = self._log.sequencer(sealing, "first", self._clock)
            book_many(worker, TENANT, 0, sizes.before)
            finish(sequencer)
            begun = time.perf_counter()
            files = self._vault.back_up(server)
            evidence.note(f"base backup by pg_basebackup, its {files:,} files as its manifest says")
            evidence.figure("base backup", time.perf_counter() - begun, "s")
            book_many(worker, TENANT, sizes.before, sizes.after)
            earlier = now(server)
            finish(sequencer)
            self._vault.archive_now(server)
            book_many(worker, TENANT, sizes.before + sizes.after, sizes.lost)
        evidence.figure("entries acknowledged at the disaster", sum(self._acknowledged), "entries")
        evidence.figure("of them sealed and published", self._published(), "entries")
        evidence.said["PostgreSQL"] = version(server)
        server.kill()
        evidence.note("every process of the server killed; its data folder is never read again")
        return earlier

    def _restored(self, evidence: Evidence, published: int) -> None:
        begun = time.perf_counter()
        server = self._vault.restore(self._folder / "b")
        with self._journal(server, "owner") as journal, self._journal(server, SEQUENCER) as sealing:
            there = len(list(journal.all_entries(TENANT)))
            logs = PublishedLogs(lambda _tenant: (self._log.files, self._log.signer.key))
            assert check_books(journal, logs) == []
            known = [one.checkpoint for one in journal.checkpoints(TENANT)]
            earlier = [one for one in known if one.size < published]
            verified = verify_log(self._log.files, self._log.signer.key, known=earlier)
            assert verified.size == journal.sequenced(TENANT) == known[-1].size == published
            evidence.note(
                f"journal, outbox and log agree; the log verifies from its first leaf, through "
                f"{len(known)} checkpoints of the restored history, to the published one"
            )
            self._clock.sleep(LEASE_S + 1)
            with self._journal(server, WORKER) as worker:
                book_many(worker, TENANT, sum(self._acknowledged), 1)
            finish(self._log.sequencer(sealing, "restored", self._clock))
            assert self._published() == there + 1
            rto = time.perf_counter() - begun
            evidence.note("the restored journal takes an entry and seals it: the log goes on")
            evidence.figure("RPO", sum(self._acknowledged) - there, "entries")
            evidence.figure("RTO", rto, "s")
        server.stop()

    def _stale(self, evidence: Evidence, until: str) -> None:
        before = self._log.files.read("checkpoint")
        server = self._vault.restore(self._folder / "c", until=until)
        with self._journal(server, SEQUENCER) as sealing:
            self._clock.sleep(LEASE_S + 1)
            assert sealing.sequenced(TENANT) < self._published()
            try:
                self._log.sequencer(sealing, "stale", self._clock).step()
            except StaleLogError as refusal:
                evidence.note(f"restored to an earlier time it refuses to sign: {refusal}")
            else:
                raise AssertionError("a stale journal signed")
        assert self._log.files.read("checkpoint") == before
        verify_log(self._log.files, self._log.signer.key)
        evidence.note("the published log is untouched and verifies")
        server.stop()

    @property
    def _acknowledged(self) -> tuple[int, int, int]:
        return self._sizes.before, self._sizes.after, self._sizes.lost

    def _published(self) -> int:
        return read_checkpoint(self._log.files, self._log.signer.key).checkpoint.size

    @contextmanager
    def _journal(self, server: Postgres, role: str) -> Iterator[SqlJournal]:
        user = LOGINS.get(role, "t_owner")
        journal = SqlJournal(open_postgres(server.url(self._database, user=user), JOURNAL))
        yield journal
        journal.close()


def drill(folder: Path, sizes: Sizes | None = None, *, synced: bool = True) -> Evidence:
    """Lose a server, restore it, and restore it to too early a time."""
    return Drill(folder, sizes or Sizes(), synced=synced).run()
