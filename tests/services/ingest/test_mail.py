"""E-mails become their text and their attachments."""

import base64
from email.message import EmailMessage

import pytest

from services.ingest.adapters.inspect import look
from services.ingest.adapters.sniff import sniff
from services.ingest.html_text import text_of
from services.ingest.inspection import InspectionLimits
from services.ingest.mail import attachments
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason


def parts_of(mail: EmailMessage | str) -> list[tuple[str, bytes]]:
    """Return names and bytes of what an e-mail becomes."""
    content = mail.encode() if isinstance(mail, str) else mail.as_bytes()
    found = look(content, InspectionLimits())
    assert (found.media_type, found.pages) == (MediaType.EMAIL, 0)
    return [(one.source_name, one.content) for one in found.attachments]


def reason_of(mail: str) -> QuarantineReason:
    """Return why an e-mail cannot be expanded."""
    with pytest.raises(PermanentError) as caught:
        look(mail.encode(), InspectionLimits())
    return caught.value.reason


def letter() -> EmailMessage:
    """An e-mail with a text."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.example", "c@d.example", "Rechnung"
    mail.set_content("Grüße\nanbei.")
    return mail


def test_text_and_attachments_come_in_order() -> None:
    """Ordinals make job ids: the order must be the mail's own."""
    mail = letter()
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="ä b.pdf")
    mail.add_attachment("a;b\n", subtype="csv", filename="list.csv")
    assert parts_of(mail) == [
        ("message.txt", "Grüße\nanbei.".encode()),
        ("ä b.pdf", b"%PDF-1"),
        ("list.csv", b"a;b\n"),
    ]


def test_of_plain_and_html_one_counts() -> None:
    """The same words twice would be two documents."""
    mail = letter()
    mail.add_alternative("<p>Grüße</p><p>anbei.</p>", subtype="html")
    assert parts_of(mail) == [("message.txt", "Grüße\nanbei.".encode())]


def test_html_counts_beside_an_excuse() -> None:
    """Some shops write their receipt in HTML only, and an excuse into the plain part."""
    mail = letter()
    mail.add_alternative("<table>" + "<tr><td>Total<td>5,00</tr>" * 9 + "</table>", subtype="html")
    assert parts_of(mail) == [("message.txt", b"\n".join([b"Total    5,00"] * 9))]


def test_an_attached_email_is_one_attachment() -> None:
    """A forwarded e-mail is expanded in its own turn."""
    mail, inner = letter(), letter()
    inner.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="x.pdf")
    mail.add_attachment(inner)
    found = parts_of(mail)
    assert [name for name, _ in found] == ["message.txt", "message.eml"]
    assert sniff(found[1][1]) is MediaType.EMAIL
    assert parts_of(found[1][1].decode())[1] == ("x.pdf", b"%PDF-1")


def test_a_part_without_a_name_is_kept() -> None:
    """Phones send pictures without names, and inline."""
    mail = letter()
    mail.add_attachment(b"\xff\xd8\xff", maintype="image", subtype="jpeg", disposition="inline")
    assert parts_of(mail)[1] == ("attachment", b"\xff\xd8\xff")


def test_what_only_signs_or_is_empty_makes_no_document() -> None:
    """A signature in quarantine would be an alarm for nothing."""
    mail = letter()
    mail.add_attachment(b"-----", maintype="application", subtype="pgp-signature", filename="s.asc")
    mail.add_attachment(b" \n", maintype="application", subtype="pdf", filename="empty.pdf")
    assert len(parts_of(mail)) == 1


def test_an_email_without_anything_becomes_nothing() -> None:
    """It is accounted for as expanded, into no document."""
    assert parts_of("From: a@b\nSubject: x\n\n \n") == []


