"""Files that carry a word of their own at every place where a careless program would repeat it.

A word is letters alone: no mask knows it for anything. Which one is found says where it came from.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from pypdf import PdfReader, PdfWriter
from pypdfium2 import PdfDocument, PdfiumError

from examples.canaries import FORMS, canary_invoice, make_canaries
from examples.fixed import fast_examples
from examples.mail import write_mail
from examples.truth import Example
from tests.e2e.needles import SHORTEST, fields_of, forms_of, needles_of, seen_in

_SYLLABLES: Final = ("vuq", "zof", "kij", "wex", "pyg", "hub", "jat", "qom", "rid", "xul")
_SYLLABLES_OF_A_WORD: Final = 5
_CONTACT: Final = re.compile(
    r"([\w.+-]+@[\w.-]+\w)|(?:Tel|Phone|Telephone)\W+(\+?[\d (]\d[\d ()/-]{5,}\d)"
    r"|\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b"
)


class Words:
    """Words that stand nowhere else, each by the place that it was put at."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def at(self, place: str) -> str:
        """Return the word of a place, 15 letters; the same again for the same place."""
        random = Random(f"word {place}")
        word = "".join(random.choice(_SYLLABLES) for _ in range(_SYLLABLES_OF_A_WORD))
        self._places[place] = word.capitalize()
        return self._places[place]

    def needles(self) -> dict[bytes, str]:
        """Return every form of every word, with its place."""
        return {
            form: place for place, word in self._places.items() for form in forms_of(word.encode())
        }


@dataclass(frozen=True)
class Dropped:
    """What somebody drops in the bucket.

    Attributes:
        name: of the object.
        content: its bytes.
        content_type: as the sender says.
        metadata: custom, as the sender says.
    """

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)


def seeded(words: Words) -> tuple[list[Dropped], dict[bytes, str]]:
    """Return every fast example and the seeded files; and their needles, each with its place.

    The needles of the words come from ``words``, when all have been taken.
    """
    examples = fast_examples()
    people = [make_canaries(seed) for seed in range(40, 40 + len(FORMS))]
    papers = [
        canary_invoice(person, form=form, seed=number)
        for number, (person, form) in enumerate(zip(people, FORMS, strict=True), start=40)
    ]
    needles: dict[bytes, str] = {}
    for person, paper in zip(people, papers, strict=True):
        needles |= dict.fromkeys(needles_of(person, paper), paper.name)
    for example in examples:  # what every PDF of the generator has
        for common in seen_in(example.content, needles):
            del needles[common]
    for example in examples:
        for value in fields_of([example]) | _contacts(example):
            needles |= dict.fromkeys(forms_of(value), example.name)
    dropped = [Dropped(one.name, one.content) for one in (*examples, *papers)]
    by_form = dict(zip(FORMS, papers, strict=True))
    return [*dropped, *_files(words, by_form["pdf"], by_form["ubl"])], needles


def _files(words: Words, pdf: Example, ubl: Example) -> Iterable[Dropped]:
    at = words.at
    yield Dropped(
        f"{at('folder')}/Ünïcode {at('file name')}\r\nX-Injected: {at('file name, line 2')}.pdf",
        _with_metadata(pdf.content, words),
        f"application/{at('content type')}",
        {at("metadata name"): at("metadata value")},
    )
    yield Dropped(f"mail of {at('mail file name')}.eml", _mail(words, pdf))
    yield Dropped("note.txt", f"Sehr geehrte Frau {at('text')},\nes ist gut.\n".encode())
    yield Dropped("page.html", f"<title>{at('html')}</title><p>{at('html text')}".encode())
    yield Dropped("body.json", f'{{"{at("json name")}": "{at("json value")}"'.encode())
    yield Dropped("cut.pdf", pdf.content[:700] + at("broken pdf").encode() + pdf.content[900:1500])
    xml = ubl.content.decode()
    head, _, rest = xml.partition("<cbc:ID>")
    note = f"<!-- {at('xml comment')} --><?{at('xml instruction')} x?>"
    note += f'<cbc:Note languageID="{at("xml attribute")}">{at("xml note")}</cbc:Note>'
    yield Dropped("note.xml", f"{head}{note}<cbc:ID>{rest}".encode())
    yield Dropped("torn.xml", f"{head}<{at('torn xml')}><cbc:ID>{rest}".encode())
    entity = f'<!DOCTYPE x [<!ENTITY e "{at("xml entity")}">]>'
    yield Dropped("entity.xml", xml.replace("<Invoice", f"{entity}<Invoice", 1).encode())
    for name, tag in (("amount", "PayableAmount"), ("date", "IssueDate"), ("id", "ID")):
        opened, _, tail = xml.partition(f"<cbc:{tag}")
        start, _, after = tail.partition(">")
        wrong = f"{opened}<cbc:{tag}{start}>{at(f'xml {name}')}{after}"
        yield Dropped(f"wrong-{name}.xml", wrong.encode())


def _contacts(example: Example) -> set[bytes]:
    """Return the e-mail addresses, telephone numbers and IBANs that stand in an example's text."""
    text = example.content.decode(errors="replace")
    if example.content.startswith(b"%PDF"):
        try:
            with PdfDocument(example.content) as pdf:
                text = "\n".join(page.get_textpage().get_text_bounded() for page in pdf)
        except PdfiumError:
            return set()  # it is encrypted, or broken
    found = [one[0] or one[1] or one[2] for one in _CONTACT.findall(text)]
    compact = [one.replace(" ", "") for one in found]
    return {one.lower().encode() for one in (*found, *compact) if len(one) >= SHORTEST}


def _with_metadata(pdf: bytes, words: Words) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    names = ("Title", "Author", "Subject", "Keywords", "Producer", "Own")
    writer.add_metadata({f"/{name}": words.at(f"pdf {name}") for name in names})
    writer.add_attachment(f"{words.at('pdf attachment name')}.txt", words.at("in it").encode())
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _mail(words: Words, pdf: Example) -> bytes:
    at = words.at
    attached = Example(f"{at('attachment name')}.pdf", pdf.content + b"\n%again\n", pdf.truth)
    mail = write_mail(
        [attached],
        sender=f'"{at("mail sender")}" <{at("mail address")}@mail.example>',
        receiver=f"{at('mail receiver')}@docledger.example",
        subject=at("mail subject"),
        text=f"{at('mail text')}\n",
    )
    own = f"X-{at('mail header name')}: {at('mail header value')}\n"
    mail = mail.replace(b"<20260414093000.1@", f"<{at('message id')}@".encode())
    return own.encode() + mail
