"""One flipped bit in any row of the journal is found, and the place of what it hit is named."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.ledger.adapters.sql import SqlJournal
from services.ledger.adapters.tables import metadata
from services.ledger.audit import Finding, FindingCode, check_books
from services.ledger.chart import Chart
from tests.services.ledger.conftest import House
from tests.services.ledger.sealed import CHECKED, SAYS_NOTHING, a_sealed_house, names


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of one row, and the index that a finding about it must name."""

    table: str
    column: str
    rowid: str
    value: object
    index: int

    def flipped(self, bit: int) -> tuple[str, object]:
        """Return the SQL and the value for this cell with one bit flipped."""
        if isinstance(self.value, int):
            return "?", self.value ^ (1 << bit % 63)
        data = bytearray(raw(self.value))
        data[bit // 8 % len(data)] ^= 1 << bit % 8
        return ("?" if isinstance(self.value, bytes) else "CAST(? AS TEXT)"), bytes(data)

    @property
    def bits(self) -> int:
        """How many there are to flip."""
        return 63 if isinstance(self.value, int) else 8 * len(raw(self.value))


def raw(value: object) -> bytes:
    """Text or a blob as bytes."""
    assert isinstance(value, str | bytes)
    return value.encode() if isinstance(value, str) else value


class Vault:
    """A sealed ledger on SQLite, and a hand in its file."""

    def __init__(self, house: House, file: Path) -> None:
        self._house = house
        self.hand = sqlite3.connect(file, isolation_level=None)
        self.hand.execute("PRAGMA foreign_keys = OFF")
        rows = self.hand.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows.fetchall():
            self.hand.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        """Let go."""
        self.hand.close()

    def findings(self) -> list[Finding]:
        """What the audit says now."""
        return check_books(self._house.journal, self._house.log)

    def cells(self) -> list[Cell]:
        """Every value that the books consist of."""
        index_of = dict(self.hand.execute("SELECT seq, log_index FROM entries").fetchall())
        found: list[Cell] = []
        for name in CHECKED:
            table = metadata.tables[name]
            keys = [column.name for column in table.primary_key]
            columns = [column.name for column in table.columns]
            for row in self.hand.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall():
                said = dict(zip(columns, row, strict=True))
                where = " AND ".join(f"{key} = {said[key]!r}" for key in keys)
                index = said["size"] - 1 if "size" in said else index_of[said["seq"]]
                found += [
                    Cell(name, column, where, value, index)
                    for column, value in said.items()
                    if value not in {None, ""} and (name, column) not in SAYS_NOTHING
                ]
        return found

    def posted(self) -> list[int]:
        """The indices of the entries that have postings."""
        query = "SELECT DISTINCT log_index FROM entries JOIN postings USING (seq) ORDER BY 1"
        return [index for (index,) in self.hand.execute(query)]

    def added(self, index: int, *, gap: int, tenant: str | None) -> list[Finding]:
        """Add two postings to an entry, audit, and take them away again."""
        query = (
            "SELECT seq, max(line), postings.tenant, currency"
            " FROM postings JOIN entries USING (seq) WHERE log_index = ? GROUP BY seq"
        )
        seq, last, its, currency = self.hand.execute(query, (index,)).fetchone()
        beyond = [
            (seq, last + 1 + gap + more, tenant or its, account, currency, amount)
            for more, (account, amount) in enumerate((("5000", 700), ("1000", -700)))
        ]
        self.hand.executemany("INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?)", beyond)
        try:
            return self.findings()
        finally:
            self.hand.execute("DELETE FROM postings WHERE seq = ? AND line > ?", (seq, last))

    def flip(self, cell: Cell, bit: int) -> list[Finding] | None:
        """Flip one bit, audit, put the row back; None where the database itself refuses."""
        columns = ", ".join(column.name for column in metadata.tables[cell.table].columns)
        row = self.hand.execute(f"SELECT {columns} FROM {cell.table} WHERE {cell.rowid}").fetchone()
        before = self.hand.execute("SELECT total_changes()").fetchone()
        sql, value = cell.flipped(bit)
        try:
            self.hand.execute(
                f"UPDATE {cell.table} SET {cell.column} = {sql} WHERE {cell.rowid}", (value,)
            )
        except sqlite3.IntegrityError:
            return None
        assert before != self.hand.execute("SELECT total_changes()").fetchone()
        try:
            return self.findings()
        finally:
            where = cell.rowid
            if f"{cell.column} = " in where:  # the row is found by what was just changed
                where = where.replace(f"{cell.column} = {cell.value!r}", f"{cell.column} = {sql}")
            given = (value,) if "?" in where else ()
            self.hand.execute(f"DELETE FROM {cell.table} WHERE {where}", given)
            marks = ", ".join("?" * len(row))
            self.hand.execute(f"INSERT INTO {cell.table} ({columns}) VALUES ({marks})", row)


@pytest.fixture
def vault(sql_journal: SqlJournal, sqlite_file: Path, chart: Chart) -> Iterator[Vault]:
    """A ledger with a few entries, and a hand in its file."""
    opened = Vault(a_sealed_house(sql_journal, chart), sqlite_file)
    assert opened.findings() == []
    yield opened
    opened.close()


def test_a_flipped_bit_in_every_value_of_every_row_is_found(vault: Vault) -> None:
    """No column of the books is decoration: each is sealed, or held against one that is."""
    dice = random.Random(4)
    cells = vault.cells()
    assert {cell.table for cell in cells} == set(CHECKED)
    for cell in cells:
        bit = dice.randrange(cell.bits)
        found = vault.flip(cell, bit)
        assert found is None or names(found, cell.index), (cell, bit, found)
    assert vault.findings() == []


@pytest.mark.parametrize("gap", [0, 3], ids=["next to them", "after a gap"])
@pytest.mark.parametrize("whose", ["the entry's", "another"])
def test_postings_added_to_a_sealed_entry_are_found(vault: Vault, gap: int, whose: str) -> None:
    """They balance and break no constraint; what was sealed does not have them."""
    for index in vault.posted():
        found = vault.added(index, gap=gap, tenant=whose if whose == "another" else None)
        assert names(found, index), (index, found)
    assert vault.findings() == []


def test_postings_of_no_entry_at_all_are_found(vault: Vault) -> None:
    """The trial balance would add them up, and nothing else would ever read them."""
    vault.hand.executemany(
        "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?)",
        [(99, 0, "acme", "5000", "EUR", 700), (99, 1, "acme", "1000", "EUR", -700)],
    )
    assert vault.findings() == [Finding(FindingCode.POSTING_STRAY, "acme")] * 2


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_flipped_bit_in_every_byte_of_every_row_is_found(vault: Vault) -> None:
    """As above, and no byte is left out."""
    for cell in vault.cells():
        for place in range(0, cell.bits, 8):
            bit = place + place // 8 % min(8, cell.bits - place)
            found = vault.flip(cell, bit)
            assert found is None or names(found, cell.index), (cell, bit, found)
