"""The audit is no tautology: what is taken away behind the system's back is found and named.

And what can be brought back comes back, from what the other parts still say.
"""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.erasing import erasing_of
from deploy.local.audit import audit
from deploy.local.entrance import entrance_of
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.keeper import keep_now
from deploy.local.repair import bring_back
from deploy.local.site import Site
from deploy.local.work import build_work
from examples.fixed import fast_examples
from services.ingest.eraser import Eraser
from shared.worker import names

VICTIM = "invoice-de-letter.pdf"
BROKEN = "corrupt.pdf"
EXAMPLES = ("invoice-de-letter.pdf", "xml-ubl-invoice.xml", "invoice-wrong-total.pdf", BROKEN)


@dataclass(frozen=True)
class Settled:
    """A data folder in which everything is accounted for.

    Attributes:
        folder: the data folder.
        job_id: of the submission that is tampered with.
        document_id: its document.
    """

    folder: Path
    job_id: str
    document_id: str


def drain(house: House) -> None:
    """Let workers and keeper work off what waits, in this process."""
    work = build_work(house, epoch="test")
    try:
        while True:
            while work.loop.turn():
                pass
            keep_now(house)
            if not work.loop.turn():
                return
    finally:
        work.close()


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """Take three documents in and through, once for all tests here."""
    folder = tmp_path_factory.mktemp("settled")
    site = Site(folder / "data")
    site.create()
    house = House(site)
    entrance = entrance_of(house, "cli")
    jobs = {}
    for example in fast_examples(1):
        if example.name in EXAMPLES:
            path = folder / example.name
            path.write_bytes(example.content)
            jobs[example.name] = entrance.submit(path).job_id
    drain(house)
    assert audit(house) == []
    submission = house.register.submission(jobs[VICTIM])
    assert submission is not None
    assert submission.document_id is not None
    return Settled(site.folder, jobs[VICTIM], submission.document_id)


@pytest.fixture
def house(settled: Settled, tmp_path: Path) -> House:
    """Give a copy of the settled folder to tamper with."""
    shutil.copytree(settled.folder, tmp_path / "data")
    return House(Site(tmp_path / "data"))


def sql(path: Path, statement: str) -> None:
    """Run one statement with the triggers out of the way, as somebody with the file can."""
    connection = sqlite3.connect(path)
    with connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        changed = connection.execute(statement).rowcount
    connection.close()
    assert changed > 0, "the attack missed"


def event_of(type_: str) -> Callable[[House, Settled], None]:
    """Return the attack that deletes one event of the victim from the bus."""

    def attack(house: House, settled: Settled) -> None:
        about = settled.job_id if type_ == "upload.arrived" else settled.document_id
        sql(
            house.site.bus,
            f"DELETE FROM events WHERE type = 'docledger.{type_}.v1' "
            f'AND attributes LIKE \'%"ce-subject":"{about}"%\'',
        )

    return attack


def deliveries(house: House, settled: Settled) -> None:
    """Delete what one subscription knows of the victim's events."""
    sql(
        house.site.bus,
        "DELETE FROM settled WHERE subscription IN "
        "(SELECT number FROM subscriptions WHERE name = 'summarize.document-read') AND seq IN "
        f"(SELECT seq FROM events WHERE attributes LIKE '%{settled.document_id}%')",
    )


def result(stage: str) -> Callable[[House, Settled], None]:
    """Return the attack that deletes one result."""

    def attack(house: House, settled: Settled) -> None:
        name = {
            "ingest": names.intake(settled.job_id),
            "ocr": names.stage_result("ocr", settled.document_id, 0),
            "summarize": names.stage_result("summarize", settled.document_id, 0),
        }[stage]
        house.objects.delete(name)

    return attack


def row(file: str, table: str, column: str) -> Callable[[House, Settled], None]:
    """Return the attack that deletes the victim's rows of one table."""

    def attack(house: House, settled: Settled) -> None:
        whose = settled.job_id if column == "job_id" else settled.document_id
        path = house.site.folder / file
        sql(path, f"DELETE FROM {table} WHERE {column} = '{whose}'")

    return attack


