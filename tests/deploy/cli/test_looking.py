"""The commands that only look: what a person sees, and what a program reads."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.events.codec import from_structured
from tests.deploy.conftest import HOSTILE_NAME, Docledger, Ran, plain
from tests.outside.gosumdb import GoVerifier

LOOKING = (
    ("status",),
    ("balance",),
    ("held", "list"),
    ("quarantine", "list"),
    ("show", "invoice-once.pdf"),
    ("show", "facturx-invoice.pdf"),
    ("show", "mail-with-attachments.eml"),
    ("trace", "mail-with-attachments.eml"),
    ("trace", "invoice-once.pdf"),
)


def typed(docledger: Docledger, words: tuple[str, ...]) -> list[str | Path]:
    """Return the words of a command, its document as a file's path."""
    return [docledger.file(word) if "." in word else word for word in words]


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
@pytest.mark.parametrize("width", [80, 120])
def test_what_is_shown_fits_the_terminal(
    docledger: Docledger, words: tuple[str, ...], width: int
) -> None:
    """A table that a terminal folds is no table."""
    said = docledger(*typed(docledger, words), width=width)
    assert (said.code, said.err) == (0, "")
    assert max(len(line) for line in plain(said.out).splitlines()) <= width


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_what_goes_into_a_pipe_is_neither_coloured_nor_folded(
    docledger: Docledger, words: tuple[str, ...]
) -> None:
    """Grep and awk read it; a folded name is found by neither."""
    said = docledger(*typed(docledger, words))
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "…" not in said.out.replace("--total …", "")


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_an_ascii_terminal_gets_ascii(docledger: Docledger, words: tuple[str, ...]) -> None:
    """An umlaut in a supplier's name must not end in a traceback."""
    said = docledger(*typed(docledger, words), width=80, encoding="ascii")
    assert (said.code, said.err) == (0, "")
    assert said.out.isascii()


def test_status_tells_the_two_sums_of_the_first_promise(docledger: Docledger) -> None:
    """The sums are the promise that nothing is lost."""
    said = docledger("status")
    assert "submissions 16 = documents 14 + duplicates 1 + refused 1" in said.out
    assert (
        "documents 14 = posted 10 + held 2 + voided 0 + quarantined 1 + expanded 1 + in flight 0"
        in said.out
    )
    (row,) = docledger("status", "--format", "json").rows
    assert (row["submissions"], row["late"], row["backlog"]) == (16, 0, [])


def test_show_says_where_each_figure_was_seen(docledger: Docledger, ran: Ran) -> None:
    """Every figure has evidence; a person must be able to put a finger on it."""
    said = docledger("show", docledger.file("invoice-gb-two-columns.pdf"))
    (field,) = re.findall(r"total_amount +(\S+) +(\S+) *\n +(page 1 \[[0-9. ]+\] .*)\n", said.out)
    assert field[0] == ran.row("invoice-gb-two-columns.pdf")["fields"]["total_amount"]["value"]
    assert "text_layer" in field[2]
    assert "Liabilities:AccountsPayable" in said.out
    assert "% down" in said.out


def test_show_shortens_an_xpath_and_the_json_keeps_it(docledger: Docledger) -> None:
    """Nobody reads local-name() ten times a line; a program needs what finds the value."""
    file = docledger.file("facturx-invoice.pdf")
    assert "local-name" not in docledger("show", file).out
    assert "/CrossIndustryInvoice/" in docledger("show", file).out
    (row,) = docledger("show", file, "--format", "json").rows
    seen = row["fields"]["total_amount"]["evidence"]
    assert any("local-name" in one.get("xpath", "") for one in seen)


def test_show_says_why_and_that_there_is_no_entry(docledger: Docledger) -> None:
    """What went into quarantine has a reason and no entry."""
    file = docledger.file("corrupt.pdf")
    assert "quarantined (unreadable)" in docledger("show", file).out
    (row,) = docledger("show", file, "--format", "json").rows
    assert (row["status"], row["reason"], row["entry"]) == ("quarantined", "unreadable", None)
    assert row["source"] == str(file)


def test_an_email_names_its_attachments_and_they_name_it(docledger: Docledger) -> None:
    """Each is a document of its own; the way from one to the other must be seen."""
    mail = docledger.file("mail-with-attachments.eml")
    (row,) = docledger("show", mail, "--format", "json").rows
    assert len(row["attachments"]) == 3
    assert "credit-note.xml" in docledger("show", mail).out
    (attached,) = docledger("show", row["attachments"][2], "--format", "json").rows
    assert attached["source"] == f"{mail}#credit-note.xml"
    (same,) = docledger("show", f"{mail}#credit-note.xml", "--format", "json").rows
    assert same == attached


