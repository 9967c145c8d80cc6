"""E-mails with attachments; boundaries and ids are fixed, so that the bytes are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from examples.truth import EXPANDED, Example, Truth

MEDIA_TYPES = {
    ".pdf": ("application", "pdf"),
    ".xml": ("application", "xml"),
    ".png": ("image", "png"),
    ".txt": ("text", "plain"),
}


def write_mail(
    attachments: Sequence[Example],
    *,
    sender: str,
    subject: str,
    text: str,
    receiver: str = "invoices@docledger.example",
) -> bytes:
    """Return an e-mail (RFC 5322) with a text body and attachments named as the examples are."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = receiver
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime(2026, 4, 14, 9, 30, tzinfo=UTC))
    message["Message-ID"] = "<20260414093000.1@mail.example>"
    message.set_content(text)
    for attachment in attachments:
        ending = "." + attachment.name.rpartition(".")[2]
        maintype, subtype = MEDIA_TYPES.get(ending, ("application", "octet-stream"))
        message.add_attachment(
            attachment.content, maintype=maintype, subtype=subtype, filename=attachment.name
        )
    if attachments:
        message.set_boundary("=_docledger_example")
    return message.as_bytes()


def mail_example(  # noqa: PLR0913 - what an e-mail is made of
    name: str,
    attachments: Sequence[Example],
    *,
    sender: str,
    subject: str,
    text: str,
    about: str,
) -> Example:
    """Return an e-mail that is expanded into its attachments."""
    return Example(
        name=name,
        content=write_mail(attachments, sender=sender, subject=subject, text=text),
        truth=Truth(outcomes=(EXPANDED,), language=None),
        about=about,
        fast=all(attachment.fast for attachment in attachments),
        attachments=tuple(attachments),
    )
