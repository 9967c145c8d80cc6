"""Erased on PostgreSQL: its files, its write-ahead log and a backup from before tell nothing.

Deleted rows stay in all three, so nothing is written there that an erasure would have to take back.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.erasing import erasing_of
from deploy.local.audit import audit
from deploy.local.entrance import entrance_of
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.site import Site
from examples.canaries import Form, canary_invoice, make_canaries
from services.ingest.register_schema import REGISTER
from services.ledger.adapters.schema import JOURNAL
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.opening import open_database
from shared.database.postgres import connect
from shared.database.schema import Schema
from shared.tlog.proof import verify_proof
from tests.deploy.local.test_audit import drain
from tests.e2e.needles import (
    Seeker,
    content_of,
    forms_of,
    keys_of,
    needles_of,
    opened_by_any_key,
    seen_below,
    seen_in,
)
from tests.emulators.postgres import Postgres, postgres_folder

pytestmark = pytest.mark.integration

SEALED = b"DLSE"  # how everything begins that is sealed
FORMS: tuple[Form, ...] = ("pdf", "mail")
PROBE = b"Aurelia Probe-Rosenquast"


@dataclass(frozen=True)
class Erased:
    """A data folder on PostgreSQL after the erasure of two people's documents.

    Attributes:
        house: its ports.
        pgdata: the server's files, WAL included, as they lie on the disk.
        backup: a base backup of them, taken before the erasure.
        objects: a backup of the sealed objects, taken before, too.
        needles: what must not be found.
        keys: of the documents, as they were.
        proofs: made before, with their leaves.
        url: of the database.
        ids: of the erased documents.
    """

    house: House
    pgdata: Path
    backup: Path
    objects: Path
    needles: set[bytes]
    keys: list[bytes]
    proofs: list[tuple[str, bytes]]
    url: str
    ids: list[str]


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """Run two people's documents, back everything up, erase them."""
    base = tmp_path_factory.mktemp("erasure-postgres")
    with postgres_folder() as pgdata, pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for module in ("services.ingest.register_opened", "services.ledger.main"):
            patch.setattr(f"{module}.open_database", partial(_closed_with, stack))
        server = Postgres(pgdata)
        url = server.url(server.create())
        for schema, variable in ((REGISTER, "REGISTER"), (JOURNAL, "LEDGER")):
            database = connect(url, schema)
            migrate(database)
            database.close()
            patch.setenv(f"DOCLEDGER_{variable}_DATABASE", url)
        house = House(Site(base / "data"))
        house.site.create()
        needles: set[bytes] = set()
        jobs = []
        for seed, form in enumerate(FORMS, start=31):
            person = make_canaries(seed)
            paper = canary_invoice(person, form=form, seed=seed)
            needles |= needles_of(person, paper)
            (base / paper.name).write_bytes(paper.content)
            jobs.append(entrance_of(house, "cli").submit(base / paper.name).job_id)
        drain(house)
        documents = house.register.documents()
        with psycopg.connect(url, autocommit=True) as admin:
            backup = _base_backup(admin, pgdata, base / "backup")
        shutil.copytree(house.site.objects, base / "before" / "objects")
        log = house.ledger.log_of(DEFAULT_TENANT)
        leaves = list(house.ledger.logs.leaves(DEFAULT_TENANT))
        proofs = [(log.prove(index), leaf) for index, leaf in enumerate(leaves)]
        keys = [house.keyring.document_key(one.document_id) for one in documents]
        for job_id in jobs:
            submission = house.register.submission(job_id)
            assert submission is not None
            assert submission.document_id is not None
            document = house.register.document(DEFAULT_TENANT, submission.document_id)
            assert document is not None
            erasing_of(house).erase(document)
        drain(house)
        with psycopg.connect(url, autocommit=True) as admin:
            _leave_a_dead_row(admin)
            admin.execute("CHECKPOINT")
        yield Erased(
            house=house,
            pgdata=pgdata,
            backup=backup,
            objects=base / "before",
            needles=needles,
            keys=keys,
            proofs=proofs,
            url=url,
            ids=[one.document_id for one in documents],
        )
        house.close()
        stack.close()
        server.stop()


def _closed_with(stack: ExitStack, url: str | None, file: Path, schema: Schema) -> Database:
    """Open a database, to be closed with the others: a process would just end."""
    database = open_database(url, file, schema)
    stack.callback(database.close)
    return database


