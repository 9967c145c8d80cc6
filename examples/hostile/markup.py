"""XML that reaches out, expands or nests without end; and harmless XML in another encoding."""

from examples.einvoices.cii import write_cii
from examples.einvoices.ubl import write_ubl
from examples.hostile.outcomes import (
    EXHAUSTED,
    READ,
    Q,
    around,
    hostile,
    quarantined,
    sound_invoice,
)
from examples.hostile.raw_pdf import page_with_attachment
from examples.plain import write_text
from examples.truth import Example

_DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"


def _with_doctype(xml: bytes, subset: bytes, name: bytes, entity: bytes) -> bytes:
    """Put a document type before the root and a reference to ``entity`` after ``name``."""
    doctype = b"<!DOCTYPE Invoice " + subset + b">\n"
    return xml.replace(_DECLARATION, _DECLARATION + doctype).replace(
        name, name + b" &" + entity + b";", 1
    )


def external_entity(xml: bytes, name: bytes) -> bytes:
    """Return the invoice with a supplier whose name quotes a file of the machine."""
    return _with_doctype(xml, b"[<!ENTITY out SYSTEM 'file:///etc/passwd'>]", name, b"out")


def entity_expansion(xml: bytes, name: bytes, levels: int = 9) -> bytes:
    """Return the invoice with a name of 10 ** ``levels`` words (billion laughs)."""
    entities = [b"<!ENTITY l0 'ha '>"]
    entities += [
        b"<!ENTITY l%d '%s'>" % (level, b"&l%d;" % (level - 1) * 10)
        for level in range(1, levels + 1)
    ]
    return _with_doctype(xml, b"[" + b"".join(entities) + b"]", name, b"l%d" % levels)


def quadratic_expansion(xml: bytes, name: bytes) -> bytes:
    """Return the invoice with one entity of 100 KB, used 5,000 times."""
    xml = _with_doctype(xml, b"[<!ENTITY a '" + b"a" * 100_000 + b"'>]", name, b"a")
    return xml.replace(b"&a;", b"&a;" * 5_000)


def nested_elements(depth: int) -> bytes:
    """Return an invoice with ``depth`` elements inside one another."""
    head = b"<Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Invoice-2'>"
    return _DECLARATION + head + b"<a>" * depth + b"</a>" * depth + b"</Invoice>"


def hostile_markup() -> list[Example]:
    """Return the hostile XML."""
    forbidden = quarantined(Q.FORBIDDEN_XML, Q.MALFORMED_XML)
    deep = (*quarantined(Q.TOO_DEEP, Q.MALFORMED_XML, Q.FORBIDDEN_XML), *EXHAUSTED)
    invoice, utf16, embedded = (sound_invoice(serial, "DE") for serial in (911, 912, 913))
    ubl = write_ubl(invoice)
    name = invoice.supplier.name.replace("&", "&amp;").encode()
    named = embedded.supplier.name.replace("&", "&amp;").encode()
    bomb = entity_expansion(write_cii(embedded), named)
    page = write_text(embedded).decode().splitlines()
    return [
        hostile("external-entity.xml", external_entity(ubl, name), "quotes a file", *forbidden),
        hostile(
            "external-type.xml",
            ubl.replace(
                _DECLARATION,
                _DECLARATION + b"<!DOCTYPE Invoice SYSTEM 'http://127.0.0.1:9/invoice.dtd'>\n",
            ),
            "a document type from the network",
            *forbidden,
        ),
        hostile("entity-expansion.xml", entity_expansion(ubl, name), "a billion words", *forbidden),
        hostile("entity-square.xml", quadratic_expansion(ubl, name), "500 MB of a", *forbidden),
        hostile("nested-elements.xml", nested_elements(100_000), "100,000 elements deep", *deep),
        around(
            embedded,
            "facturx-bomb.pdf",
            page_with_attachment(page, "factur-x.xml", bomb),
            "an invoice with a billion words in its embedded XML",
            *forbidden,
            *READ,
        ),
        around(
            utf16,
            "utf-16.xml",
            write_ubl(utf16, "UTF-16"),
            "a UBL invoice in UTF-16",
            *READ,
            *quarantined(Q.MALFORMED_XML, Q.UNSUPPORTED_TYPE),
        ),
    ]
