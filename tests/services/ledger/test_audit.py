"""The audit is no tautology: each thing done behind the ledger's back is found and named."""

import json
import sqlite3
from pathlib import Path

import pytest

from services.ledger.adapters.sql import SqlJournal
from services.ledger.audit import FindingCode, check_books
from services.ledger.chart import Chart
from shared.tlog.tiles import bundle_path, encode_bundle
from tests.services.ledger.conftest import TENANT, House, a_summary, document


@pytest.fixture
def sealed(sql_journal: SqlJournal, chart: Chart) -> House:
    """Return a ledger with three sealed posts, d0 to d2."""
    house = House(sql_journal, chart)
    for number in range(3):
        house.books(f"d{number}", a_summary(invoice_id=f"N{number}"))
    house.sequencer.step()
    assert check_books(house.journal, house.log) == []
    return house


def behind_its_back(file: Path, statement: str) -> None:
    """Run one statement with the triggers out of the way, as an attacker with the file can."""
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
    connection.close()


D1 = f"document_id = '{document('d1')}'"
OF_D1 = f"seq = (SELECT seq FROM entries WHERE {D1})"


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        (f"DELETE FROM outbox WHERE {D1}", {FindingCode.OUTBOX_MISSING}),
        (f"DELETE FROM entries WHERE {D1}", {FindingCode.ENTRY_MISSING, FindingCode.LEAF_UNKNOWN}),
        (
            f"UPDATE postings SET amount = amount + 1 WHERE line = 0 AND {OF_D1}",
            {FindingCode.LEAF_CHANGED, FindingCode.UNBALANCED},
        ),
        (
            f"UPDATE postings SET account = '1000' WHERE line = 0 AND {OF_D1}",
            {FindingCode.LEAF_CHANGED},
        ),
        (f"DELETE FROM postings WHERE {OF_D1}", {FindingCode.LEAF_CHANGED, FindingCode.UNBALANCED}),
        (f"UPDATE entries SET date = '2020-01-01' WHERE {D1}", {FindingCode.LEAF_CHANGED}),
        (
            f"UPDATE entries SET leaf = x'7b7d' WHERE {D1}",
            {FindingCode.LEAF_CHANGED, FindingCode.LEAF_DIFFERS},
        ),
        (
            f"UPDATE entries SET log_index = NULL WHERE {D1}",
            {FindingCode.TOLD_TOO_EARLY, FindingCode.LEAF_UNKNOWN},
        ),
    ],
)
def test_a_row_touched_behind_its_back_is_found(
    sealed: House, sqlite_file: Path, statement: str, codes: set[FindingCode]
) -> None:
    """Every table of the journal speaks against the others and the log."""
    behind_its_back(sqlite_file, statement)
    found = check_books(sealed.journal, sealed.log)
    named = {finding.code for finding in found if finding.document_id == document("d1")}
    assert named == codes
    assert {finding.document_id for finding in found} <= {document("d1"), None}


def test_a_gap_among_the_indices_is_found(sealed: House, sqlite_file: Path) -> None:
    """Somebody took an entry out of the middle, its outbox row too."""
    behind_its_back(sqlite_file, f"DELETE FROM entries WHERE {D1}")
    behind_its_back(sqlite_file, f"DELETE FROM outbox WHERE {D1}")
    found = check_books(sealed.journal, sealed.log)
    assert {(finding.code, finding.index) for finding in found} == {
        (FindingCode.INDEX_GAP, 1),
        (FindingCode.LEAF_UNKNOWN, 1),
        (FindingCode.POSTING_STRAY, None),  # nobody's, and still in the balance
    }


def test_another_leaf_in_the_log_is_found(sealed: House) -> None:
    """The published log is compared leaf by leaf with the journal."""
    files = sealed.files[TENANT].files
    leaves = list(sealed.log.leaves(TENANT))
    forged = json.dumps({"id": "forged"}).encode()
    files[bundle_path(0, 3)] = encode_bundle([leaves[0], forged, leaves[2]])
    [finding] = check_books(sealed.journal, sealed.log)
    assert (finding.code, finding.document_id) == (FindingCode.LEAF_DIFFERS, document("d1"))


def test_a_log_that_lost_its_tail_is_found(sealed: House, memory_house: House) -> None:
    """The checkpoint history knows what was covered, whatever the folder shows now."""
    memory_house.books("d0", a_summary(invoice_id="N0"))
    sealed.files[TENANT].files.clear()
    found = check_books(sealed.journal, sealed.log)
    assert [finding.code for finding in found] == [FindingCode.LEAF_LOST] * 3
    assert {f.document_id for f in found} == {document(f"d{n}") for n in range(3)}


def test_a_damaged_log_is_found(sealed: House) -> None:
    """A missing bundle is a finding, not a crash of the audit."""
    del sealed.files[TENANT].files[bundle_path(0, 3)]
    codes = [finding.code for finding in check_books(sealed.journal, sealed.log)]
    assert codes[0] is FindingCode.LOG_DAMAGED
    assert codes[1:] == [FindingCode.LEAF_LOST] * 3


def test_what_is_on_its_way_is_no_finding(house: House) -> None:
    """An entry that waits for the sequencer is late at worst, not wrong."""
    house.books("a")
    assert check_books(house.journal, house.log) == []


def test_a_leaf_that_is_no_json_is_found(sealed: House, sqlite_file: Path) -> None:
    """Garbage in the log names no document, and does not stop the audit."""
    behind_its_back(sqlite_file, f"DELETE FROM entries WHERE {D1}")
    files = sealed.files[TENANT].files
    leaves = list(sealed.log.leaves(TENANT))
    files[bundle_path(0, 3)] = encode_bundle([leaves[0], b"\x00", leaves[2]])
    codes = {finding.code for finding in check_books(sealed.journal, sealed.log)}
    assert FindingCode.LEAF_UNKNOWN in codes
