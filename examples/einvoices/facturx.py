"""CII inside a PDF: Factur-X, alias ZUGFeRD 2 (PDF/A-3 attachment ``factur-x.xml``)."""

import re
from datetime import date

from facturx import generate_from_binary

from examples.invoice import Invoice


def embed_cii(pdf: bytes, xml: bytes, invoice: Invoice, *, check: bool = True) -> bytes:
    """Return ``pdf`` with ``xml`` attached as Factur-X.

    Args:
        pdf: the visible page.
        xml: the CII document.
        invoice: names language and date; the date stands wherever the package writes the clock.
        check: against the schema of the profile; False for XML that is wrong on purpose.
    """
    result = generate_from_binary(
        pdf,
        xml,
        flavor="factur-x",
        level="en16931",
        check_xsd=check,
        pdf_metadata={
            "author": invoice.supplier.name,
            "keywords": "Factur-X",
            "title": f"{invoice.title} {invoice.number}",
            "subject": invoice.title,
        },
        lang=invoice.convention.language,
        xmp_compression=False,  # so that its dates can be replaced below
    )
    assert isinstance(result, bytes)
    return _stop_clock(result, invoice.issued)


def _stop_clock(pdf: bytes, day: date) -> bytes:
    """Replace the times that the package took from the clock by others of the same length."""
    pdf_time = f"{day:%Y%m%d}120000".encode()
    # \072 is how the package writes the colon
    pdf = re.sub(rb"(D(?::|\\072))\d{14}", lambda found: found[1] + pdf_time, pdf)
    xmp_time = f"{day.isoformat()}T12:00:00+00:00".encode()
    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", lambda _: xmp_time, pdf)
