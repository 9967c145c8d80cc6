"""``docledger run``: every file accounted for, in one documented line each."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local.site import running
from shared.errors import TransientError
from tests.deploy.conftest import CHOSEN, HOSTILE_NAME, Docledger, Ran, plain


def test_every_file_and_attachment_has_one_line_in_the_order_of_the_files(ran: Ran) -> None:
    """Who pipes the lines must find each of his files, and be able to tell them apart."""
    names = [row["source"].rsplit("/", 1)[1] for row in ran.rows]
    mail = names.index("mail-with-attachments.eml")
    attached = ["message.txt", "invoice.pdf", "credit-note.xml"]
    wanted = [f"mail-with-attachments.eml#{name}" for name in attached]
    assert names[mail + 1 : mail + 4] == wanted
    files = [name for name in names if name not in wanted]
    assert files == sorted([*CHOSEN, HOSTILE_NAME])


def test_each_file_ends_where_it_should(ran: Ran) -> None:
    """The examples say what becomes of them; a table that is wrong here is wrong everywhere."""
    ends = {
        "contract.pdf": ("posted", None),
        "corrupt.pdf": ("quarantined", "unreadable"),
        "credit-note-gb.pdf": ("posted", None),
        "empty.pdf": ("refused", "empty"),
        "facturx-invoice.pdf": ("posted", None),
        "invoice-jp-letter.pdf": ("posted", None),
        "invoice-wrong-total.pdf": ("held", "total_mismatch"),
        "mail-with-attachments.eml": ("expanded", None),
    }
    told = {name: (ran.row(name)["status"], ran.row(name)["reason"]) for name in ends}
    assert told == ends


def test_the_same_bytes_and_the_same_bill_are_told_apart(ran: Ran) -> None:
    """One is a duplicate with the first one's entry; the other a document that a person decides."""
    first, again = ran.row("invoice-gb-two-columns.pdf"), ran.row("same-bytes-again.pdf")
    assert again["document_id"] == first["document_id"]
    assert again["entry"] == first["entry"]
    assert {first["status"], again["status"]} == {"posted", "duplicate"}
    once, twice = ran.row("invoice-once.pdf"), ran.row("invoice-twice.pdf")
    assert {once["status"], twice["status"]} == {"posted", "held"}
    assert {once["reason"], twice["reason"]} == {None, "possible_duplicate"}


def test_a_line_has_the_documented_form(ran: Ran) -> None:
    """Programs read it: names, types, and boxes as fractions of the page are a promise."""
    row = ran.row("invoice-once.pdf")
    assert list(row) == [
        "source", "document_id", "job_id", "status", "reason", "document_type", "summary",
        "fields", "line_items", "entry", "pages", "seconds",
    ]  # fmt: skip
    dt.date.fromisoformat(row["fields"]["invoice_date"]["value"])
    Decimal(row["fields"]["total_amount"]["value"])
    for value in row["fields"].values():
        assert 0 <= value["confidence"] <= 1
        for seen in value["evidence"]:
            assert seen["page"] == 1
            assert all(0 <= side <= 1 for side in seen["box"])
    assert row["line_items"]
    assert set(row["entry"]) == {"index", "id"}


def test_what_is_held_carries_its_fields(ran: Ran) -> None:
    """A person decides by the figures; they must be there to be seen."""
    assert "total_amount" in ran.row("invoice-wrong-total.pdf")["fields"]


def test_the_lines_are_ascii(ran: Ran) -> None:
    """A terminal must not obey a foreign name, and no encoding must break the lines."""
    hostile = next(row for row in ran.rows if HOSTILE_NAME in row["source"])
    assert hostile["status"] in {"posted", "held"}
    assert ran.err == ""


def test_the_same_folder_again_posts_nothing_twice_and_its_table_fits(
    changing: Docledger,
) -> None:
    """People run the same folder again; each file is accounted for, and no entry is new."""
    before = changing.house.ledger.journal.trial_balance("default")
    said = changing("run", changing.files, "--workers", "1", width=80)
    assert said.code == 0, said.err
    assert changing.house.ledger.journal.trial_balance("default") == before
    shown = plain(said.out)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert shown.startswith(f"in {changing.files}/")
    assert f"{len(CHOSEN) + 1} documents: {len(CHOSEN)} duplicate, 1 refused" in shown
    assert "[red]x\\x1b[31m\\nw" in shown


