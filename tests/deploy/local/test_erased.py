"""What is erased stays erased, whatever comes late; and what the report says is so."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.erasing import erasing_of
from deploy.local.audit import audit
from deploy.local.entrance import entrance_of
from deploy.local.erased import Why, report
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.site import Site
from examples.fixed import fast_examples
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.registered import RegisteredDocument, Terminal
from shared.bus.port import Message
from shared.events.codec import from_message
from shared.events.envelope import Event
from shared.objects.versions import Keeping
from shared.tlog.proof import verify_proof
from tests.deploy.local.test_audit import drain

MAIL, HELD, BROKEN = "mail-with-attachments.eml", "invoice-wrong-total.pdf", "corrupt.pdf"
POSTED, LIVING = "facturx-invoice.pdf", "xml-ubl-invoice.xml"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Take one document of each kind in and through; return the folder and their ids."""
    folder = tmp_path_factory.mktemp("erased")
    site = Site(folder / "data")
    site.create()
    house = House(site)
    entrance = entrance_of(house, "cli")
    jobs = {}
    for example in fast_examples(1):
        if example.name in {MAIL, HELD, BROKEN, POSTED, LIVING}:
            path = folder / example.name
            path.write_bytes(example.content)
            jobs[example.name] = entrance.submit(path).job_id
    drain(house)
    assert audit(house) == []
    ids = {}
    for name, job_id in jobs.items():
        submission = house.register.submission(job_id)
        assert submission is not None
        assert submission.document_id is not None
        ids[name] = submission.document_id
    house.close()
    return site.folder, ids


