"""The bookkeepers' own programs accept the exports and come to our balance, to the last unit."""

import csv
import io
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from beancount import loader
from beancount.core.data import Transaction

from services.ledger.adapters.admission import UnbalancedError
from services.ledger.adapters.sql import SqlJournal
from services.ledger.drafting import Paper
from services.ledger.entries import Booked, Booking, Posting, Trail
from services.ledger.exports.beancount import beancount
from services.ledger.exports.hledger import hledger
from services.ledger.exports.lines import Exported, ExportUnbalancedError, Names, exported
from services.ledger.exports.tabular import comma_separated, json_lines
from services.ledger.fx import Rate
from services.ledger.money import as_decimal
from services.ledger.periods import Period
from shared.events.ids import keyed_id
from shared.events.payloads import EntryKind
from tests.outside.debian import program
from tests.services.ledger.conftest import TENANT, TRACE, House, a_summary, document
from tests.services.ledger.exports.test_exports import CHART, HOSTILE, a_house, rows
from tests.services.ledger.papers import NOW, person

Sums = dict[tuple[str, str], Decimal]

CURRENCIES = ("EUR", "JPY", "BHD", "ALL", "CLF")


@pytest.fixture(scope="module")
def house() -> House:
    """Every kind of entry: hostile names, five currencies, a conversion, a closed period."""
    house = a_house(HOSTILE)
    for number, currency in enumerate(CURRENCIES):
        made = a_summary(
            currency=currency,
            invoice_id=f"C{number}",
            net_amount="100",
            total_tax_amount="19",
            total_amount="119",
        )
        house.books(f"c{number}", made)
    rate = Rate("JPY", "EUR", "0.0061", "ECB", date(2026, 1, 30))
    house.desk.convert(TENANT, document("c1"), actor=person("alice"), rate=rate)
    house.books("late", a_summary(invoice_date="2027-01-01", invoice_id="L"))
    while house.sequencer.step():
        pass
    return house


def ours(house: House) -> Sums:
    """Return our trial balance by the accounts' names; what is zero is left out."""
    return {
        (CHART.names[one.account], one.currency): Decimal(as_decimal(one.amount, one.currency))
        for one in house.journal.trial_balance(TENANT)
        if one.amount
    }


