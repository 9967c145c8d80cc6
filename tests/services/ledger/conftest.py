"""A ledger in memory, on SQLite or on PostgreSQL, and documents to book."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.adapters.memory import MemoryJournal
from services.ledger.adapters.public_files import MemoryFiles
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.chart import Chart, load_chart
from services.ledger.closing import Periods
from services.ledger.desk import Desk
from services.ledger.handler import handle
from services.ledger.ports import Journal
from services.ledger.publication import Publication
from services.ledger.sequencer import Sequencer
from shared.clock import FakeClock
from shared.database.sqlite import open_sqlite
from shared.events.envelope import Event, make_event
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentSummarized, DocumentType, Reference
from shared.events.results import FieldName, FieldValue, Summary
from shared.keys.memory import MemoryKeyring
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.telemetry.reasons import HeldReason
from shared.tlog.note import VerifierKey
from shared.tlog.signer import Ed25519Signer
from shared.worker import names
from shared.worker.outcome import Outcome
from tests.services.ledger.postgres_journals import (
    JournalDatabase,
    journal_database,
    journal_template,
)

__all__ = ["journal_database", "journal_template"]

TENANT = "acme"
TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
INVOICE: dict[FieldName, str] = {
    "supplier_name": "Müller GmbH",
    "invoice_id": "R-1",
    "invoice_date": "2026-01-31",
    "currency": "EUR",
    "net_amount": "100.00",
    "total_tax_amount": "19.00",
    "total_amount": "119.00",
}


def document(name: str) -> str:
    """Return the id of a document that a test calls ``name``."""
    return keyed_id(b"test", name)


def a_summary(
    document_type: DocumentType = DocumentType.INVOICE,
    *,
    doubts: tuple[HeldReason, ...] = (),
    without: Sequence[FieldName] = (),
    **changed: str,  # by field name
) -> Summary:
    """Return the summary of a good invoice, changed."""
    values = {**INVOICE, **cast("dict[FieldName, str]", changed)}
    return Summary(
        document_type=document_type,
        type_confidence=1.0,
        summary="An invoice.",
        fields={
            name: FieldValue(value=value, confidence=1.0, evidence=())
            for name, value in values.items()
            if name not in without
        },
        doubts=doubts,
    )


class FakeSummaries:
    """Summaries by the name of their object; gone with the document's key."""

    def __init__(self, keyring: MemoryKeyring) -> None:
        self._keyring = keyring
        self.stored: dict[str, Summary] = {}

    def open(self, source: Reference | str) -> Summary:
        name = source if isinstance(source, str) else source.name
        if name not in self.stored:
            raise NotFoundError
        try:
            self._keyring.document_key(name.split("/")[2])
        except KeyMissingError as err:
            raise ErasedError from err
        return self.stored[name]


class FakePublisher:
    """Keeps what was published; can fail before or after."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.before: Exception | None = None
        self.after: Exception | None = None

    def publish(self, events: Sequence[Event]) -> None:
        if self.before is not None:
            raise self.before
        self.events.extend(events)
        if self.after is not None:
            raise self.after


class House:
    """A whole ledger around one journal."""

    def __init__(self, journal: Journal, chart: Chart) -> None:
        self.journal = journal
        self.chart = chart
        self.keyring = MemoryKeyring()
        self.summaries = FakeSummaries(self.keyring)
        self.publisher = FakePublisher()
        self.clock = FakeClock()
        self.files: dict[str, MemoryFiles] = {}
        self.signers: dict[str, Ed25519Signer] = {}
        self.sequencer = self.another_sequencer("first")
        self.desk = Desk(
            journal=journal,
            keyring=self.keyring,
            summaries=self.summaries,
            chart=chart,
            clock=self.clock,
        )
        self.periods = Periods(journal=journal, keyring=self.keyring, clock=self.clock)
        self.log = PublishedLogs(self.reader)

    @property
    def actor(self) -> str:
        return keyed_id(b"test", "actor")

    def another_sequencer(self, holder: str, batch: int = 1000) -> Sequencer:
        return Sequencer(
            journal=self.journal,
            log_of=self.publication,
            publisher=self.publisher,
            keyring=self.keyring,
            clock=self.clock,
            holder=holder,
            batch=batch,
        )

    def signer(self, tenant: str) -> Ed25519Signer:
        return self.signers.setdefault(
            tenant, Ed25519Signer(f"test.example/log/{tenant}", Ed25519PrivateKey.generate())
        )

    def publication(self, tenant: str) -> Publication:
        signer = self.signer(tenant)
        return Publication(
            origin=signer.key.name,
            files=self.files.setdefault(tenant, MemoryFiles()),
            signer=signer,
            intents=self.journal.intents(tenant),
        )

    def reader(self, tenant: str) -> tuple[MemoryFiles, VerifierKey]:
        return self.files.setdefault(tenant, MemoryFiles()), self.signer(tenant).key

    def arrives(
        self, name: str, summary: Summary, *, revision: int = 0, tenant: str = TENANT
    ) -> Event:
        """Store a summary and return the event that announces it."""
        document_id = document(name)
        self.keyring.create_document_key(document_id)
        stored = names.stage_result("summarize", document_id, revision)
        self.summaries.stored[stored] = summary
        reference = Reference(name=stored, generation=1, digest="0" * 64, size=1)
        return make_event(
            DocumentSummarized(
                document_id=document_id,
                revision=revision,
                original=reference,
                result=reference,
                pages=1,
                document_type=summary.document_type,
            ),
            tenant_key=self.keyring.tenant_key(tenant, TenantPurpose.IDS),
            tenant=tenant,
            source="summarize",
            subject=document_id,
            jobid=keyed_id(b"test", "job", name),
            traceparent=TRACE,
            time=self.clock.now(),
        )

    def handle(self, event: Event) -> Outcome:
        return handle(
            event,
            summaries=self.summaries,
            keyring=self.keyring,
            journal=self.journal,
            chart=self.chart,
        )

    def books(self, name: str, summary: Summary | None = None, *, revision: int = 0) -> Event:
        """Let a document arrive and be handled."""
        event = self.arrives(name, summary or a_summary(), revision=revision)
        assert self.handle(event) == Outcome()
        return event

    def kinds(self, name: str, tenant: str = TENANT) -> list[str]:
        history = self.journal.history(tenant, document(name))
        return [booked.entry.kind.value for booked in history]


@pytest.fixture(scope="session")
def chart() -> Chart:
    """Return the chart that ships."""
    return load_chart()


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """Return where the journal lies, for those who go behind its back."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def sql_journal(sqlite_file: Path) -> Iterator[SqlJournal]:
    """Give a journal on SQLite."""
    journal = SqlJournal(open_sqlite(sqlite_file, JOURNAL))
    yield journal
    journal.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest) -> Journal:
    """Each implementation of the port: whatever takes this runs on all of them."""
    if request.param == "memory":
        return MemoryJournal()
    if request.param == "postgresql":
        database: JournalDatabase = request.getfixturevalue("journal_database")
        return database.journal()
    found: SqlJournal = request.getfixturevalue("sql_journal")
    return found


@pytest.fixture
def house(journal: Journal, chart: Chart) -> House:
    """A whole ledger on each journal."""
    return House(journal, chart)


@pytest.fixture
def memory_house(chart: Chart) -> House:
    """A whole ledger on the journal in memory, where the journal does not matter."""
    return House(MemoryJournal(), chart)


@pytest.fixture
def summary() -> Callable[..., Summary]:
    """Return what makes summaries."""
    return a_summary
