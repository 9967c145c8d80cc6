"""One flipped bit in any row of the journal is found, and the place of what it hit is named."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.ledger.adapters.sql import SqlJournal
from services.ledger.adapters.tables import metadata
from services.ledger.audit import Finding, check_books
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
        self._hand = sqlite3.connect(file, isolation_level=None)
        self._hand.execute("PRAGMA foreign_keys = OFF")
        rows = self._hand.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows.fetchall():
            self._hand.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        """Let go."""
        self._hand.close()

    def findings(self) -> list[Finding]:
        """What the audit says now."""
        return check_books(self._house.journal, self._house.log)

    def cells(self) -> list[Cell]:
        """Every value that the books consist of."""
        index_of = dict(self._hand.execute("SELECT seq, log_index FROM entries").fetchall())
        found: list[Cell] = []
        for name in CHECKED:
            table = metadata.tables[name]
            keys = [column.name for column in table.primary_key]
            columns = [column.name for column in table.columns]
            for row in self._hand.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall():
                said = dict(zip(columns, row, strict=True))
                where = " AND ".join(f"{key} = {said[key]!r}" for key in keys)
                index = said["size"] - 1 if "size" in said else index_of[said["seq"]]
                found += [
                    Cell(name, column, where, value, index)
                    for column, value in said.items()
                    if value not in {None, ""} and (name, column) not in SAYS_NOTHING
                ]
        return found

    def flip(self, cell: Cell, bit: int) -> list[Finding] | None:
        """Flip one bit, audit, put the row back; None where the database itself refuses."""
        columns = ", ".join(column.name for column in metadata.tables[cell.table].columns)
        row = self._hand.execute(
            f"SELECT {columns} FROM {cell.table} WHERE {cell.rowid}"
        ).fetchone()
        before = self._hand.execute("SELECT total_changes()").fetchone()
        sql, value = cell.flipped(bit)
        try:
            self._hand.execute(
                f"UPDATE {cell.table} SET {cell.column} = {sql} WHERE {cell.rowid}", (value,)
            )
        except sqlite3.IntegrityError:
            return None
        assert before != self._hand.execute("SELECT total_changes()").fetchone()
        try:
            return self.findings()
        finally:
            where = cell.rowid
            if f"{cell.column} = " in where:  # the row is found by what was just changed
                where = where.replace(f"{cell.column} = {cell.value!r}", f"{cell.column} = {sql}")
            given = (value,) if "?" in where else ()
            self._hand.execute(f"DELETE FROM {cell.table} WHERE {where}", given)
            marks = ", ".join("?" * len(row))
            self._hand.execute(f"INSERT INTO {cell.table} ({columns}) VALUES ({marks})", row)


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


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_flipped_bit_in_every_byte_of_every_row_is_found(vault: Vault) -> None:
    """As above, and no byte is left out."""
    for cell in vault.cells():
        for place in range(0, cell.bits, 8):
            bit = place + place // 8 % min(8, cell.bits - place)
            found = vault.flip(cell, bit)
            assert found is None or names(found, cell.index), (cell, bit, found)