def run_hledger(text: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run hledger on a journal, as a user does."""
    path = folder / "books.journal"
    path.write_text(text, encoding="utf-8")
    command = [program("hledger", package="hledger"), "-f", str(path), *words]
    env = {"LC_ALL": "C.UTF-8", "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.integration
def test_hledger_accepts_the_export_strictly_and_comes_to_our_balance(
    house: House, tmp_path: Path
) -> None:
    """Accounts and commodities declared, every transaction balanced, nothing smuggled in."""
    text = "".join(hledger(rows(house), chart=CHART))
    checked = run_hledger(text, tmp_path, "check", "--strict")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    said = run_hledger(
        *(text, tmp_path, "balance", "--flat", "--no-total", "--output-format=csv"),
        "--layout=bare",
    )
    found: Sums = {
        (row["account"], row["commodity"]): Decimal(row["balance"])
        for row in csv.DictReader(io.StringIO(said.stdout))
        if row["commodity"]
    }
    assert found == ours(house)


@pytest.mark.integration
def test_hledger_finds_what_is_off_by_one_minor_unit(house: House, tmp_path: Path) -> None:
    """The check that accepts us is one that could have refused."""
    text = "".join(hledger(rows(house), chart=CHART))
    checked = run_hledger(text.replace("100.00 EUR", "100.01 EUR", 1), tmp_path, "check")
    assert checked.returncode != 0
    assert "0.01 EUR" in checked.stderr or "unbalanced" in checked.stderr


@pytest.mark.integration
def test_a_retired_account_is_declared_when_it_is_used(house: House, tmp_path: Path) -> None:
    """A chart changes; strict books still want to know every account."""
    bare = replace(CHART, names={})
    found = list(exported(house.journal.entries(TENANT), chart=bare, lookup=lambda _entry: Names()))
    checked = run_hledger("".join(hledger(found, chart=bare)), tmp_path, "check", "--strict")
    assert (checked.returncode, checked.stderr) == (0, "")
    _, errors, _ = loader.load_string("".join(beancount(found, chart=bare)))
    assert errors == []


def test_beancount_accepts_the_export_and_comes_to_our_balance(
    house: House, tmp_path: Path
) -> None:
    """By its own command, and by its own sums."""
    path = tmp_path / "books.beancount"
    path.write_text("".join(beancount(rows(house), chart=CHART)), encoding="utf-8")
    command = shutil.which("bean-check", path=str(Path(sys.executable).parent))
    assert command is not None
    checked = subprocess.run([command, str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    directives, _, _ = loader.load_file(str(path))
    found: Sums = {}
    for one in directives:
        for line in one.postings if isinstance(one, Transaction) else ():
            assert line.units is not None
            assert line.units.number is not None
            key = line.account, line.units.currency
            found[key] = found.get(key, Decimal(0)) + line.units.number
    assert {key: amount for key, amount in found.items() if amount} == ours(house)


def test_tables_come_to_our_balance_too(house: House) -> None:
    """A spreadsheet that adds the column up finds the same figures."""
    table = csv.DictReader(io.StringIO("".join(comma_separated(rows(house)))))
    found: Sums = {}
    for row in table:
        if row["account"]:
            key = row["account"], row["currency"]
            found[key] = found.get(key, Decimal(0)) + Decimal(row["amount"])
    assert {key: amount for key, amount in found.items() if amount} == ours(house)


def test_a_closed_period_is_a_remark_in_every_export(house: House) -> None:
    """It posts nothing; its index must not be missing from the sequence either."""
    house.clock.sleep(60 * 86400)
    house.periods.close(TENANT, Period(2026, 1), actor=house.actor, with_open_holds=True)
    house.sequencer.step()
    found = rows(house)
    index = found[-1].index
    assert f"; period_close log:{index}\n" in "".join(hledger(found, chart=CHART))
    assert f"; period_close ; log {index}\n" in "".join(beancount(found, chart=CHART))
    assert '"kind":"period_close"' in list(json_lines(found))[-1]


def posts(number: int) -> Iterator[Booking]:
    """Return that many bookings."""
    for one in range(number):
        paper = Paper(
            tenant=TENANT,
            tenant_key=b"k" * 32,
            document_id=keyed_id(b"test", one),
            revision=0,
            document_type=None,
            commitment="c",
        )
        lines = (Posting("5000", "EUR", one + 1), Posting("2000", "EUR", -one - 1))
        entry = paper.entry(EntryKind.POST, date=date(2026, 1, 31), postings=lines)
        yield Booking((entry,), Trail(keyed_id(b"test", "job"), TRACE))


def peak_of(lines: Iterator[str]) -> tuple[int, int]:
    """Return how many lines there are, and the most memory that reading them took."""
    tracemalloc.start()
    count = sum(1 for _ in lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return count, peak


def test_exports_are_streamed(sql_journal: SqlJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the entries take the memory of two pages, not ten times as much."""
    monkeypatch.setattr("services.ledger.adapters.books.PAGE", 40)  # enough entries, soon

    def export(write: Callable[[Iterator[Exported]], Iterator[str]]) -> Iterator[str]:
        entries = sql_journal.entries(TENANT)
        return write(exported(entries, chart=CHART, lookup=lambda _entry: Names()))

    formats: list[Callable[[Iterator[Exported]], Iterator[str]]] = [
        partial(beancount, chart=CHART),
        partial(hledger, chart=CHART),
        comma_separated,
        json_lines,
    ]
    made = list(posts(800))
    fence = sql_journal.claim("test", now=NOW, lease_s=1000)
    assert fence is not None
    found: list[list[tuple[int, int]]] = []
    for part in (made[:80], made[80:]):
        sql_journal.append_many(part)
        sql_journal.assign(TENANT, fence=fence, most=800)
        for write in formats if not found else ():
            list(export(write))  # what is imported and cached at the first time is not counted
        found.append([peak_of(export(write)) for write in formats])
    for (few, before), (many, after) in zip(*found, strict=True):
        assert many > 7 * few
        assert after < 3 * before


def test_an_entry_off_by_one_minor_unit_is_refused_by_us(house: House) -> None:
    """By the journal when it is booked, and by every export should one ever stand there."""
    booking = next(posts(1))
    entry = booking.subject
    off = (entry.postings[0], replace(entry.postings[1], amount=entry.postings[1].amount + 1))
    with pytest.raises(UnbalancedError):
        house.journal.append(replace(booking, entries=(replace(entry, postings=off),)))
    books = [Booked(replace(entry, postings=off), 0)]
    with pytest.raises(ExportUnbalancedError):
        list(exported(books, chart=CHART, lookup=lambda _entry: Names()))