def test_a_path_that_is_not_there_takes_nothing_in(tmp_path: Path) -> None:
    """A typing mistake must not leave half a folder taken in."""
    docledger = Docledger(tmp_path / "data", tmp_path)
    good = tmp_path / "good.txt"
    good.write_text("hello")
    said = docledger("run", good, tmp_path / "nosuch")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "no such file or folder" in said.err
    assert not docledger.data.exists()


def test_an_empty_folder_is_nothing_to_do(tmp_path: Path) -> None:
    """It is no mistake, and no worker need be started for it."""
    (tmp_path / "empty").mkdir()
    said = Docledger(tmp_path / "data", tmp_path)("run", tmp_path / "empty")
    assert (said.code, said.out) == (0, "")
    assert "nothing to do" in said.err
    assert not (tmp_path / "data" / "logs").exists()


def test_only_one_run_works_on_a_folder(docledger: Docledger) -> None:
    """Two supervisors on one folder would take each other's workers for dead."""
    with running(docledger.house.site):
        said = docledger("run", docledger.files)
    assert said.code == 2
    assert "already runs" in said.err


def test_a_setting_that_cannot_be_used_is_one_line_before_any_worker_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every worker would die of it, twenty times."""
    monkeypatch.setenv("DOCLEDGER_OCR_CHILDREN", "many")
    (tmp_path / "a.txt").write_text("hello")
    said = Docledger(tmp_path / "data", tmp_path)("run", tmp_path / "a.txt")
    assert said.code == 2
    assert said.err.startswith("docledger: DOCLEDGER_OCR_CHILDREN ")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_misspelt_setting_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would otherwise be a default that nobody wanted."""
    monkeypatch.setenv("DOCLEDGER_OCR_CHILDRN", "2")
    monkeypatch.setenv("DOCLEDGER_FROB", "2")
    (tmp_path / "empty").mkdir()
    said = Docledger(tmp_path / "data", tmp_path)("run", tmp_path / "empty")
    told = said.err.splitlines()[0]
    assert "DOCLEDGER_OCR_CHILDRN is not a setting: did you mean DOCLEDGER_OCR_CHILDREN?" in told
    assert "DOCLEDGER_FROB" in told
    assert "DOCLEDGER_DATA_DIR" not in said.err


class Idle:
    """A supervisor without processes."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        self.ended = False

    def start(self) -> None:
        """Start nothing."""

    def tend(self) -> None:
        """Nothing died."""

    def stop(self) -> None:
        """Nothing ends."""


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No space is left, and nothing moves."""
    monkeypatch.setattr("deploy.cli.run.Supervisor", Idle)
    monkeypatch.setattr("deploy.cli.run.STALLED_S", 0.0)
    free = type("Usage", (), {"free": 0})
    monkeypatch.setattr("deploy.cli.run.shutil.disk_usage", lambda _path: free)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_where_nothing_moves(tmp_path: Path) -> None:
    """Waiting for ever without a word is the worst that a command can do."""
    (tmp_path / "a.txt").write_text("hello")
    said = Docledger(tmp_path / "data", tmp_path)("run", tmp_path / "a.txt")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("free some space, and nothing is lost; give the same command again\n")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_at_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store says only that it is unavailable; the command says why."""

    def away(_self: object, _events: object) -> None:
        raise TransientError("the bus is unavailable")

    monkeypatch.setattr("shared.bus.sqlite.SqliteBus.publish", away)
    (tmp_path / "a.txt").write_text("hello")
    docledger = Docledger(tmp_path / "data", tmp_path)
    assert "is full" in docledger("run", tmp_path / "a.txt").err
    room = type("Usage", (), {"free": 10**12})
    monkeypatch.setattr("deploy.cli.run.shutil.disk_usage", lambda _path: room)
    said = docledger("run", tmp_path / "a.txt")
    assert (said.code, "not now: the bus is unavailable" in said.err) == (1, True)
