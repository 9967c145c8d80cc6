"""Hostile files through the command: one line each, nothing lost, the others finish."""

import csv
import ctypes
import io
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.files import printable
from examples.hostile import write_hostile
from examples.truth import Example
from tests.e2e.commands import Ended, docledger
from tests.e2e.settled import settled

pytestmark = pytest.mark.integration

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal acts upon; a line feed ends our own lines."""

_LIBC = ctypes.CDLL(None)

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Attacked:
    """A data folder after the attack.

    Attributes:
        data: the data folder.
        examples: by file name.
        ran: the run over all of them.
        again: the table of a second run over the same folder.
    """

    data: Path
    examples: dict[str, Example]
    ran: Ended
    again: Ended


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    """Run the hostile set, a dangling link, a pipe and a folder named like a file."""
    base = tmp_path_factory.mktemp("hostile")
    examples = {one.name: one for one in write_hostile(base / "in")}
    (base / "in" / "link.pdf").symlink_to(base / "nowhere")
    os.mkfifo(base / "in" / "pipe.pdf")
    (base / "in" / "folder.pdf").mkdir()
    ran = docledger(base / "data", "run", base / "in", "--format", "json")
    again = docledger(base / "data", "run", base / "in")
    return Attacked(base / "data", examples, ran, again)


def test_every_hostile_file_has_an_end_that_its_truth_accepts(attacked: Attacked) -> None:
    """None crashes the run, none is lost, and none of them is posted as what it is not."""
    assert attacked.ran.code == 0, attacked.ran.stderr
    assert attacked.ran.stderr == b""
    told = {Path(line["source"]).name: line for line in attacked.ran.lines}
    assert attacked.examples.keys() <= told.keys()
    wrong = {
        name: (told[name]["status"], told[name]["reason"])
        for name, example in attacked.examples.items()
        if not example.accepts(told[name]["status"], told[name]["reason"])
    }
    assert wrong == {}


@pytest.mark.parametrize("name", ["link.pdf", "pipe.pdf"])
def test_what_cannot_be_opened_is_refused_with_a_reason(attacked: Attacked, name: str) -> None:
    """A file that is none has its line too: every path is accounted for."""
    [line] = [one for one in attacked.ran.lines if one["source"].endswith(name)]
    assert (line["status"], line["reason"]) == ("refused", "unreadable_file")


def test_the_books_agree_after_the_attack(attacked: Attacked) -> None:
    """Nothing lost: both sums hold, nothing is in flight, audit and verify find nothing."""
    found = settled(attacked.data)
    assert found.balanced
    assert found.in_flight == 0
    for command in ("audit", "verify"):
        told = docledger(attacked.data, command)
        assert told.code == 0, (told.stdout, told.stderr)


def test_no_name_reaches_the_terminal_as_a_command(attacked: Attacked) -> None:
    """A file name or a supplier's cannot clear the screen, hide a line or forge one."""
    outputs = [attacked.ran, attacked.again]
    outputs += [docledger(attacked.data, *command) for command in (("held", "list"), ("status",))]
    outputs.append(docledger(attacked.data, "quarantine", "list"))
    for ended in outputs:
        assert ended.code == 0, ended.stderr
        for text in (ended.stdout.decode(), ended.stderr.decode()):
            assert not CONTROLS.search(text), CONTROLS.search(text)


def test_every_name_has_one_line_in_the_table(attacked: Attacked) -> None:
    """A name with a line break in it would make two lines, one of them a lie."""
    lines = attacked.again.stdout.decode().splitlines()
    for name in attacked.examples:
        assert sum(printable(name) in line for line in lines) >= 1, ascii(name)


def test_beancount_accepts_the_export(attacked: Attacked, tmp_path: Path) -> None:
    """A supplier called like a directive stays a name."""
    exported = docledger(attacked.data, "export", "--to", "beancount")
    books = tmp_path / "books.beancount"
    books.write_bytes(exported.stdout)
    check = Path(sys.executable).with_name("bean-check")
    checked = subprocess.run([check, books], capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    text = exported.stdout.decode()
    assert not re.search(r"(?m)^\d{4}-\d\d-\d\d open Assets:Thieves", text)
    assert not re.search(r"(?m)^\s+(Assets:Bank|Expenses:Thieves)\b", text)
    assert not re.search(r"(?m)^(option \"title\" \"owned\"|include )", text)


@pytest.mark.parametrize("books", ["csv", "hledger", "ndjson", "beancount"])
def test_no_export_holds_control_characters(attacked: Attacked, books: str) -> None:
    """Exports are read by people and programs; both act on control characters."""
    exported = docledger(attacked.data, "export", "--to", books)
    assert exported.code == 0
    text = exported.stdout.decode().replace("\r\n", "\n")
    assert not CONTROLS.search(text), CONTROLS.search(text)


def test_no_cell_starts_a_formula(attacked: Attacked) -> None:
    """A spreadsheet that opens the export computes nothing that a supplier wrote."""
    exported = docledger(attacked.data, "export", "--to", "csv")
    rows = list(csv.reader(io.StringIO(exported.stdout.decode())))
    assert len(rows) > 20
    cells = [cell for row in rows for cell in row]
    foreign = [one for one in cells if one.startswith(FORMULA)]
    assert [one for one in foreign if not re.fullmatch(r"-\d+(\.\d+)?", one)] == []


def test_a_folder_without_permission_is_accounted_for(data: Path, tmp_path: Path) -> None:
    """What a person may not read is refused by name; what lies beside it is taken in."""
    open_ = tmp_path / "in"
    (open_ / "closed").mkdir(parents=True)
    (open_ / "closed" / "secret.txt").write_text("Invoice")
    (open_ / "note.txt").write_text("Dear Sir, this is a letter. Yours faithfully, A. Smith")
    (open_ / "unreadable.txt").write_text("Invoice")
    (open_ / "closed").chmod(0)
    (open_ / "unreadable.txt").chmod(0)
    before = _without_override if os.geteuid() == 0 else None
    try:
        ran = docledger(data, "run", open_, "--format", "json", before=before)
    finally:
        (open_ / "closed").chmod(stat.S_IRWXU)
    assert ran.code == 0, ran.stderr
    told = {Path(line["source"]).name: (line["status"], line["reason"]) for line in ran.lines}
    assert told["closed"] == ("refused", "unreadable_file")
    assert told["unreadable.txt"] == ("refused", "unreadable_file")
    assert told["note.txt"][0] in {"posted", "held"}


def _without_override() -> None:
    """Take from root what lets it read everything (capabilities(7)); exec cannot bring it back."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        _LIBC.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
