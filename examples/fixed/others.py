"""Examples that are no invoice, or that nobody can read; and the e-mail that carries others."""

from dataclasses import replace
from typing import Final

from reportlab.lib.pdfencrypt import StandardEncryption

from examples.einvoices.ubl import write_ubl
from examples.fixed.invoices import COPIED_NAME, make
from examples.fixed.slots import Making, Slot
from examples.layouts import LAYOUTS
from examples.layouts.sheet import Sheet, paper_of
from examples.mail import mail_example
from examples.prose import draw_contract, draw_plain_letter
from examples.statement import draw_statement, make_statement
from examples.truth import POSTED, Example, Expected, Truth
from shared.events.payloads import DocumentType
from shared.telemetry.reasons import QuarantineReason, RefusedReason


def _memo(
    making: Making, content: bytes, kind: DocumentType, language: str, pages: int = 1
) -> Example:
    truth = Truth(outcomes=(POSTED,), document_type=kind, language=language, pages=pages)
    return Example(making.name, content, truth, making.about)


def _contract(making: Making) -> Example:
    content = draw_contract(making.random)
    return _memo(making, content, DocumentType.CONTRACT, "en", pages=2)


def _letter(making: Making) -> Example:
    return _memo(making, draw_plain_letter(making.random), DocumentType.LETTER, "de")


def _statement(making: Making) -> Example:
    content = draw_statement(make_statement(making.random))
    return _memo(making, content, DocumentType.BANK_STATEMENT, "en")


def _unreadable(making: Making, content: bytes, *expected: Expected) -> Example:
    return Example(making.name, content, Truth(outcomes=expected), making.about)


def _corrupt(making: Making) -> Example:
    invoice = make(making, "GB")
    whole = LAYOUTS["label-left"](invoice, making.random)
    # before the page tree and the catalog: nothing is left to repair
    content = whole[: min(whole.index(b"/Type /Catalog"), len(whole) // 2)]
    return _unreadable(making, content, Expected("quarantined", QuarantineReason.UNREADABLE))


def _encrypted(making: Making, user_password: str) -> bytes:
    encryption = StandardEncryption(user_password, ownerPassword="owner", strength=128)
    sheet = Sheet(paper_of("GB"), title="Minutes", canvas_options={"encrypt": encryption})
    sheet.text(72, 90, "Minutes of the works meeting", size=14, bold=True)
    text = (
        "Present were the heads of purchasing, stores and transport. The stores report that the "
        "new shelving is in use. Transport will change its timetable from next month on."
    )
    sheet.paragraph(72, 120, text, width=440, size=11)
    sheet.text(72, 200, f"Taken down as number {making.serial}")
    return sheet.finish()


def _locked(making: Making) -> Example:
    expected = Expected("quarantined", QuarantineReason.ENCRYPTED)
    return _unreadable(making, _encrypted(making, "secret"), expected)


def _restricted(making: Making) -> Example:
    content = _encrypted(making, "")
    truth = Truth(outcomes=(POSTED,), document_type=DocumentType.OTHER, language="en", pages=1)
    return Example(making.name, content, truth, making.about)


def _empty(making: Making) -> Example:
    return _unreadable(making, b"", Expected("refused", RefusedReason.EMPTY))


def _unsupported(making: Making) -> Example:
    content = b"\x7fELF" + bytes(12) + making.random.randbytes(2000)
    return _unreadable(making, content, Expected("quarantined", QuarantineReason.UNSUPPORTED_TYPE))


def _duplicate(making: Making) -> Example:
    original = making.done[COPIED_NAME]
    truth = replace(
        original.truth, outcomes=(Expected("duplicate"), POSTED), duplicate_of=COPIED_NAME
    )
    return replace(original, name=making.name, truth=truth, about=making.about)


def _mail(making: Making) -> Example:
    invoice = make(making, "GB", group=",", dates="d/m/y")
    page = replace(making, name="invoice.pdf", about="attached invoice").example(
        LAYOUTS["label-above"](invoice, making.random), invoice
    )
    second = replace(making, serial=making.serial + 500)
    credit = make(second, "AT", kind=DocumentType.CREDIT_NOTE)
    xml = replace(making, name="credit-note.xml", about="attached UBL credit note").example(
        write_ubl(credit), credit
    )
    supplier = invoice.supplier
    return mail_example(
        making.name,
        [page, xml],
        sender=f'"{supplier.name}" <{supplier.email}>',
        subject="Your invoice and a credit note",
        text="Dear customer,\n\nplease find our documents attached.\n\nKind regards\n",
        about=making.about,
    )


OTHERS: Final = (
    Slot("contract.pdf", "a service agreement of two pages", _contract),
    Slot("letter-de.pdf", "a German letter about a move", _letter),
    Slot("bank-statement.pdf", "a month of a British account", _statement),
    Slot("mail-with-attachments.eml", "an e-mail with a PDF invoice and a UBL credit note", _mail),
    Slot("same-bytes-again.pdf", f"the bytes of {COPIED_NAME} under another name", _duplicate),
    Slot("corrupt.pdf", "a PDF that was cut off in the middle", _corrupt),
    Slot("encrypted.pdf", "a PDF that needs a password", _locked),
    Slot("restricted.pdf", "an encrypted PDF that opens without a password", _restricted),
    Slot("empty.pdf", "a file without bytes", _empty),
    Slot("program.pdf", "an executable that calls itself a PDF", _unsupported),
)
"""Everything else; none of it needs OCR."""
