"""An e-mail is only as good as what a mail program finds in it."""

from email import message_from_bytes, policy

from examples.mail import write_mail
from examples.truth import Example


def test_attachments_come_out_as_they_went_in(fixed: dict[str, Example]) -> None:
    """Each attachment becomes a document of its own: not a byte may change."""
    example = fixed["mail-with-attachments.eml"]
    message = message_from_bytes(example.content, policy=policy.default)
    found = {part.get_filename(): part.get_payload(decode=True) for part in message.walk()}
    found.pop(None)
    assert found == {a.name: a.content for a in example.attachments}
    assert len(example.attachments) == 2
    assert "attached" in str(message.get_body(("plain",)))


def test_mail_without_attachments_is_plain() -> None:
    """Canary tests send text alone."""
    mail = write_mail([], sender="a@mail.example", subject="hello", text="words\n")
    assert message_from_bytes(mail).get_content_type() == "text/plain"
