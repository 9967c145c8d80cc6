"""Erasure and leak tests look for these strings: they must be in the document to begin with."""

from collections.abc import Callable
from email import message_from_bytes

import pytest
from stdnum import iban

from examples.canaries import FORMS, Canaries, Form, canary_invoice, make_canaries
from examples.truth import Example


def visible(example: Example, page_texts: Callable[[bytes], list[str]]) -> str:
    """Return all text of a canary document."""
    if example.content.startswith(b"%PDF"):
        return " ".join(page_texts(example.content))
    return example.content.decode()


@pytest.mark.parametrize("form", [form for form in FORMS if form != "mail"])
def test_canaries_stand_in_the_document(
    form: Form, page_texts: Callable[[bytes], list[str]]
) -> None:
    """A needle that was never there is never found, and the test would prove nothing."""
    canaries = make_canaries(1)
    example = canary_invoice(canaries, form=form)
    text = visible(example, page_texts)
    for needle in (canaries.name, canaries.email, canaries.phone):
        assert needle in text
    assert canaries.iban in text.replace(" ", "")
    assert canaries.name in example.name
    assert example.truth.fields["supplier_name"] == canaries.name


def test_mail_carries_them_in_headers_body_and_attachment(
    page_texts: Callable[[bytes], list[str]],
) -> None:
    """Headers are where logs go wrong."""
    canaries = make_canaries(2)
    example = canary_invoice(canaries, form="mail", seed=4)
    message = message_from_bytes(example.content)
    assert canaries.name in str(message["From"])
    assert canaries.email in str(message["From"])
    assert canaries.name in str(message["Subject"])
    assert canaries.iban.encode() in example.content
    (attachment,) = example.attachments
    assert canaries.name in visible(attachment, page_texts)


def test_canaries_are_deterministic_distinct_and_plausible() -> None:
    """A masker must have a chance to know an IBAN when it sees one."""
    assert make_canaries(1) == make_canaries(1)
    many = {make_canaries(seed).name for seed in range(200)}
    assert len(many) == 200
    assert iban.is_valid(make_canaries(1).iban)


def test_needles_cover_spaced_and_joined_forms() -> None:
    """An IBAN is stored without the spaces that paper has."""
    needles = Canaries("Ada Moth", "ada@moth.example", "+49 30 1", "DE02120300000000202051")
    assert b"DE02120300000000202051" in needles.needles()
    assert b"DE02 1203 0000 0000 2020 51" in needles.needles()
    assert b"AdaMoth" in needles.needles()