def test_foreign_names_cannot_control_the_terminal(docledger: Docledger) -> None:
    """An escape sequence in a file's name could repaint the screen, markup restyle it."""
    said = docledger("show", docledger.file(HOSTILE_NAME), width=200)
    assert r"[red]x\x1b[31m\nwith # mark.txt" in plain(said.out)
    assert "[bold]" in said.out or "meeting" in said.out
    assert not re.search(r"\x1b\[31m\n?with", said.out)


HOPS = ["entrance", "ingest", "ocr", "summarize", "ledger", "sequencer"]
PARTS = {"handle", "store", "send"}


def hops(rows: list[dict[str, Any]]) -> list[str]:
    """Return the stages of a trace in their order; the register follows at its own pace."""
    return [
        stage
        for span in rows
        if span["name"].partition(" ")[0] not in PARTS
        and (stage := span["attributes"]["docledger.stage"]) != "register"
    ]


def test_trace_shows_each_stage_once_in_their_order(docledger: Docledger) -> None:
    """One trace per document, from upload to ledger, and one root that all hops begin at."""
    rows = docledger("trace", docledger.file("invoice-jp-letter.pdf"), "--format", "json").rows
    assert hops(rows) == HOPS
    assert len({span["trace_id"] for span in rows}) == 1
    (root,) = [span["span_id"] for span in rows if not span["parent_id"]]
    for span in rows:
        is_part = span["name"].partition(" ")[0] in PARTS
        assert is_part or span["parent_id"] in {"", root}
    followed = [
        span["name"] for span in rows if span["attributes"]["docledger.stage"] == "register"
    ]
    assert sorted(followed) == [
        "process register.document-read",
        "process register.document-received",
        "process register.document-summarized",
        "process register.entry-posted",
    ]


def test_trace_of_an_attachment_begins_with_its_email(docledger: Docledger) -> None:
    """It came in with the e-mail, and its brothers are none of its business."""
    mail = docledger.file("mail-with-attachments.eml")
    whole = docledger("trace", mail, "--format", "json").rows
    part = docledger("trace", f"{mail}#invoice.pdf", "--format", "json").rows
    assert part[:2] == whole[:2]
    assert len(part) < len(whole)
    assert hops(part) == ["entrance", "ingest", *HOPS[1:]]
    assert "message.txt" in docledger("trace", mail).out


def test_trace_says_so_when_there_are_no_spans_yet(changing: Docledger) -> None:
    """Telemetry may be lost; the command must not be."""
    shutil.rmtree(changing.data / "spans")
    said = changing("trace", changing.file("invoice-once.pdf"))
    assert (said.code, "no finished span" in said.out) == (0, True)


def test_balance_sums_to_zero_for_each_currency(docledger: Docledger) -> None:
    """Books that do not sum to zero are no books."""
    rows = docledger("balance", "--format", "json").rows
    sums: dict[str, int] = {}
    for row in rows:
        cents = int(row["amount"].replace(".", ""))
        sums[row["currency"]] = sums.get(row["currency"], 0) + cents
        assert row["name"].count(":")
    assert sums.keys() == {"EUR", "GBP", "JPY"}
    assert not any(sums.values())
    assert "EUR 0.00, GBP 0.00, JPY 0" in docledger("balance").out


def test_held_lists_what_a_person_must_decide(docledger: Docledger) -> None:
    """The reason and the figures are what is decided by."""
    rows = docledger("held", "list", "--format", "json").rows
    assert {row["reason"] for row in rows} == {"total_mismatch", "possible_duplicate"}
    assert all(row["supplier_name"] and row["total_amount"] for row in rows)
    assert "2 held" in docledger("held", "list").out


def test_quarantine_lists_and_shows_what_a_replay_needs(docledger: Docledger) -> None:
    """Event, reason, trace and attempts."""
    (row,) = docledger("quarantine", "list", "--format", "json").rows
    assert (row["reason"], row["stage"]) == ("unreadable", "ingest")
    assert "corrupt.pdf" in docledger("quarantine", "list").out
    for typed_ in (row["document_id"][:8], docledger.file("corrupt.pdf")):
        record = json.loads(docledger("quarantine", "show", typed_).out)
        assert record["event"]["type"] == "docledger.upload.arrived.v1"
        assert (record["attempts"], record["replayed"]) == (1, False)


