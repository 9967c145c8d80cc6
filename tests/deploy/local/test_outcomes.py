"""What became of a submission, told from register, results and books; gaps are no crashes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.line import EntryLine, ResultLine, fields_of, line_items_of
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from deploy.local.site import Site
from shared.errors import UserError
from shared.events.payloads import DocumentType
from shared.events.results import Evidence, FieldValue, LineItem, Summary
from shared.worker import names
from tests.deploy.conftest import Docledger, Ran


@pytest.fixture
def outcomes(docledger: Docledger) -> Outcomes:
    return Outcomes(docledger.house, DEFAULT_TENANT)


def test_what_nobody_heard_of_is_not_settled(outcomes: Outcomes) -> None:
    """A submission under way must be waited for; its line cannot be told."""
    assert not outcomes.settled("0" * 40)
    with pytest.raises(LookupError):
        outcomes.line("0" * 40, "x", 0.0)


def test_a_line_told_again_is_the_line_that_was_printed(outcomes: Outcomes, ran: Ran) -> None:
    """Nothing of it lives in the process that printed it."""
    for name in ("invoice-once.pdf", "corrupt.pdf", "empty.pdf", "same-bytes-again.pdf"):
        row = ran.row(name)
        assert outcomes.settled(row["job_id"])
        line = outcomes.line(row["job_id"], row["source"], row["seconds"])
        assert json.loads(line.as_json()) == row


def test_attachments_are_told_with_names_and_documents(outcomes: Outcomes, ran: Ran) -> None:
    """In the order of the e-mail."""
    email = ran.row("mail-with-attachments.eml")
    told = outcomes.attachments(email["job_id"])
    rows = [row for row in ran.rows if "mail-with-attachments.eml#" in row["source"]]
    assert [one.document_id for one in told] == [row["document_id"] for row in rows]
    assert [f"{email['source']}#{one.name}" for one in told] == [row["source"] for row in rows]
    assert outcomes.attachments(ran.row("invoice-once.pdf")["job_id"]) == []


def test_the_name_of_what_could_not_be_read_is_known(outcomes: Outcomes, ran: Ran) -> None:
    """It has no intake; its upload waits at the door for a replay."""
    row = ran.row("corrupt.pdf")
    assert outcomes.name(row["job_id"]) == row["source"]


def test_a_name_that_is_gone_is_a_job(outcomes: Outcomes, ran: Ran) -> None:
    """What was refused is not kept, and neither is its name."""
    job_id = ran.row("empty.pdf")["job_id"]
    assert outcomes.name(job_id) == job_id[:12]


def test_an_erased_document_says_nothing(changing: Docledger, ran: Ran) -> None:
    """Neither name nor summary; the entry stays."""
    house, row = changing.house, ran.row("invoice-once.pdf")
    document = house.register.document(DEFAULT_TENANT, row["document_id"])
    assert document is not None
    house.keyring.destroy_document_key(document.document_id)
    outcomes = Outcomes(House(house.site), DEFAULT_TENANT)
    assert outcomes.summary(document) is None
    assert outcomes.source(replace(document, erased=True)) is None
    assert outcomes.entry(document) is not None
    assert outcomes.line(row["job_id"], "x", 0.0).fields == {}


def test_a_document_without_an_entry_has_none(outcomes: Outcomes, ran: Ran) -> None:
    """It must not be told that something stands in the log."""
    document_id = ran.row("corrupt.pdf")["document_id"]
    document = outcomes._house.register.document(DEFAULT_TENANT, document_id)
    assert document is not None
    assert outcomes.entry(document) is None


def test_a_result_that_is_gone_is_no_crash(changing: Docledger, ran: Ran) -> None:
    """The audit names it; `run` and `show` go on."""
    row = ran.row("invoice-once.pdf")
    house = changing.house
    house.objects.delete(names.stage_result("summarize", row["document_id"], 0))
    line = Outcomes(house, DEFAULT_TENANT).line(row["job_id"], "x", 0.0)
    assert (line.status, line.fields) == (row["status"], {})


def test_a_document_is_found_by_id_prefix_file_and_copy(
    docledger: Docledger, ran: Ran, tmp_path: Path
) -> None:
    """A file is known by its content, whatever it is called now."""
    row, house = ran.row("invoice-once.pdf"), docledger.house
    shutil.copy(docledger.file("invoice-once.pdf"), tmp_path / "renamed.bin")
    for typed in (
        row["document_id"],
        f" {row['document_id'][:9].upper()} ",
        row["source"],
        str(tmp_path / "renamed.bin"),
    ):
        assert find_document(house, typed).document_id == row["document_id"]


def test_a_file_whose_name_looks_like_an_id_is_found(
    docledger: Docledger, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cafe` is hexadecimal, and a name; no id begins so."""
    shutil.copy(docledger.file("invoice-once.pdf"), tmp_path / "cafecafecafe")
    monkeypatch.chdir(tmp_path)
    house = House(Site(docledger.data.absolute()))
    found = find_document(house, "cafecafecafe")
    assert found.document_id == ran.row("invoice-once.pdf")["document_id"]


def test_an_attachment_is_found_by_the_source_that_run_prints(
    docledger: Docledger, ran: Ran
) -> None:
    """People copy what they see."""
    for row in ran.rows:
        if "#" in row["source"] and ".eml#" in row["source"]:
            found = find_document(docledger.house, row["source"])
            assert found.document_id == row["document_id"]
    with pytest.raises(UserError, match="no attachments"):
        find_document(docledger.house, f"{docledger.file('contract.pdf')}#x")


def value(text: str, *, xpath: str | None = None) -> FieldValue:
    """Return a value with one piece of evidence."""
    box = None if xpath else (0.1, 0.2, 0.3, 0.4)
    seen = Evidence(
        page=None if xpath else 1,
        box=box,
        text=text,
        engine="xml" if xpath else "text_layer",
        confidence=1.0,
        xpath=xpath,
    )
    return FieldValue(value=text, confidence=0.123456, evidence=(seen,))


def test_a_line_has_page_and_box_or_an_xpath() -> None:
    """The documented form: what was not found is absent, an XPath only where there is one."""
    summary = Summary(
        document_type=DocumentType.INVOICE,
        type_confidence=1.0,
        summary="An invoice.",
        fields={"currency": value("EUR"), "invoice_id": value("A", xpath="/a")},
        line_items=(LineItem(amount=value("1.00")),),
    )
    fields = fields_of(summary)
    assert fields["currency"] == {
        "value": "EUR",
        "confidence": 0.1235,
        "evidence": [{"page": 1, "box": [0.1, 0.2, 0.3, 0.4], "text": "EUR"}],
    }
    assert fields["invoice_id"]["evidence"] == [
        {"page": None, "box": None, "text": "A", "xpath": "/a"}
    ]
    assert [list(item) for item in line_items_of(summary)] == [["amount"]]


def test_a_line_is_one_line_of_ascii() -> None:
    """A supplier called after a control sequence must not reach the terminal."""
    line = ResultLine("\x1b[31m\nä\u202e", "d", "j", "posted", entry=EntryLine(1, "e")).as_json()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["entry"] == {"index": 1, "id": "e"}
