"""Exports: accepted by the programs they are for, whatever a supplier calls itself."""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from beancount import loader
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.adapters.memory import MemoryJournal
from services.ledger.adapters.summaries import SummaryNames
from services.ledger.chart import load_chart
from services.ledger.entries import Booked, Entry
from services.ledger.exports.beancount import beancount
from services.ledger.exports.hledger import hledger
from services.ledger.exports.lines import (
    ERASED,
    Exported,
    ExportUnbalancedError,
    Line,
    Names,
    exported,
    require_balance,
)
from services.ledger.exports.tabular import comma_separated, json_lines
from services.ledger.exports.text import LONGEST, plain
from shared.events.payloads import DocumentType
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.ledger.conftest import TENANT, House, a_summary, document

CHART = load_chart()

HOSTILE = [
    '=HYPERLINK("http://evil.example";"pay")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r\n=1+1",
    "\uff1d1+1",
    "\u200b=1+1",
    '"\n2026-01-01 open Assets:Evil',
    '" "\n2026-01-01 * "x" "y"\n  Assets:Cash  -1000000 EUR\n  Equity:Evil  1000000 EUR',
    'back\\slash\\"',
    "; comment | payee",
    "* ! (code) ! name",
    "\n    Assets:Cash  1000 EUR",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "a\u2028b\u2029c\x85d",
    "nul\x00nul",
    "[red]markup[/red]",
    'include "/etc/passwd"',
    "",
    " ",
    "x" * 5000,
    "Müller & Söhne 株式会社",
]


def a_house(names: list[str]) -> House:
    """Return a ledger whose suppliers have these names, with a hold, a memo and a reversal."""
    house = House(MemoryJournal(), CHART)
    for number, name in enumerate(names):
        made = a_summary(supplier_name=name, invoice_id=f"{name}{number}")
        house.books(f"d{number}", made)
    house.books("held", a_summary(doubts=(HeldReason.LOW_CONFIDENCE,), invoice_id="H"))
    house.books("memo", a_summary(DocumentType.CONTRACT))
    house.desk.reverse(TENANT, document("d0"), actor=house.actor)
    while house.sequencer.step():
        pass
    return house


def rows(house: House) -> list[Exported]:
    lookup = SummaryNames(house.summaries)
    return list(exported(house.journal.entries(TENANT), chart=CHART, lookup=lookup))


@pytest.fixture(scope="module")
def hostile() -> list[Exported]:
    """Return the export of suppliers with hostile names."""
    return rows(a_house(HOSTILE))


