"""A ledger worth auditing: a journal with every kind of entry, and the log that was made of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.rows import entry_row, micros, posting_rows
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.tables import checkpoints, entries, postings
from services.ledger.entries import Entry, Posting
from services.ledger.leaf import leaf_bytes
from services.ledger.publication import Publication
from shared.database.database import Database
from shared.database.inserting import insert_rows
from shared.database.sqlite import open_sqlite
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.reasons import HeldReason
from shared.tlog.signer import Ed25519Signer

FIRST_DAY: Final = dt.date(2026, 1, 1)
FIRST_SEAL: Final = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
"""Each checkpoint is recorded a minute after the one before."""

CYCLE: Final = 10
"""After so many entries the kinds come again: see ``make_entry``."""

_HOLD, _SETTLES = EntryKind.HOLD, {4: 3, 6: 5, 8: 7}
_KINDS: Final = (
    *(EntryKind.POST, EntryKind.MEMO, _HOLD, _HOLD, EntryKind.POST),  # 4 posts the hold 3
    *(_HOLD, EntryKind.VOID),  # 6 voids the hold 5
    *(EntryKind.POST, EntryKind.REVERSAL),  # 8 reverses the post 7
    EntryKind.ERASURE,
)
_TYPES: Final = (DocumentType.INVOICE, DocumentType.RECEIPT, DocumentType.CREDIT_NOTE)
_CURRENCIES: Final = ("EUR", "USD", "JPY")
_POSTING: Final = (EntryKind.POST, EntryKind.REVERSAL)


def entry_id(tenant: str, number: int) -> str:
    """Return the id of the entry at one place of a tenant's log."""
    return keyed_id(b"test", tenant, number)


def make_entry(tenant: str, number: int) -> Entry:
    """Return the entry at one place of a tenant's log: any place, without those before it."""
    place = number % CYCLE
    kind = _KINDS[place]
    settles = entry_id(tenant, number - place + _SETTLES[place]) if place in _SETTLES else None
    document_type = None if kind is EntryKind.ERASURE else _TYPES[number % 3]
    date = FIRST_DAY + dt.timedelta(days=number % 90) if kind in _POSTING else None
    currency, amount = _CURRENCIES[number // CYCLE % 3], 100 + number
    lines = (
        (Posting(f"{6000 + place}", currency, amount), Posting("2000", currency, -amount))
        if kind in _POSTING
        else ()
    )
    reason = HeldReason.TOTAL_MISSING if kind is EntryKind.HOLD else None
    commitment = "" if kind is EntryKind.ERASURE else "ab" * 32
    leaf = leaf_bytes(
        entry_id=entry_id(tenant, number),
        kind=kind,
        revision=0,
        ordinal=0,
        commitment=commitment,
        document_type=document_type,
        date=date,
        reason=reason,
        postings=lines,
        settles=settles,
        actor=None,
    )
    return Entry(
        entry_id=entry_id(tenant, number),
        tenant=tenant,
        document_id=keyed_id(b"test", tenant, "document", number),
        revision=0,
        kind=kind,
        ordinal=0,
        commitment=commitment,
        document_type=document_type,
        date=date,
        reason=reason,
        postings=lines,
        settles=settles,
        actor=None,
        leaf=leaf,
    )


@dataclass(frozen=True)
class Audited:
    """One tenant's log, published.

    Attributes:
        tenant: whose.
        vkey: what an auditor was given by other means.
        sizes: at which it had a checkpoint.
    """

    tenant: str
    vkey: str
    sizes: tuple[int, ...]


def signer_of(tenant: str) -> Ed25519Signer:
    """Return the key of a tenant's log."""
    private = Ed25519PrivateKey.from_private_bytes(tenant.encode().ljust(32))
    return Ed25519Signer(f"docledger.example/log/{tenant}", private)


def keep(
    folder: Path, database: Database, tenant: str, sizes: Sequence[int], *, first_seq: int = 0
) -> Audited:
    """Fill the journal with a tenant's entries and publish a checkpoint at each of ``sizes``."""
    signer = signer_of(tenant)
    files = DirectoryFiles.open(folder, tenant, signer.key)
    log = Publication(origin=signer.key.name, files=files, signer=signer, intents=MemoryIntents())
    start = 0
    for turn, size in enumerate(sizes):
        made = [make_entry(tenant, number) for number in range(start, size)]
        numbered = list(enumerate(made, first_seq + start))
        rows = [entry_row(one, seq) | {"log_index": seq - first_seq} for seq, one in numbered]
        lines = [line for seq, one in numbered for line in posting_rows(one, seq)]
        signed = log.extend([one.leaf for one in made], first_index=start)
        recorded = {
            "tenant": tenant,
            "size": size,
            "root": signed.checkpoint.root,
            "note": signed.note,
            "recorded_at": micros(FIRST_SEAL + turn * dt.timedelta(minutes=1)),
        }
        with database.writing() as connection:
            insert_rows(connection, entries, rows)
            insert_rows(connection, postings, lines)
            connection.execute(insert(checkpoints).values(recorded))
        start = size
    return Audited(tenant, str(signer.key), tuple(sizes))


def change_behind_its_back(folder: Path, statement: str) -> None:
    """Change a journal on SQLite as somebody does who takes its triggers away first."""
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    with database.writing() as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for name in connection.exec_driver_sql(triggers).scalars().all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql(statement)
    database.close()
