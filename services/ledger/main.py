"""The ledger, built: settings in, worker out. Importing this does no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.adapters.places import open_place
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.signing import Signing
from services.ledger.adapters.sql import SqlJournal
from services.ledger.adapters.summaries import StoredSummaries, SummaryNames
from services.ledger.audit import Finding, check_books
from services.ledger.chart import Chart, load_chart
from services.ledger.closing import Periods
from services.ledger.desk import Desk
from services.ledger.exports.lines import Lookup
from services.ledger.handler import handle
from services.ledger.ports import GrowingLog, Journal, LogReader, Summaries
from services.ledger.publication import Publication, PublicFiles
from services.ledger.sequencer import Sequencer
from services.ledger.settings import LedgerSettings
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.database.opening import open_database
from shared.events.envelope import Event
from shared.keys.port import Keyring
from shared.logging.stage_log import StageLog
from shared.telemetry.tracing import Tracing
from shared.tlog.checkpoint import LogKeys
from shared.worker.built import nothing
from shared.worker.outcome import Outcome
from shared.worker.results import Results

LEDGER_FILE: Final = "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything the ledger offers to whoever runs it.

    Attributes:
        handle: the worker's handler, its ports bound.
        sequencer: ``step()`` until it returns 0.
        desk: holds and reversals by hand.
        journal: the books, to be asked.
        logs: the published logs, to be read.
        log_of: the log of a tenant, for proofs.
        chart: accounts and rules.
        names: what exports call a document.
        keyring: for ids.
        periods: closing them.
        close: gives the connections of journal and logs back.
    """

    handle: Callable[[Event], Outcome]
    sequencer: Sequencer
    desk: Desk
    journal: Journal
    logs: LogReader
    log_of: Callable[[str], GrowingLog]
    chart: Chart
    names: Lookup
    keyring: Keyring
    periods: Periods
    close: Callable[[], None] = nothing

    def audit(self) -> list[Finding]:
        """Return what is wrong with journal, outbox and logs."""
        return check_books(self.journal, self.logs)


def assemble(  # noqa: PLR0913 - every port, by name
    *,
    journal: Journal,
    summaries: Summaries,
    keyring: Keyring,
    publisher: Publisher,
    clock: Clock,
    log_of: Callable[[str], GrowingLog],
    logs: LogReader,
    holder: str,
    batch: int,
    tracing: Tracing | None = None,
    lines: StageLog | None = None,
) -> Ledger:
    """Return a ledger over ports that exist already (the simulation's, a test's)."""
    chart = load_chart()
    return Ledger(
        handle=partial(handle, summaries=summaries, keyring=keyring, journal=journal, chart=chart),
        sequencer=Sequencer(
            journal=journal,
            log_of=log_of,
            publisher=publisher,
            keyring=keyring,
            clock=clock,
            holder=holder,
            batch=batch,
            tracing=tracing,
            lines=lines,
        ),
        desk=Desk(journal=journal, keyring=keyring, summaries=summaries, chart=chart, clock=clock),
        journal=journal,
        logs=logs,
        log_of=log_of,
        chart=chart,
        names=SummaryNames(summaries),
        keyring=keyring,
        periods=Periods(journal=journal, keyring=keyring, clock=clock),
    )


def build(  # noqa: PLR0913 - the ports that all workers share, by name
    *,
    data_dir: Path,
    results: Results,
    keyring: Keyring,
    publisher: Publisher,
    clock: Clock,
    holder: str,
    settings: LedgerSettings | None = None,
    tracing: Tracing | None = None,
    lines: StageLog | None = None,
) -> Ledger:
    """Return the ledger over a journal, a log folder, and the keys that sign checkpoints.

    Args:
        data_dir: holds ``log/`` unless the settings name a bucket, ``signers/``, and
            ``ledger.sqlite`` unless they name a server; made where missing.
        results: opens what the summarizer stored.
        keyring: shared by all workers.
        publisher: where entry events go.
        clock: time.
        holder: unique among the processes on this folder.
        settings: default: from the environment.
        tracing: where the sequencer's spans go; nowhere when None.
        lines: where its log lines go; nowhere when None.

    Raises:
        TransientError: the folder cannot be used now.
        UserError: the environment is wrong.
    """
    settings = settings or LedgerSettings.from_environment()
    journal = SqlJournal(open_database(settings.database, data_dir / LEDGER_FILE, JOURNAL))
    place = open_place(data_dir)
    site = _Logs(Signing(data_dir, settings.origin, place=place), journal)
    ledger = assemble(
        journal=journal,
        summaries=StoredSummaries(results),
        keyring=keyring,
        publisher=publisher,
        clock=clock,
        log_of=site.publication,
        logs=PublishedLogs(site.reader),
        holder=holder,
        batch=settings.batch,
        tracing=tracing,
        lines=lines,
    )

    def close() -> None:
        journal.close()
        place.close()

    return replace(ledger, close=close)


class _Logs:
    """The logs of one site, opened when first asked for."""

    def __init__(self, signing: Signing, journal: Journal) -> None:
        self._signing = signing
        self._journal = journal
        self._open: dict[str, PublicFiles] = {}

    def publication(self, tenant: str) -> Publication:
        signer = self._signing.signer(tenant)
        return Publication(
            origin=signer.key.name,
            files=self._files(tenant),
            signer=signer,
            intents=self._journal.intents(tenant),
        )

    def reader(self, tenant: str) -> tuple[PublicFiles, LogKeys]:
        return self._files(tenant), self._signing.signer(tenant).key

    def _files(self, tenant: str) -> PublicFiles:
        if tenant not in self._open:
            self._open[tenant] = self._signing.files(tenant)
        return self._open[tenant]