def test_names_in_every_disguise_are_read() -> None:
    """RFC 2047 words, RFC 2231 parameters, and broken ones."""
    names = [
        ('filename="=?utf-8?b?w6QucGRm?="', "ä.pdf"),
        ("filename*=utf-8''%C3%A4.pdf", "ä.pdf"),
        ('filename="=?nonsense?b?w6Q=?="', "=?nonsense?b?w6Q=?="),
    ]
    for disposition, name in names:
        mail = (
            "From: a\nSubject: b\nContent-Type: application/pdf\n"
            f"Content-Disposition: attachment; {disposition}\n\nx"
        )
        assert parts_of(mail) == [(name, b"x")]


@pytest.mark.parametrize("charset", ["iso-8859-1", "no-such-charset", "utf-8"])
def test_text_is_read_in_its_charset_or_nearly(charset: str) -> None:
    """A wrong label must not lose the text."""
    head = f"From: a\nSubject: b\nContent-Type: text/plain; charset={charset}\n\n"
    known = charset if charset.startswith(("iso", "utf")) else "utf-8"
    found = attachments(head.encode() + "Fällig".encode(known), InspectionLimits())
    assert found[0].content.decode() == "Fällig"


def test_base64_text_is_decoded() -> None:
    """Most mailers encode what is not ASCII."""
    body = base64.b64encode("Größe".encode()).decode()
    head = "From: a\nSubject: b\nContent-Type: text/plain; charset=utf-8\n"
    assert parts_of(f"{head}Content-Transfer-Encoding: base64\n\n{body}")[0][1] == "Größe".encode()


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("multipart/encrypted; boundary=b", "--b\n\nx\n--b--", QuarantineReason.ENCRYPTED),
        ("application/pkcs7-mime; smime-type=enveloped-data", "x", QuarantineReason.ENCRYPTED),
        ("multipart/mixed; boundary=b", "--b\n\nhalf of", QuarantineReason.UNREADABLE),
        ("multipart/mixed; boundary=b", "no boundary", QuarantineReason.UNREADABLE),
        ("multipart/mixed", "no boundary", QuarantineReason.UNREADABLE),
    ],
)
def test_an_email_that_cannot_be_opened_says_why(
    kind: str, body: str, reason: QuarantineReason
) -> None:
    """Half an e-mail may be half an invoice."""
    assert reason_of(f"From: a\nSubject: b\nContent-Type: {kind}\n\n{body}") is reason


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"From: a@b\nDate: x\n\nbody", MediaType.EMAIL),
        (b"Received: x\n by y\nMIME-Version: 1.0\nfrom: a\n\nbody", MediaType.EMAIL),
        (b"From a@b Mon Jan 1\nFrom: a@b\nDate: x\n\nbody", MediaType.EMAIL),
        (b"From: Anna\nInvoice for two chairs", MediaType.TEXT),
        (b"Date: 1.1.2026\nSubject: Offer\n\nDear", MediaType.TEXT),
    ],
)
def test_an_email_has_a_sender_and_more_headers(content: bytes, expected: MediaType) -> None:
    """A letter may have a From line too."""
    assert sniff(content) is expected


def test_html_is_read_as_a_person_would() -> None:
    """Rows stay lines, cells stay apart, scripts and titles stay out."""
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><h1>Rechnung &amp; mehr</h1>"
        "<script>if (a < b) x()</script><p>Eins\n zwei<br>drei</p>"
        "<table><tr><td>Total</td><td></td><td>5&nbsp;EUR</td></tr></table>"
    )
    assert text_of(html) == "Rechnung & mehr\nEins zwei\ndrei\nTotal    5 EUR"


@pytest.mark.parametrize(
    "mark", ["<![if !mso]>", "<![endif]>", "<![what is this]>", "<!doctype x>"]
)
def test_a_mail_programs_own_marks_stop_nothing(mark: str) -> None:
    """One mark that the parser does not know must not cost the whole e-mail."""
    assert text_of(f"<p>Total{mark} 5,00</p>") == "Total 5,00"
    assert text_of("Total<![never closed").startswith("Total")
