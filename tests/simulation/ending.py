"""Everything that is left when a run has come to rest, as plain data for the invariants."""

from dataclasses import dataclass, field

from services.ingest.registered import Counts, RegisteredDocument, Submission
from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.audit import Finding, check_books
from services.ledger.entries import Booked
from services.ledger.ports import OutboxRow
from shared.keys.port import KeyMissingError
from shared.keys.vault import Vault
from shared.tlog.errors import TlogError
from shared.tlog.note import VerifierKey
from shared.tlog.verify import verify_log
from shared.worker.quarantine import Quarantine, QuarantineRecord
from tests.simulation.papers import Paper
from tests.simulation.people import Done
from tests.simulation.watched import Fact, Published, WatchedFiles
from tests.simulation.workload import Workload
from tests.simulation.world import World, signer_of


@dataclass(frozen=True, slots=True)
class TenantBooks:
    """One tenant's journal and log.

    Attributes:
        entries: of the journal, in its order.
        outbox: its rows.
        covered: entries under the published checkpoint.
        problem: why the log does not verify; None when it does.
        sizes: of every checkpoint that was served, in order.
    """

    entries: tuple[Booked, ...]
    outbox: tuple[OutboxRow, ...]
    covered: int
    problem: str | None
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What somebody handed in, and what was done to it.

    Attributes:
        tenant: whose.
        paper: what it is; None is a file without a byte.
        fixed: whether the workers were mended for it.
    """

    tenant: str
    paper: Paper | None
    fixed: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run.

    Attributes:
        quiet: whether it came to rest.
        stormy: whether anything went wrong that no document was the cause of.
        lossy: whether events were lost behind the bus's back; of what nobody waits for, no sweep
            brings them back: an audit names it.
        swept: whether a sweeper was at work.
        waiting: messages left, by subscription.
        expected: by document id, what was handed in.
        submitted: by job, which document; attachments are not among them.
        erased: documents whose erasure was confirmed.
        counts: the register's sums.
        submissions: the register's rows.
        documents: likewise, by id.
        books: by tenant.
        findings: what the audit of the books says.
        facts: what happened, in order.
        objects: names that exist.
        keys: documents that have a key.
        records: of the quarantine, by document, with whether each was replayed.
    """

    quiet: bool = True
    stormy: bool = False
    lossy: bool = False
    swept: bool = True
    waiting: dict[str, int] = field(default_factory=dict)
    expected: dict[str, Expected] = field(default_factory=dict)
    submitted: dict[str, str] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    counts: Counts = field(default_factory=Counts)
    submissions: tuple[Submission, ...] = ()
    documents: dict[str, RegisteredDocument] = field(default_factory=dict)
    books: dict[str, TenantBooks] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()
    objects: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    records: dict[str, list[tuple[QuarantineRecord, bool]]] = field(default_factory=dict)

    def published(self) -> list[Published]:
        """Return what reached the bus."""
        return [fact for fact in self.facts if isinstance(fact, Published)]


def look_at(world: World, workload: Workload, done: Done, *, quiet: bool) -> Ending:
    """Return everything that is left of a world."""
    expected = {
        matter.document_id(world): Expected(
            matter.tenant,
            matter.paper,
            matter.paper is not None and matter.paper.number in world.health.fixed,
        )
        for matter in workload.matters
    }
    records: dict[str, list[tuple[QuarantineRecord, bool]]] = {}
    for _, record, replayed in Quarantine(
        world.objects, Vault(world.objects, world.keyring)
    ).every():
        records.setdefault(record.document_id, []).append((record, replayed))
    weather = world.chaos.weather
    return Ending(
        quiet=quiet,
        stormy=bool(weather.every or weather.delays or weather.doubles or weather.losses),
        lossy=bool(weather.losses),
        swept=world.sweeps,
        waiting={row.subscription: row.messages for row in world.bus.backlog() if row.messages},
        expected=expected,
        submitted={job: matter.document_id(world) for job, matter in done.submitted.items()},
        erased=frozenset(done.erased),
        counts=world.register.counts(world.clock.now()),
        submissions=tuple(world.register.submissions()),
        documents={one.document_id: one for one in world.register.documents()},
        books={tenant: _books(world, tenant) for tenant in world.journal.tenants()},
        findings=tuple(check_books(world.journal, PublishedLogs(lambda t: _log(world, t)))),
        facts=tuple(world.history.facts),
        objects=frozenset(info.name for info in world.objects.list("")),
        keys=frozenset(name for name in expected if _has_key(world, name)),
        records=records,
    )


def _log(world: World, tenant: str) -> tuple[WatchedFiles, VerifierKey]:
    return world.files[tenant], signer_of(tenant).key


def _books(world: World, tenant: str) -> TenantBooks:
    files = world.files[tenant]
    problem = None
    covered = 0
    try:
        covered = verify_log(files, signer_of(tenant).key).size
    except TlogError as error:
        problem = type(error).__name__
    return TenantBooks(
        entries=tuple(world.journal.all_entries(tenant)),
        outbox=tuple(world.journal.outbox(tenant)),
        covered=covered,
        problem=problem,
        sizes=tuple(files.sizes),
    )


def _has_key(world: World, document_id: str) -> bool:
    try:
        world.keyring.document_key(document_id)
    except KeyMissingError:
        return False
    return True