def test_bean_check_takes_the_beancount_export(docledger: Docledger, tmp_path: Path) -> None:
    """Somebody else's program judges the books."""
    said = docledger("export", "--to", "beancount", encoding="ascii")
    file = tmp_path / "books.beancount"
    file.write_text(said.out, encoding="utf-8")
    bean_check = Path(sys.executable).with_name("bean-check")
    judged = subprocess.run([bean_check, file], capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")
    assert said.out.count("docledger") or said.out.count("index")


def test_each_export_has_the_index_of_every_entry(docledger: Docledger, ran: Ran) -> None:
    """A line of somebody's spreadsheet must lead back to the log."""
    indices = {row["entry"]["index"] for row in ran.rows if row["entry"]}
    csv_lines = docledger("export", "--to", "csv").out.split("\r\n")
    assert {int(line.split(",")[0]) for line in csv_lines[1:] if line} == indices
    assert {row["index"] for row in docledger("export", "--to", "ndjson").rows} == indices
    hledger = docledger("export", "--to", "hledger").out
    assert "Liabilities:AccountsPayable" in hledger


def test_verify_and_proof_need_no_more_than_the_public_key(
    docledger: Docledger, tmp_path: Path
) -> None:
    """An auditor has the log's folder and a key; the command checks what he would."""
    shutil.copytree(docledger.data / "log" / "default", tmp_path / "copy")
    key = docledger.data / "log" / "default.vkey"
    for words in (
        ("verify",),
        ("verify", docledger.data / "log" / "default"),
        ("verify", tmp_path / "copy", "--key", key),
        ("verify", tmp_path / "copy", "--key", key.read_text().strip()),
    ):
        said = docledger(*words)
        assert (said.code, said.err) == (0, ""), words
        assert ": verified: 12 entries, root " in said.out
    proof = docledger("proof", docledger.file("invoice-once.pdf"))
    assert proof.out.startswith("c2sp.org/tlog-proof@v1\nextra ")
    (tmp_path / "one.tlog-proof").write_text(proof.out)
    said = docledger("verify", "--proof", tmp_path / "one.tlog-proof", "--key", key)
    assert (said.code, said.err) == (0, "")
    assert " of 12 of " in said.out


def test_verify_finds_a_log_that_was_tampered_with(docledger: Docledger, tmp_path: Path) -> None:
    """One byte of one entry, and the log is not what its checkpoint signed."""
    shutil.copytree(docledger.data / "log", tmp_path / "log")
    (bundle,) = [
        one for one in (tmp_path / "log/default/tile/entries").rglob("*.p/12") if one.is_file()
    ]
    content = bytearray(bundle.read_bytes())
    content[40] ^= 1
    bundle.chmod(0o600)
    bundle.write_bytes(content)
    said = docledger("verify", tmp_path / "log" / "default")
    assert (said.code, said.out) == (1, "")
    assert "NOT VERIFIED" in said.err
    assert said.err.count("\n") == 1


def test_somebody_elses_verifier_agrees(
    docledger: Docledger, go_verifier: GoVerifier, tmp_path: Path
) -> None:
    """The log of the examples: its entries and tiles, each of its checkpoints, and a proof."""
    checkpoints: list[Path] = []
    for signed in docledger.house.ledger.journal.checkpoints("default"):
        checkpoints.append(tmp_path / f"{signed.checkpoint.size}.checkpoint")
        checkpoints[-1].write_text(signed.note)
    proof = tmp_path / "invoice.tlog-proof"
    proof.write_text(docledger("proof", docledger.file("invoice-once.pdf")).out)
    key = (docledger.data / "log" / "default.vkey").read_text().strip()
    counted = go_verifier(key, docledger.data / "log" / "default", [*checkpoints, proof])
    assert counted["size"] == counted["included"] == 12
    assert (counted["consistent"], counted["proofs"]) == (len(checkpoints), 1)
    assert checkpoints


def test_audit_agrees(docledger: Docledger) -> None:
    """What was run is accounted for."""
    assert docledger("audit").code == 0


def test_help_names_every_command_and_the_exit_codes(docledger: Docledger) -> None:
    """--help is where a newcomer begins."""
    said = docledger("--help", width=120)
    for command in ("run", "up", "show", "trace", "held", "quarantine", "export", "erase"):
        assert f" {command} " in plain(said.out)
    assert "Exit codes" in plain(said.out)


def test_status_shows_what_waits(changing: Docledger) -> None:
    """A backlog is what on-call looks for first."""
    house = changing.house
    document = house.register.documents("default")[0]
    house.bus.publish([from_structured(document.last_event)])
    said = changing("status", width=80)
    assert "waiting in" in plain(said.out)
    (row,) = changing("status", "--format", "json").rows
    assert row["backlog"]
    assert all(one["messages"] == 1 for one in row["backlog"])


def test_books_that_do_not_balance_are_not_exported(changing: Docledger) -> None:
    """Somebody reached behind the database's own guard: no program gets such an entry."""
    with contextlib.closing(sqlite3.connect(changing.data / "ledger.sqlite")) as books, books:
        books.execute("DROP TRIGGER postings_never_change")
        books.execute("UPDATE postings SET amount = amount + 1 WHERE line = 0")
    said = changing("export", "--to", "csv")
    assert said.code == 1
    assert said.err == "docledger: an entry does not sum to zero; run 'docledger audit'\n"
    assert changing("audit").code == 1
    assert changing("balance").code == 1
