"""The document that ingest must always be able to take in: if it cannot, it is itself broken."""

from typing import Final

from services.ingest.ports import Inspector
from shared.events.payloads import MediaType

CANARY: Final = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj
xref
0 4
0000000000 65535 f 
0000000009 00000 n 
0000000052 00000 n 
0000000101 00000 n 
trailer<</Size 4/Root 1 0 R>>
startxref
164
%%EOF
"""  # noqa: W291 - the cross-reference table's lines have 20 bytes (ISO 32000-1, 7.5.4)


def sing(inspector: Inspector) -> None:
    """Look at the canary.

    Raises:
        Exception: whatever the worker would raise for a sound document.
    """
    found = inspector.inspect(CANARY)
    if (found.media_type, found.pages) != (MediaType.PDF, 1):
        raise AssertionError("the canary is not one page of PDF")