def test_bean_check_accepts_hostile_names(hostile: list[Exported], tmp_path: Path) -> None:
    """The command itself, as a user runs it."""
    path = tmp_path / "books.beancount"
    path.write_text("".join(beancount(hostile, chart=CHART)), encoding="utf-8")
    command = shutil.which("bean-check", path=str(Path(sys.executable).parent))
    assert command is not None
    checked = subprocess.run([command, str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_beancount_reads_what_was_booked_and_nothing_else(hostile: list[Exported]) -> None:
    """A name that smuggled a directive in would show as one entry more."""
    text = "".join(beancount(hostile, chart=CHART))
    directives, errors, _ = loader.load_string(text)
    assert errors == []
    kinds = [type(directive).__name__ for directive in directives]
    assert kinds.count("Open") == len(CHART.names)
    assert kinds.count("Transaction") == len(HOSTILE) + 1
    assert set(kinds) == {"Open", "Transaction"}


def test_every_line_of_an_entry_names_its_log_index(hostile: list[Exported]) -> None:
    """Whoever doubts a line can prove its entry."""
    for write in (beancount, hledger):
        for line in "".join(write(hostile, chart=CHART)).splitlines():
            assert not line or line.startswith(("1970", "account")) or "log" in line


def test_hledger_lines_have_one_shape_each(hostile: list[Exported]) -> None:
    """No name ends its line, its description, or becomes a posting."""
    text = "".join(hledger(hostile, chart=CHART))
    transactions = [line for line in text.split("\n") if line[:2] == "20"]
    assert len(transactions) == len(HOSTILE) + 1
    for line in transactions:
        head, semicolon, tag = line.rpartition("; log:")
        assert semicolon
        assert tag.isdigit()
        assert ";" not in head
        assert "|" not in head
        assert head.split(" ")[1:3] == ["*", f"({tag})"]
    postings = [line for line in text.split("\n") if line.startswith("    ")]
    accounts = set(CHART.names.values())
    assert all(line.split()[0] in accounts for line in postings)
    assert len(text.splitlines()) == len(text.split("\n")) - 1


def test_a_spreadsheet_sees_no_formula(hostile: list[Exported]) -> None:
    """A cell that starts like a formula would run on the bookkeeper's machine."""
    text = "".join(comma_separated(hostile))
    table = list(csv.reader(io.StringIO(text)))
    header, *lines = table
    assert all(len(line) == len(header) for line in lines)
    for line in lines:
        for name, cell in zip(header, line, strict=True):
            if name != "amount":
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    amounts = {line[header.index("amount")] for line in lines}
    assert {"-119.00", "100.00", ""} <= amounts


def test_json_lines_are_ascii_and_whole(hostile: list[Exported]) -> None:
    """A terminal that shows them obeys nothing in them."""
    text = "".join(json_lines(hostile))
    assert text.isascii()
    assert "\\u001b" not in text
    told = [json.loads(line) for line in text.split("\n")[:-1]]
    assert [one["index"] for one in told] == list(range(len(HOSTILE) + 3))
    assert {one["kind"] for one in told} == {"post", "hold", "memo", "reversal"}


def test_markup_and_plain_text_stay_what_they_are() -> None:
    """Brackets are text; escaping must not garble honest names."""
    assert plain("[red] Müller & Söhne 株式会社") == "[red] Müller & Söhne 株式会社"


@given(st.text())
def test_plain_text_is_one_harmless_line(text: str) -> None:
    """Whatever comes in."""
    harmless = plain(text)
    assert harmless.isprintable()
    assert len(harmless.splitlines()) <= 1
    assert len(harmless) <= LONGEST


def test_our_balance_check_refuses_what_bean_check_tolerates(tmp_path: Path) -> None:
    """10.00 beside -10.005: within Beancount's tolerance, and not a balanced entry."""
    tolerated = tmp_path / "tolerated.beancount"
    tolerated.write_text(
        "1970-01-01 open Assets:Cash\n1970-01-01 open Expenses:Purchases\n"
        '2026-01-31 * "x"\n  Expenses:Purchases  10.00 EUR\n  Assets:Cash  -10.005 EUR\n',
        encoding="utf-8",
    )
    _, errors, _ = loader.load_file(str(tolerated))
    assert errors == []
    lines = [Line("Expenses:Purchases", "10.00", "EUR"), Line("Assets:Cash", "-10.005", "EUR")]
    with pytest.raises(ExportUnbalancedError):
        require_balance(lines)


def test_an_unbalanced_entry_is_not_written(memory_house: House) -> None:
    """Should a journal ever hold one, no export passes it on as sound."""
    memory_house.books("a")
    memory_house.sequencer.step()
    [good] = memory_house.journal.entries(TENANT)
    entry = good.entry
    bad = Entry(
        **{name: getattr(entry, name) for name in Entry.__slots__ if name != "postings"},
        postings=entry.postings[:1],
    )
    with pytest.raises(ExportUnbalancedError):
        list(exported([Booked(bad, 0)], chart=CHART, lookup=lambda _entry: Names()))


def test_an_erased_document_is_called_erased(
    memory_house: House, summary: Callable[..., Summary]
) -> None:
    """The amounts stay in the books; the name is gone with the key."""
    memory_house.books("a", summary())
    memory_house.books("b", summary(invoice_id="R-2"))
    memory_house.sequencer.step()
    memory_house.keyring.destroy_document_key(document("a"))
    first, second = rows(memory_house)
    assert first.names == ERASED
    assert second.names == Names("Müller GmbH", "R-2")
    assert "Müller" not in repr(second)
    memory_house.summaries.stored.clear()
    assert [row.names for row in rows(memory_house)] == [Names(), Names()]


def test_what_is_not_sealed_is_not_exported(memory_house: House) -> None:
    """A line without an index could not be proved."""
    memory_house.books("a")
    [booked] = memory_house.journal.history(TENANT, document("a"))
    assert list(exported([booked], chart=CHART, lookup=lambda _entry: Names())) == []


def test_a_retired_account_still_exports(memory_house: House) -> None:
    """A chart changes; what was booked under the old one must still come out."""
    memory_house.books("a")
    memory_house.sequencer.step()
    bare = replace(CHART, names={}, rules={})
    [row] = exported(
        memory_house.journal.entries(TENANT), chart=bare, lookup=lambda _entry: Names()
    )
    assert row.lines[0].account == "Equity:Account-5000"