@pytest.fixture
def house(settled: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[House]:
    """Give a copy of it."""
    shutil.copytree(settled[0], tmp_path / "data")
    house = House(Site(tmp_path / "data"))
    yield house
    house.close()


@pytest.fixture
def ids(settled: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Say which document is which."""
    return settled[1]


def document(house: House, document_id: str) -> RegisteredDocument:
    """Return a document that must be there."""
    found = house.register.document(DEFAULT_TENANT, document_id)
    assert found is not None
    return found


def events(house: House) -> list[Event]:
    """Return every event that the bus remembers, in its order."""
    with closing(sqlite3.connect(house.site.bus)) as bus:
        rows = bus.execute("SELECT attributes, body FROM events ORDER BY seq").fetchall()
    return [from_message(Message(json.loads(attributes), body)) for attributes, body in rows]


def state(house: House) -> tuple[object, ...]:
    """Return everything that a redelivery could change, but what was told."""
    register = house.register
    return (
        sorted((one.name, one.generation) for one in house.objects.list("")),
        sorted(path.name for path in house.site.keys.iterdir()),
        [  # a replay counts up; what came of it is what matters
            (one.document_id, one.revision, one.erased, one.status is None, one.document_type)
            for one in register.documents()
        ],
        register.submissions(),
        [one.entry for one in house.ledger.journal.all_entries(DEFAULT_TENANT)],
        len(list(house.ledger.logs.leaves(DEFAULT_TENANT))),
    )


@pytest.mark.parametrize("backwards", [False, True])
def test_no_late_redelivery_brings_anything_back(
    house: House, ids: dict[str, str], *, backwards: bool
) -> None:
    """Each stored event of each stage again, to every worker that hears it, and its replay."""
    for name in (MAIL, HELD, BROKEN, POSTED):
        erasing_of(house).erase(document(house, ids[name]))
    drain(house)
    house = House(house.site)
    assert audit(house) == []
    before, told = state(house), events(house)
    erased = {one.document_id for one in house.register.documents() if one.erased}
    assert len(erased) == len(house.register.documents()) - 1
    again = [*reversed(told)] if backwards else told
    house.bus.publish([*again, *(replace(one, replay=one.replay + 1) for one in again)])
    drain(house)
    after = House(house.site)
    assert audit(after) == []
    assert told_of(after, told, erased) == []
    assert state(after) == before


def told_of(house: House, before: list[Event], erased: set[str]) -> list[str]:
    """Return types of the events about erased documents that are new."""
    known = {one.id for one in before}
    return [
        one.type.value for one in events(house) if one.subject in erased and one.id not in known
    ]


def test_the_report_is_what_can_be_checked(house: House, ids: dict[str, str]) -> None:
    """Its proofs verify without us, before and after; its dates and counts are those of the act."""
    log = house.ledger.log_of(DEFAULT_TENANT)
    leaves = list(house.ledger.logs.leaves(DEFAULT_TENANT))
    kept = [(log.prove(index), leaf) for index, leaf in enumerate(leaves)]
    family, done = erasing_of(house).erase(document(house, ids[MAIL]))
    drain(house)
    assert family.kept == {}
    settings = ErasureSettings(backup_days=0)
    reports = [report(house, one, kept={}, settings=settings, until=0.0) for one in done]
    assert all(one.proven for one in reports)
    assert {one.because for one in reports} == {Why.KEY_DESTROYED}
    head, *parts = reports
    assert (head.erasure, head.pending) == (None, False)  # the books never heard of an e-mail
    assert parts
    published = list(house.ledger.logs.leaves(DEFAULT_TENANT))
    for one in parts:
        assert one.erasure is not None
        assert one.earlier
        for entry in (one.erasure, *one.earlier):
            proven = verify_proof(entry.proof, log.keys, leaf=published[entry.index])
            assert proven.index == entry.index
    for proof, leaf in kept:
        verify_proof(proof, log.keys, leaf=leaf)


def test_a_report_says_who_else_has_the_bytes(house: House, ids: dict[str, str]) -> None:
    """An attachment's key is gone; the e-mail that carried it has its own, and the bytes."""
    (part, *_others) = erasing_of(house).family(document(house, ids[MAIL])).parts
    _family, (done,) = erasing_of(house).erase(part)
    drain(house)
    told = report(house, done, kept={}, settings=ErasureSettings(), until=0.0)
    assert told.carried_by == [ids[MAIL]]
    assert (told.unrecoverable_from, told.because) == (None, Why.BACKUPS_UNKNOWN)


def test_a_key_that_was_restored_is_told(house: House, ids: dict[str, str]) -> None:
    """Somebody put a backup of the keys back: what was erased can be read again, and is named."""
    path = house.site.keys / ids[POSTED]
    backup = path.read_bytes()
    _family, (done,) = erasing_of(house).erase(document(house, ids[POSTED]))
    drain(house)
    path.write_bytes(backup)
    told = report(house, done, kept={}, settings=ErasureSettings(), until=0.0)
    assert (told.key_gone, told.proven) == (False, False)
    found = {one.code for one in audit(House(house.site))}
    assert "not_erased" in found


def test_a_log_that_was_changed_is_no_proof(house: House, ids: dict[str, str]) -> None:
    """A report that believes the books would prove what is not in the log."""
    _family, (done,) = erasing_of(house).erase(document(house, ids[POSTED]))
    drain(house)
    with closing(sqlite3.connect(house.site.ledger)) as ledger:
        ledger.execute("PRAGMA writable_schema = on")
        ledger.execute("DELETE FROM sqlite_master WHERE type = 'trigger'")
        ledger.commit()
    with closing(sqlite3.connect(house.site.ledger)) as ledger:
        ledger.execute("UPDATE entries SET leaf = x'7b7d' WHERE document_id = ?", (ids[POSTED],))
        ledger.commit()
    told = report(House(house.site), done, kept={}, settings=ErasureSettings(), until=0.0)
    assert told.earlier
    assert not told.proven


def test_what_was_never_booked_is_erased_all_the_same(house: House, ids: dict[str, str]) -> None:
    """In quarantine lies what a person wrote; no entry tells of it, before or after."""
    assert document(house, ids[BROKEN]).terminal is Terminal.QUARANTINED
    _family, (done,) = erasing_of(house).erase(document(house, ids[BROKEN]))
    drain(house)
    told = report(house, done, kept={}, settings=ErasureSettings(), until=0.0)
    assert (told.erasure, told.pending, told.proven) == (None, False, True)
    assert told.removed["quarantine_records"] == 1
    assert [*house.quarantine.list()] == []


class Keeps:
    """A bucket with settings."""

    def __init__(self, keeping: Keeping | None) -> None:
        self._keeping = keeping

    def purge(self, prefix: str) -> int:
        assert prefix
        return 0

    def keeping(self) -> Keeping | None:
        return self._keeping


@pytest.mark.parametrize(
    ("keeping", "backup_days", "days", "why"),
    [
        (Keeping(versions=False, soft_delete_s=0), 0, 0, Why.KEY_DESTROYED),
        (Keeping(versions=True, soft_delete_s=7 * 86_400), 0, 7, Why.SOFT_DELETE),
        (Keeping(versions=False, soft_delete_s=7 * 86_400), 30, 30, Why.BACKUPS),
        (Keeping(versions=False, soft_delete_s=0), None, None, Why.BACKUPS_UNKNOWN),
        (None, 30, None, Why.BUCKET_UNKNOWN),
    ],
)
def test_the_date_is_that_of_whatever_lasts_longest(
    house: House,
    ids: dict[str, str],
    keeping: Keeping | None,
    backup_days: int | None,
    days: int | None,
    why: Why,
) -> None:
    """An upload is sealed under the tenant's key: whoever can bring it back can read it."""
    house.__dict__["versions"] = Keeps(keeping)
    _family, (done,) = erasing_of(house).erase(document(house, ids[BROKEN]))
    settings = ErasureSettings(backup_days=backup_days)
    told = report(house, done, kept={}, settings=settings, until=0.0)
    assert told.because is why
    if days is None:
        assert told.unrecoverable_from is None
    else:
        assert told.unrecoverable_from is not None
        assert (told.unrecoverable_from - told.unreachable_since).days == days