ATTACKS = {
    "upload.arrived": event_of("upload.arrived"),
    "document.received": event_of("document.received"),
    "document.read": event_of("document.read"),
    "document.summarized": event_of("document.summarized"),
    "entry.posted": event_of("entry.posted"),
    "deliveries": deliveries,
    "intake": result("ingest"),
    "reading": result("ocr"),
    "summary": result("summarize"),
    "document row": row("register.sqlite", "documents", "document_id"),
    "submission row": row("register.sqlite", "submissions", "job_id"),
    "outbox row": row("ledger.sqlite", "outbox", "document_id"),
    "journal row": row("ledger.sqlite", "entries", "document_id"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_taken_is_named_and_brought_back(
    house: House, settled: Settled, attack: Callable[[House, Settled], None]
) -> None:
    """One event, result or row gone behind its back: named, and made again from the others."""
    before = house.ledger.journal.history(DEFAULT_TENANT, settled.document_id)
    attack(house, settled)
    house = House(house.site)
    found = audit(house)
    assert found
    assert {one.document_id for one in found} <= {settled.document_id, settled.job_id, None}
    assert settled.document_id in {one.document_id for one in found}
    bring_back(house, found)
    drain(house)
    house = House(house.site)
    assert audit(house) == []
    assert house.ledger.journal.history(DEFAULT_TENANT, settled.document_id) == before


def forget_original(house: House, settled: Settled) -> None:
    """Delete the document as it came."""
    house.objects.delete(names.original(settled.document_id))


def forget_key(house: House, settled: Settled) -> None:
    """Destroy the key without an erasure."""
    house.keyring.destroy_document_key(settled.document_id)


def forget_entry(house: House, settled: Settled) -> None:
    """Take the entry and the outbox row that names its document."""
    row("ledger.sqlite", "entries", "document_id")(house, settled)
    row("ledger.sqlite", "outbox", "document_id")(house, settled)


def change_posting(house: House, settled: Settled) -> None:
    """Change what was posted."""
    sql(
        house.site.ledger,
        "UPDATE postings SET amount = amount + 1 WHERE line = 0 AND seq = "
        f"(SELECT seq FROM entries WHERE document_id = '{settled.document_id}')",
    )


@pytest.mark.parametrize("attack", [forget_original, forget_key, forget_entry, change_posting])
def test_what_nobody_can_bring_back_stays_named(
    house: House, settled: Settled, attack: Callable[[House, Settled], None]
) -> None:
    """The sweeper makes nothing up, and above all books nothing a second time."""
    attack(house, settled)
    house = House(house.site)
    found = audit(house)
    assert settled.document_id in {one.document_id for one in found}
    sealed = house.ledger.journal.sequenced(DEFAULT_TENANT)
    bring_back(house, found)
    drain(house)
    house = House(house.site)
    assert settled.document_id in {one.document_id for one in audit(house)}
    assert house.ledger.journal.sequenced(DEFAULT_TENANT) == sealed


def test_what_was_pruned_is_not_missed(house: House) -> None:
    """Events go after their time, and everything is accounted for all the same."""
    assert house.bus.prune(house.clock.now() + timedelta(days=1), most=1_000) > len(EXAMPLES)
    assert audit(House(house.site)) == []


def test_an_erasure_that_nobody_was_told_of_is_named_and_told(
    house: House, settled: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between destroying the key and saying so must not stay between the two."""
    document = house.register.document(DEFAULT_TENANT, settled.document_id)
    assert document is not None
    eraser = Eraser(
        objects=house.objects,
        keyring=house.keyring,
        register=house.register,
        tombstones=house.tombstones,
        publisher=house.bus,
        clock=house.clock,
    )
    with monkeypatch.context() as patch:
        patch.setattr(house.bus, "publish", lambda _events: None)
        eraser.erase(document)
    found = audit(house)
    assert {(one.code, one.document_id) for one in found} == {
        ("event_missing", settled.document_id)
    }
    bring_back(house, found)
    drain(house)
    house = House(house.site)
    assert audit(house) == []
    assert house.register.counts(house.clock.now()).erased == 1


def test_an_erasure_that_the_books_never_heard_of_is_named_and_booked(
    house: House, settled: Settled
) -> None:
    """The ledger gave up on the event: its log would not say that the document is erased."""
    document = house.register.document(DEFAULT_TENANT, settled.document_id)
    assert document is not None
    erasing_of(house).erase(document)
    lost = house.bus.pull("ledger.document-erased", most=9, lease_s=60)
    assert len(lost) == 1
    house.bus.acknowledge(lost)
    drain(house)
    found = audit(House(house.site))
    assert [(one.code, one.document_id, one.detail) for one in found] == [
        ("not_booked", settled.document_id, "erasure")
    ]
    bring_back(house, found)
    drain(house)
    assert audit(House(house.site)) == []


def test_a_replay_that_came_to_no_end_is_named_and_sent_again(house: House) -> None:
    """A replay whose events got lost on the way must not leave a document that waits for nobody."""
    [(name, record)] = house.quarantine.list()
    event = house.quarantine.event_to_replay(name, keyring=house.keyring, at=house.clock.now())
    assert event is not None
    house.quarantine.note_replay(record.stage, event)
    found = audit(house)
    assert [(one.code, one.document_id) for one in found] == [("stranded", record.document_id)]
    bring_back(house, found)
    drain(house)
    house = House(house.site)
    assert audit(house) == []
    assert [again.reason for _, again in house.quarantine.list()] == [record.reason]


def test_late_document_fails_the_audit_and_is_swept(house: House, settled: Settled) -> None:
    """Past its deadline a document is late; its last event goes out again and finishes it."""
    sql(
        house.site.register,
        "UPDATE documents SET terminal = NULL, stage = 'ocr', deadline = 1 "
        f"WHERE document_id = '{settled.document_id}'",
    )
    house = House(house.site)
    assert {"late", "stranded"} <= {str(one.code) for one in audit(house)}
    keep_now(house)
    drain(house)
    assert audit(House(house.site)) == []