def _leave_a_dead_row(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Write a name and delete it: what a careless table would have done."""
    admin.execute("CREATE TABLE IF NOT EXISTS probe (name text)")
    admin.execute("INSERT INTO probe VALUES (%s)", (PROBE.decode(),))
    admin.execute("DELETE FROM probe")


def _base_backup(admin: "psycopg.Connection[tuple[object, ...]]", pgdata: Path, to: Path) -> Path:
    """Copy the server's files as PostgreSQL's low-level backup API says."""
    admin.execute("SELECT pg_backup_start('before', true)")
    _leave_a_dead_row(admin)
    sockets = shutil.ignore_patterns(".s.*", "postmaster.*")
    shutil.copytree(pgdata, to, ignore=sockets)
    admin.execute("SELECT pg_backup_stop()")
    return to


def _cells(url: str) -> Iterator[bytes]:
    """Yield every value of every table, decompressed and put together from TOAST."""
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s)"
    with psycopg.connect(url) as connection:
        names = connection.execute(tables, ([REGISTER.name, JOURNAL.name],)).fetchall()
        assert len(names) >= 10
        for schema, table in names:
            query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table))
            for row in connection.execute(query):
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()


def test_everything_is_erased_and_accounted_for(erased: Erased) -> None:
    """The e-mail's parts, too; and nothing is missing on PostgreSQL."""
    house = House(erased.house.site)
    documents = house.register.documents()
    assert all(one.erased for one in documents)
    assert {one.document_id for one in documents} == set(erased.ids)
    assert audit(house) == []
    house.close()


def test_the_search_finds_deleted_rows(erased: Erased) -> None:
    """In a table's file, in the write-ahead log, and in the backup: so it is a fair search."""
    places = set()
    for folder in (erased.pgdata, erased.backup):
        for path in seen_below(folder, forms_of(PROBE)):
            places.add((folder.name, path.split("/")[0]))
    assert {("backup", "pg_wal"), ("data", "base"), ("data", "pg_wal")} <= places


def test_no_file_of_the_server_tells_anything(erased: Erased) -> None:
    """Neither now nor in the backup from before; nor is anything sealed there that awaits a key."""
    seeker = Seeker({*erased.needles, *(key for key in erased.keys), SEALED.lower()})
    for folder in (erased.pgdata, erased.backup):
        for path in folder.rglob("*"):
            content = content_of(path)
            assert seeker.seen_in(content) - {SEALED.lower()} == set(), path
            assert SEALED not in content, path
            assert not any(key in content for key in erased.keys), path


def test_no_value_tells_anything(erased: Erased) -> None:
    """PostgreSQL compresses long values: they are looked at as it returns them, too."""
    seeker = Seeker(erased.needles)
    for value in _cells(erased.url):
        assert seeker.seen_in(value) == set()
        assert SEALED not in value
        assert not any(key in value for key in erased.keys)


def test_no_remaining_key_opens_what_was_backed_up(erased: Erased) -> None:
    """Every sealed object of before, with every key that is left."""
    site = erased.house.site
    shutil.copytree(site.keys, erased.objects / "keys", dirs_exist_ok=True)
    shutil.copytree(site.folder / "signers", erased.objects / "signers", dirs_exist_ok=True)
    sealed = [path for path in erased.objects.rglob("*") if path.is_file()]
    assert len([path for path in sealed if path.read_bytes().startswith(SEALED)]) >= 6
    assert keys_of(site.folder)
    found = [
        name for name, plain in opened_by_any_key(erased.objects) if seen_in(plain, erased.needles)
    ]
    assert found == []


def test_proofs_made_before_and_after_verify(erased: Erased) -> None:
    """What the books say of it stays, and is provable."""
    log = erased.house.ledger.log_of(DEFAULT_TENANT)
    leaves = list(erased.house.ledger.logs.leaves(DEFAULT_TENANT))
    assert len(leaves) > len(erased.proofs) >= len(FORMS)
    for proof, leaf in erased.proofs:
        verify_proof(proof, log.keys, leaf=leaf)
    for index, leaf in enumerate(leaves):
        assert verify_proof(log.prove(index), log.keys, leaf=leaf).index == index
