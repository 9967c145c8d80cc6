"""What was taken from the books behind their back comes back as it was."""

from pathlib import Path

import pytest

from services.ledger.adapters.sql import SqlJournal
from services.ledger.audit import check_books
from services.ledger.chart import Chart
from services.ledger.entries import Trail
from services.ledger.restore import bring_back, entry_in
from tests.services.ledger.conftest import TENANT, House, a_summary, document
from tests.services.ledger.test_audit import D1, OF_D1, behind_its_back

TRAIL = Trail("a" * 40, f"00-{'7c' * 16}-{'5e' * 8}-01")


@pytest.fixture
def sealed(sql_journal: SqlJournal, chart: Chart) -> House:
    """Return a ledger with three sealed posts, d0 to d2."""
    house = House(sql_journal, chart)
    for number in range(3):
        house.books(f"d{number}", a_summary(invoice_id=f"N{number}"))
    house.sequencer.step()
    return house


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM outbox WHERE {D1}",
        f"DELETE FROM entries WHERE {D1}",
        f"DELETE FROM postings WHERE {OF_D1}; DELETE FROM entries WHERE {D1}",
    ],
)
def test_rows_taken_behind_its_back_are_made_again(
    sealed: House, sqlite_file: Path, statement: str
) -> None:
    """The leaf and the outbox say together what the entry said; an entry makes its outbox row."""
    before = sealed.journal.history(TENANT, document("d1"))
    for one in statement.split("; "):
        behind_its_back(sqlite_file, one)
    findings = check_books(sealed.journal, sealed.log)
    assert findings
    mended = bring_back(findings, journal=sealed.journal, log=sealed.log, trail_of=lambda *_: TRAIL)
    assert {finding.document_id for finding in mended} == {document("d1")}
    sealed.sequencer.step()
    assert check_books(sealed.journal, sealed.log) == []
    assert sealed.journal.history(TENANT, document("d1")) == before


def test_rows_that_nobody_names_stay_missing(sealed: House, sqlite_file: Path) -> None:
    """Without the outbox row nobody knows whose entry a leaf is: nothing is made up."""
    behind_its_back(sqlite_file, f"DELETE FROM entries WHERE {D1}")
    behind_its_back(sqlite_file, f"DELETE FROM outbox WHERE {D1}")
    findings = check_books(sealed.journal, sealed.log)
    assert not bring_back(
        findings, journal=sealed.journal, log=sealed.log, trail_of=lambda *_: None
    )


def test_a_leaf_that_does_not_make_itself_again_restores_nothing(sealed: House) -> None:
    """A changed leaf must not become a row of the books."""
    leaf = next(iter(sealed.log.leaves(TENANT)))
    assert entry_in(leaf, tenant=TENANT, document_id=document("d0")) is not None
    for forged in (leaf.replace(b'"post"', b'"memo"'), leaf[:-1], b"{}", b"[]"):
        assert entry_in(forged + b" ", tenant=TENANT, document_id=document("d0")) is None


def test_restoring_what_is_there_changes_nothing(memory_house: House, sealed: House) -> None:
    """Two sweepers at once do no harm."""
    for house in (sealed, memory_house):
        if house is memory_house:
            house.books("d1", a_summary())
            house.sequencer.step()
        [before] = house.journal.history(TENANT, document("d1"))
        assert before.index is not None
        house.journal.restore_entry(before.entry, before.index)
        house.journal.restore_outbox(before.entry.entry_id, TRAIL)
        house.journal.restore_outbox("no such entry", TRAIL)
        assert house.journal.history(TENANT, document("d1")) == [before]
        assert len(list(house.journal.outbox(TENANT))) == len(
            list(house.journal.all_entries(TENANT))
        )
