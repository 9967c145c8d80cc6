"""PDF objects by hand (ISO 32000-1), for files that no PDF library would write."""

import zlib
from collections.abc import Mapping, Sequence

Reference = int


def stream(content: bytes, entries: str = "", *, compressed: bool = False) -> bytes:
    """Return a stream object's body.

    Args:
        content: as it stands in the file.
        entries: more of its dictionary.
        compressed: whether ``content`` is deflated already.
    """
    filtered = " /Filter /FlateDecode" if compressed else ""
    head = f"<< /Length {len(content)}{filtered} {entries} >>".encode()
    return head + b"\nstream\n" + content + b"\nendstream"


def write_pdf(objects: Mapping[Reference, bytes | str], root: Reference = 1) -> bytes:
    """Return a PDF with these numbered objects, a right cross-reference table and a trailer."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number in sorted(objects):
        body = objects[number]
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number
        out += body.encode("latin-1") if isinstance(body, str) else body
        out += b"\nendobj\n"
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        if number in offsets:
            out += b"%010d 00000 n \n" % offsets[number]
        else:
            out += b"0000000000 00000 f \n"
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start)
    return bytes(out)


def page_tree(kids: Sequence[Reference], count: int | None = None) -> str:
    """Return a page tree node; ``count`` may lie."""
    references = " ".join(f"{kid} 0 R" for kid in kids)
    return f"<< /Type /Pages /Kids [{references}] /Count {len(kids) if count is None else count} >>"


CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def one_page(
    contents: bytes,
    *,
    box: str = "0 0 595 842",
    resources: str = "",
    more: Mapping[int, bytes] = {},
) -> bytes:
    """Return a PDF of one page: 1 catalog, 2 tree, 3 page, 4 contents, 5 Helvetica as ``/F1``.

    Args:
        contents: the whole body of object 4 (see ``stream``).
        box: the media box in points.
        resources: more entries of the resource dictionary.
        more: further objects, from 6 on.
    """
    page = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> {resources} >> >>"
    )
    return write_pdf({1: CATALOG, 2: page_tree([3]), 3: page, 4: contents, 5: FONT, **more})


def page_with_attachment(lines: Sequence[str], name: str, attachment: bytes) -> bytes:
    """Return a page of typewritten lines with one embedded file, as Factur-X has it."""
    shown = []
    for line in lines:
        text = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        shown.append(f"({text}) Tj T*".encode("cp1252"))
    contents = b"BT /F2 9 Tf 12 TL 60 780 Td\n" + b"\n".join(shown) + b"\nET"
    page = (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F2 5 0 R >> >> >>"
    )
    return write_pdf(
        {
            1: f"<< /Type /Catalog /Pages 2 0 R /AF [7 0 R] "
            f"/Names << /EmbeddedFiles << /Names [({name}) 7 0 R] >> >> >>",
            2: page_tree([3]),
            3: page,
            4: stream(contents),
            5: "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
            6: stream(attachment, "/Type /EmbeddedFile /Subtype /text#2Fxml"),
            7: f"<< /Type /Filespec /F ({name}) /UF ({name}) /AFRelationship /Alternative "
            "/EF << /F 6 0 R >> >>",
        }
    )


def repeated_deflate(byte: int, count: int) -> bytes:
    """Return the zlib stream (RFC 1950) of ``count`` times ``byte``, made in no time.

    One deflated mebibyte ends at a byte boundary and refers to nothing before it (a full flush), so
    it can stand any number of times; the Adler-32 of equal bytes has a closed form.

    Args:
        byte: 0 to 255.
        count: rounded up to whole mebibytes.
    """
    block = 1 << 20
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = deflate.compress(bytes([byte]) * block) + deflate.flush(zlib.Z_FULL_FLUSH)
    times = -(-count // block)
    total = times * block
    low = (1 + total * byte) % 65521
    high = (total + byte * total * (total + 1) // 2) % 65521
    end = b"\x03\x00"  # an empty last block
    return b"\x78\xda" + chunk * times + end + ((high << 16) | low).to_bytes(4, "big")
