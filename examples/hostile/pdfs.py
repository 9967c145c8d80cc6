"""PDFs that lie about their size, expand without end or run in circles."""

from random import Random

from examples.hostile.outcomes import (
    EXHAUSTED,
    READ,
    Q,
    around,
    hostile,
    quarantined,
    sound_invoice,
)
from examples.hostile.raw_pdf import (
    CATALOG,
    FONT,
    one_page,
    page_tree,
    repeated_deflate,
    stream,
    write_pdf,
)
from examples.layouts.columns import draw_two_columns
from examples.truth import Example

_TEXT = b"BT /F1 12 Tf 72 720 Td (Nothing to see on this page.) Tj ET"
_MORE_TEXT = b"BT /F1 900 Tf 1000 9000 Td (A very large page) Tj ET 9 w 100 100 14000 14000 re S"


def ten_thousand_pages() -> bytes:
    """Return 10,000 pages that share one content stream."""
    pages = range(5, 10_005)
    page = (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R "
        "/Resources << /Font << /F1 4 0 R >> >> >>"
    )
    objects: dict[int, bytes | str] = {1: CATALOG, 2: page_tree(pages), 3: stream(_TEXT), 4: FONT}
    return write_pdf(objects | dict.fromkeys(pages, page))


def count_of_a_million() -> bytes:
    """Return one page whose tree says that there are a million."""
    return one_page(stream(_TEXT)).replace(b"/Count 1 ", b"/Count 1000000 ")


def _ten_times(level: int) -> bytes:
    """Return contents that draw form ``/N`` ten times, each a step further down or right."""
    step = 50 / 10 ** (level // 2)
    shift = b"1 0 0 1 %.4f 0 cm" % step if level % 2 else b"1 0 0 1 0 %.4f cm" % step
    return b" ".join([shift, b"/N Do\n"]) * 10


def nested_forms(levels: int) -> bytes:
    """Return a page that draws ten forms, each of which draws ten more: 10 ** levels in all."""
    more = {}
    for level in range(levels):
        number = 6 + level
        if level == levels - 1:
            body, resources = b"BT /F1 6 Tf (x) Tj ET", "/Font << /F1 5 0 R >>"
        else:
            body, resources = _ten_times(level + 1), f"/XObject << /N {number + 1} 0 R >>"
        entries = f"/Type /XObject /Subtype /Form /BBox [0 0 999 999] /Resources << {resources} >>"
        more[number] = stream(body, entries)
    return one_page(stream(_ten_times(0)), resources="/XObject << /N 6 0 R >>", more=more)


def form_in_itself() -> bytes:
    """Return a page with a form that draws itself."""
    entries = (
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << /N 6 0 R >> >>"
    )
    contents = stream(_TEXT + b" /N Do")
    more = {6: stream(b"/N Do", entries)}
    return one_page(contents, resources="/XObject << /N 6 0 R >>", more=more)


def cyclic_page_tree() -> bytes:
    """Return a page tree whose child is its own parent."""
    return write_pdf({1: CATALOG, 2: page_tree([3], count=2), 3: page_tree([2], count=2)})


def huge_content() -> bytes:
    """Return a page whose contents are a gibibyte of blanks, deflated to one mebibyte."""
    return one_page(stream(repeated_deflate(0x20, 1 << 30), compressed=True))


def huge_image() -> bytes:
    """Return a page with a picture of 60,000 by 60,000 bits, deflated."""
    entries = (
        "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 "
        "/ColorSpace /DeviceGray /BitsPerComponent 1"
    )
    picture = stream(repeated_deflate(0, 60_000 * 7_500), entries, compressed=True)
    contents = stream(b"q 500 0 0 700 40 70 cm /I Do Q")
    return one_page(contents, resources="/XObject << /I 6 0 R >>", more={6: picture})


def hostile_pdfs() -> list[Example]:
    """Return the hostile PDFs."""
    invoice, disguised = sound_invoice(901), sound_invoice(902)
    whole = draw_two_columns(invoice, Random(901))
    damaged = quarantined(Q.UNREADABLE, Q.PAGES_MISSING, Q.TOO_DEEP, Q.UNSUPPORTED_TYPE)
    too_big = (*quarantined(Q.TOO_MANY_PIXELS, Q.UNREADABLE), *EXHAUSTED, *READ)
    too_deep = (*quarantined(Q.TOO_DEEP, Q.UNREADABLE, Q.TOO_MANY_PIXELS), *EXHAUSTED, *READ)
    too_long = (*quarantined(Q.TOO_MANY_PAGES), *EXHAUSTED)
    junk = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" * 12
    return [
        hostile("pages-10000.pdf", ten_thousand_pages(), "10,000 pages", *too_long),
        hostile(
            "count-million.pdf",
            count_of_a_million(),
            "one page that says it is a million",
            *too_long,
            *damaged,
        ),
        hostile(
            "page-14400-points.pdf",
            one_page(stream(_MORE_TEXT), box="0 0 14400 14400"),
            "a page of five metres by five, with text",
            *READ,
            *too_big,
        ),
        hostile(
            "page-14400-points-picture.pdf",
            one_page(stream(b"9 w 100 100 14000 14000 re S"), box="0 0 14400 14400"),
            "a page of five metres by five, without text",
            *too_big,
        ),
        hostile("nested-forms.pdf", nested_forms(6), "a million nested forms", *too_deep),
        hostile("nested-forms-more.pdf", nested_forms(8), "100 million nested forms", *too_deep),
        hostile("form-in-itself.pdf", form_in_itself(), "a form that draws itself", *too_deep),
        hostile(
            "cyclic-page-tree.pdf",
            cyclic_page_tree(),
            "a page tree that runs in a circle",
            *damaged,
            *too_long,
        ),
        hostile("content-bomb.pdf", huge_content(), "a gibibyte of contents", *EXHAUSTED, *too_big),
        hostile("image-bomb.pdf", huge_image(), "a picture of 3.6 gigapixels in a page", *too_big),
        hostile(
            "cut-contents.pdf",
            whole[: whole.index(b"stream") + 400],
            "cut off within the page's contents",
            *damaged,
            *READ[1:],
        ),
        around(
            invoice,
            "junk-before-header.pdf",
            junk + whole,
            "an invoice behind 600 bytes of something else",
            *READ,
            *damaged,
        ),
        around(
            disguised,
            "really-a-pdf.png",
            draw_two_columns(disguised, Random(902)),
            "a PDF that calls itself a PNG",
            *READ,
        ),
    ]
