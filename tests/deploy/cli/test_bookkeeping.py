"""A bookkeeper's month on the command line: look, decide by two, convert, close, submit, verify."""

import csv
import io
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import Docledger, Ran
from tests.outside.debian import program

POUNDS = "invoice-gb-two-columns.pdf"
LARGE = "the one of the pair"


@pytest.fixture
def large(ran: Ran) -> Path:
    """Of two files of one bill over 14378.16 EUR the one that came second, and is held."""
    pair = ("invoice-once.pdf", "invoice-twice.pdf")
    (held,) = (name for name in pair if ran.row(name)["status"] == "held")
    return ran.docledger.file(held)


def proposed(docledger: Docledger, large: Path) -> str:
    """Let Alice propose to post the large one; return the proposal's id."""
    said = docledger("held", "post", large, "--by", "alice")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("proposed, not booked: 14378.16 EUR takes a second person")
    (row,) = docledger("proposals", "list", "--format", "json").rows
    return str(row["proposal_id"])


def test_above_the_limit_a_second_person_approves(changing: Docledger, large: Path) -> None:
    """The first command books nothing; the same person cannot complete it; a second one does."""
    proposal = proposed(changing, large)
    assert changing("proposals", "list").out.count("open") == 1
    same = changing("proposals", "approve", proposal, "--by", "alice")
    assert (same.code, "takes a second person" in same.err) == (2, True)
    said = changing("proposals", "approve", proposal[:8], "--by", "bob")
    assert (said.code, said.out[:14]) == (0, "post: entry 12")
    assert changing("proposals", "list", "--format", "json").rows == []
    (row,) = changing("proposals", "list", "--all", "--format", "json").rows
    (entry,) = changing("journal", "--at-size", "13", "--format", "json").rows[-1:]
    assert (row["status"], row["entry_id"]) == ("approved", entry["entry_id"])
    assert entry["actor"] != entry["approver"]
    assert None not in (entry["actor"], entry["approver"])
    assert changing("audit").code == 0
    assert changing("verify").code == 0


