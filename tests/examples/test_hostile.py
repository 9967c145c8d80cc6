"""Hostile files must be what they claim: a bomb that is a dud proves nothing."""

import zlib
from email import message_from_bytes
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
from lxml import etree
from PIL import Image

from examples.einvoices.ubl import write_ubl
from examples.hostile import hostile_examples, write_hostile
from examples.hostile.mails import ATTACHMENT_NAMES
from examples.hostile.markup import entity_expansion
from examples.hostile.names import FILE_NAMES, SUPPLIERS
from examples.hostile.outcomes import sound_invoice
from examples.hostile.pdfs import nested_forms
from examples.hostile.pictures import zero_png
from examples.hostile.raw_pdf import repeated_deflate
from examples.truth import Example


@pytest.fixture(scope="module")
def hostile() -> dict[str, Example]:
    """The hostile set by file name."""
    return {example.name: example for example in hostile_examples()}


def test_set_is_deterministic_small_and_complete(hostile: dict[str, Example]) -> None:
    """It is made for every test run, so it must cost little."""
    again = hostile_examples()
    assert [e.name for e in again] == list(hostile), "names are unique"
    assert all(e == hostile[e.name] for e in again)
    assert sum(len(e.content) for e in again) < 12_000_000
    assert set(FILE_NAMES.values()) <= set(hostile)
    assert all(e.truth.outcomes for e in again)


@pytest.mark.parametrize("byte", [0x00, 0x20, 0xFF])
def test_repeated_deflate_is_a_right_zlib_stream(byte: int) -> None:
    """A wrong checksum would let a parser stop before the bomb goes off."""
    data = zlib.decompress(repeated_deflate(byte, 5 << 20))
    assert data == bytes([byte]) * (5 << 20)


def test_png_bomb_is_a_right_png() -> None:
    """The same code at a harmless size decodes; at full size the header promises 3.6 gigapixels."""
    with Image.open(BytesIO(zero_png(800))) as picture:
        picture.load()
        assert picture.getextrema() == (0, 0)
    assert zero_png(60_000)[16:24] == (60_000).to_bytes(4, "big") * 2


def test_pages_are_as_many_as_claimed(hostile: dict[str, Example]) -> None:
    """One really has them; the other only says so."""
    document = pypdfium2.PdfDocument(hostile["pages-10000.pdf"].content)
    assert len(document) == 10_000
    assert "Nothing to see" in document[9_999].get_textpage().get_text_bounded()
    document.close()
    assert b"/Count 1000000 " in hostile["count-million.pdf"].content


def test_nested_forms_expand_by_tens() -> None:
    """Two levels draw a hundred letters."""
    document = pypdfium2.PdfDocument(nested_forms(2))
    assert document[0].get_textpage().get_text_bounded().count("x") == 100
    document.close()
    assert len(nested_forms(8)) < 5_000


def test_large_page_is_large(hostile: dict[str, Example]) -> None:
    """14,400 points is what PDF readers allow at most."""
    document = pypdfium2.PdfDocument(hostile["page-14400-points.pdf"].content)
    assert document[0].get_size() == (14_400, 14_400)
    assert "A very large page" in document[0].get_textpage().get_text_bounded()
    document.close()


def test_junk_hides_the_header_but_not_the_document(hostile: dict[str, Example]) -> None:
    """The parser still opens it: sniffing the first bytes alone would lose an invoice."""
    content = hostile["junk-before-header.pdf"].content
    assert not content.startswith(b"%PDF")
    document = pypdfium2.PdfDocument(content)
    assert len(document) == 1
    document.close()


def test_external_entity_is_declared_and_used(hostile: dict[str, Example]) -> None:
    """Unresolved, the document parses: only a rule can stop it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(hostile["external-entity.xml"].content, parser)
    assert [node.name for node in root.iter() if isinstance(node, etree._Entity)] == ["out"]


def test_entities_expand_by_tens(hostile: dict[str, Example]) -> None:
    """Three levels make a thousand words; the file has nine."""
    invoice = sound_invoice(1, "DE", "Seller")
    root = etree.fromstring(entity_expansion(write_ubl(invoice), b"Seller", levels=3))
    assert (next(root.iter("{*}Name")).text or "").count("ha") == 1_000
    assert b"&l9;" in hostile["entity-expansion.xml"].content


def test_embedded_bomb_is_found_as_an_e_invoice(hostile: dict[str, Example]) -> None:
    """It must reach the XML reader, behind a page that is in order."""
    document = pypdfium2.PdfDocument(hostile["facturx-bomb.pdf"].content)
    attachment = document.get_attachment(0)
    assert attachment.get_name() == "factur-x.xml"
    assert b"<!ENTITY l9" in bytes(attachment.get_data())
    fields = hostile["facturx-bomb.pdf"].truth.fields
    assert fields["invoice_id"] in document[0].get_textpage().get_text_bounded()
    document.close()


def test_utf_16_is_a_whole_invoice(hostile: dict[str, Example]) -> None:
    """Harmless, and to be read."""
    example = hostile["utf-16.xml"]
    assert example.content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    texts = {element.text for element in etree.fromstring(example.content).iter()}
    assert example.truth.fields["total_amount"] in texts


def test_mails_have_the_depth_and_the_length_they_claim(hostile: dict[str, Example]) -> None:
    """Counted in the bytes: a parser is what they attack."""
    assert hostile["nested-parts.eml"].content.count(b"multipart/mixed") == 1_000
    assert hostile["nested-mails.eml"].content.count(b"message/rfc822") == 1_000
    sender = hostile["long-from.eml"].content.split(b"\r\n")[0]
    assert sender.startswith(b"From: ")
    assert len(sender) > 100_000


def test_attachment_names_reach_the_reader(hostile: dict[str, Example]) -> None:
    """The standard parser hands them out as hostile as they are."""
    example = hostile["attachment-names.eml"]
    names = [part.get_filename() for part in message_from_bytes(example.content).walk()]
    assert "two\r\nlines\n.txt" in names
    assert "../../../../tmp/escaped.txt" in names
    assert any(name and "\x1b" in name for name in names)
    assert len(example.attachments) == len(ATTACHMENT_NAMES)


@pytest.mark.parametrize("wrong", sorted(SUPPLIERS))
def test_hostile_supplier_names_survive_in_xml(wrong: str) -> None:
    """They must come through whole to whoever escapes them."""
    content = write_ubl(sound_invoice(1, "IE", SUPPLIERS[wrong]))
    names = [e.text for e in etree.fromstring(content).iter("{*}RegistrationName")]
    assert names[0] == SUPPLIERS[wrong]


def test_files_are_written_under_their_names(tmp_path: Path) -> None:
    """Line breaks, escapes and all; the truth lies beside in a dotfile."""
    written = write_hostile(tmp_path)
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {example.name for example in written} | {".truth.json"}
