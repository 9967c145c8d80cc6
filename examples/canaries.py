"""Invoices that carry given personal data, to look for it afterwards where it must not be."""

from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from examples.einvoices.ubl import write_ubl
from examples.identifiers import make_iban, spaced_iban
from examples.invoice import fields_of, lines_of, make_invoice
from examples.layouts import LAYOUTS
from examples.mail import mail_example
from examples.plain import write_text
from examples.truth import POSTED, Example, Truth

Form = Literal["pdf", "text", "ubl", "mail"]
FORMS: Final[tuple[Form, ...]] = ("pdf", "text", "ubl", "mail")

_FIRST: Final = ("Aurelia", "Bartholomew", "Cressida", "Donatella", "Ezekiel", "Florentina")
_LAST: Final = ("Quillfeather", "Rosenquast", "Silverthorn", "Tumbleweit", "Vandermolk")


@dataclass(frozen=True, slots=True)
class Canaries:
    """Personal data that stands in one document and nowhere else in the world.

    Attributes:
        name: of a person.
        email: address.
        phone: number.
        iban: without spaces.
    """

    name: str
    email: str
    phone: str
    iban: str

    def needles(self) -> tuple[bytes, ...]:
        """Return every form in which the data could be found, as UTF-8 bytes."""
        return tuple(
            text.encode()
            for text in (
                self.name,
                self.name.replace(" ", ""),
                self.email,
                self.phone,
                self.iban,
                spaced_iban(self.iban),
            )
        )


def make_canaries(seed: int) -> Canaries:
    """Invent canaries; another seed gives others."""
    random = Random(f"canary {seed}")
    first, last = random.choice(_FIRST), random.choice(_LAST)
    mark = f"{random.randrange(16**6):06x}"
    return Canaries(
        name=f"{first} {last}-{mark.upper()}",
        email=f"{first}.{last}.{mark}@canary.example".lower(),
        phone=f"+49 30 {random.randrange(10**7, 10**8)}",
        iban=make_iban(random, "DE"),
    )


def canary_invoice(canaries: Canaries, *, form: Form = "pdf", seed: int = 0) -> Example:
    """Return an invoice whose supplier is the person.

    The name is in the file name too, and in the headers of the e-mail: a careless log would hold
    it.

    Args:
        canaries: what to put in: name, e-mail, phone, IBAN.
        form: of the file; an e-mail carries the PDF.
        seed: of everything else.
    """
    serial = seed % 90_000 + 1
    invoice = make_invoice(Random(f"canary {seed} {form}"), "DE", serial=serial, lines=3)
    person = replace(
        invoice.supplier,
        name=canaries.name,
        email=canaries.email,
        phone=canaries.phone,
        iban=canaries.iban,
    )
    invoice = replace(invoice, supplier=person, number=f"C-{form.upper()}-{serial:06d}")
    if form == "text":
        contact = f"{canaries.email} · {canaries.phone}\n"
        content, ending = write_text(invoice) + contact.encode(), "txt"
    elif form == "ubl":
        content, ending = write_ubl(invoice), "xml"
    else:
        content, ending = LAYOUTS["label-left"](invoice, Random(seed)), "pdf"
    example = Example(
        name=f"invoice of {canaries.name} {serial}.{ending}",
        content=content,
        truth=Truth(
            outcomes=(POSTED,),
            document_type=invoice.kind,
            language="de",
            pages=1,
            fields=fields_of(invoice),
            line_items=lines_of(invoice),
        ),
        about="personal data to look for",
    )
    if form != "mail":
        return example
    return mail_example(
        f"mail of {canaries.name} {serial}.eml",
        [example],
        sender=f'"{canaries.name}" <{canaries.email}>',
        subject=f"Rechnung von {canaries.name}",
        text=f"{canaries.name}\nTel. {canaries.phone}\nIBAN {canaries.iban}\n",
        about="personal data to look for, in an e-mail",
    )