def test_a_proposal_is_rejected(changing: Docledger, large: Path) -> None:
    """Nothing is booked, and the document is still held."""
    proposal = proposed(changing, large)
    said = changing("proposals", "reject", proposal, "--by", "bob")
    assert said.out == "rejected: nothing is booked\n"
    assert len(changing("held", "list", "--format", "json").rows) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("proposals", "approve", "0000000"), "no such proposal"),
        (("proposals", "approve", "ab"), "no such proposal"),
        (("proposals", "list", "--by", "x"), "No such option"),
        (("held", "void", POUNDS, "--by", " "), "name the person"),
        (("reverse", LARGE), "the document is held"),
        (("fx", "post", POUNDS), "give --rate and --source"),
        (("fx", "post", POUNDS, "--rate", "1,2", "--source", "ECB"), "digits with a point"),
        (("fx", "post", POUNDS, "--rate", "1.2", "--source", "ECB", "--date", "x"), "YYYY-MM-DD"),
        (("fx", "post", POUNDS, "--rates", "none.csv"), "cannot read the rates"),
        (("fx", "post", POUNDS, "--rates", "x", "--rate", "1"), "not both"),
        (("fx", "post", "contract.pdf", "--rate", "1", "--source", "x"), "nothing to convert"),
        (("period", "close", "January"), "a period is a month"),
        (("period", "close", "2999-01"), "is not over"),
        (("period", "close", "2025-12"), "are held"),
        (("period", "export", "2025-12", "-o", "never.zip"), "2025-12 is not closed"),
        (("period", "verify", "never.zip", "--key", "x"), "vkey line"),
        (("balance", "--as-of", "yesterday"), "--as-of as YYYY-MM-DD"),
        (("journal", "--sealed-by", "noon"), "--sealed-by as YYYY"),
        (("balance", "--sealed-by", "2026-01-01", "--at-size", "1"), "both say what the log knew"),
    ],
)
def test_a_mistake_is_one_line(
    docledger: Docledger, large: Path, words: tuple[str, ...], told: str
) -> None:
    """That says what to do; nothing is booked."""
    files = {LARGE: large} | {one: docledger.file(one) for one in words if one.endswith(".pdf")}
    named = [files.get(one, one) for one in words]
    said = docledger(*named)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_a_month_from_conversion_to_a_verified_bundle(changing: Docledger, tmp_path: Path) -> None:
    """What is submitted verifies with the public key alone; what comes later goes forward."""
    rates = tmp_path / "rates.csv"
    rates.write_text("date,from,to,rate,source\n2026-06-01,GBP,EUR,1.1562,ECB\n", encoding="utf-8")
    pounds = changing.file(POUNDS)
    said = changing("fx", "post", pounds, "--rates", rates, "--by", "alice")
    assert (said.code, said.err, said.out[:12]) == (0, "", "fx: entry 12")
    again = changing(
        "fx", "post", pounds, "--rate", "1.2", "--source", "ECB", "--date", "2026-06-30"
    )
    assert again.out.startswith("fx: entry 13")

    closed = changing("period", "close", "2026-06", "--with-open-holds", "--by", "alice")
    assert (closed.code, closed.out[:22]) == (0, "period_close: entry 14"), closed.err
    (row,) = changing("period", "list", "--format", "json").rows
    assert (row["id"], row["index"], row["open_holds"]) == ("2026-06", 14, 2)
    assert "2026-06" in changing("period", "list").out
    twice = changing("period", "close", "2026-06", "--with-open-holds")
    assert (twice.code, "corrections go into 2026-07" in twice.err) == (2, True)

    for bundle in (tmp_path / "june.zip", tmp_path / "june", tmp_path / "again.zip"):
        assert changing("period", "export", "2026-06", "-o", bundle).code == 0
    assert (tmp_path / "june.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    there = changing("period", "export", "2026-06", "-o", tmp_path / "june")
    assert (there.code, "is there already" in there.err) == (2, True)

    key = changing.data / "log" / "default.vkey"
    for bundle in (tmp_path / "june.zip", tmp_path / "june"):
        good = changing("period", "verify", bundle, "--key", key)
        assert (good.code, "verified: 2026-06 of" in good.out) == (0, True), good.err
    (told,) = changing("period", "verify", bundle, "--key", key, "--format", "json").rows
    assert told["digest"] == row["digest"]
    table = tmp_path / "june" / "trial-balance.csv"
    table.write_text(table.read_text().replace("1400", "1401", 1))
    bad = changing("period", "verify", tmp_path / "june", "--key", key)
    assert (bad.code, "NOT VERIFIED: trial-balance.csv" in bad.err) == (1, True)

    late = changing("reverse", pounds, "--by", "bob")
    assert late.out.startswith("reversal: entry 17")
    newest = changing("journal", "--format", "json").rows[-3:]
    assert {one["date"] for one in newest} == {"2026-07-01"}
    assert changing("audit").code == 0
    assert changing("verify").code == 0


def test_balances_answer_two_different_questions(docledger: Docledger) -> None:
    """By accounting date, and by what the log knew; the title says which."""
    assert "dated up to 2026-01-31" in docledger("balance", "--as-of", "2026-01-31").out
    assert "as the log knew at size 3" in docledger("balance", "--at-size", "3").out
    assert docledger("balance", "--at-size", "0", "--format", "json").rows == []
    everything = docledger("balance", "--format", "json").rows
    sealed = docledger("balance", "--sealed-by", "2999-01-01T00:00:00+01:00", "--format", "json")
    assert sealed.rows == everything
    assert docledger("balance", "--sealed-by", "2000-01-01", "--format", "json").rows == []
    entries = docledger("journal", "--at-size", "5", "--format", "json").rows
    assert [one["index"] for one in entries] == [0, 1, 2, 3, 4]
    assert "Journal: everything booked so far" in docledger("journal").out


def test_a_balance_in_the_books_currency_says_what_is_missing(docledger: Docledger) -> None:
    """Nothing is converted at a rate that nobody gave."""
    said = docledger("balance", "--in-books-currency", "--format", "json")
    assert said.code == 1
    assert {row["currency"] for row in said.rows} == {"EUR"}
    assert "GBP, JPY that are not converted" in said.err


@pytest.mark.integration
def test_hledger_comes_to_the_balance_of_the_examples(docledger: Docledger, tmp_path: Path) -> None:
    """The command's own output, through another program's own sums."""
    path = tmp_path / "books.journal"
    path.write_text(docledger("export", "--to", "hledger").out, encoding="utf-8")
    hledger = program("hledger", package="hledger")

    def asked(*words: str) -> str:
        done = subprocess.run(
            [hledger, "-f", path, *words],
            capture_output=True,
            text=True,
            check=True,
            env={"LC_ALL": "C.UTF-8", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )
        return done.stdout

    assert asked("check", "--strict") == ""
    theirs = csv.DictReader(io.StringIO(asked("bal", "--flat", "-N", "-O", "csv", "--layout=bare")))
    found = {(row["account"], row["commodity"], row["balance"]) for row in theirs}
    assert found == {
        (row["name"], row["currency"], row["amount"])
        for row in docledger("balance", "--format", "json").rows
    }
