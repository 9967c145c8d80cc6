"""XML: well-formed, without a document type, and an e-invoice by its root element."""

from typing import Final

from lxml import etree

from services.ingest.inspection import InspectionLimits
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_ZUGFERD_1: Final = "urn:ferd:CrossIndustryDocument:invoice:1p0"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"

ROOTS: Final = frozenset(
    {
        f"{{{_CII}}}CrossIndustryInvoice",
        f"{{{_ZUGFERD_1}}}CrossIndustryDocument",
        f"{{{_UBL}Invoice-2}}Invoice",
        f"{{{_UBL}CreditNote-2}}CreditNote",
    }
)
"""Root elements of CII (Factur-X, XRechnung), ZUGFeRD 1.0 and UBL 2."""


class _Outline:
    """Sees elements go by and keeps none: a tree would cost many times the file's size."""

    def __init__(self, most_depth: int) -> None:
        self._most_depth = most_depth
        self._depth = 0
        self._seen_root = False

    def start(self, tag: str | bytes, attrib: object) -> None:
        del attrib
        if not self._seen_root and tag not in ROOTS:
            raise PermanentError(QuarantineReason.MALFORMED_XML)
        self._seen_root = True
        self._depth += 1
        if self._depth > self._most_depth:
            raise PermanentError(QuarantineReason.TOO_DEEP)

    def end(self, tag: str | bytes) -> None:
        del tag
        self._depth -= 1

    def data(self, data: str | bytes) -> None:
        """Text is the reader's."""

    def comment(self, text: str | bytes) -> None:
        """Comments are nobody's."""

    def doctype(self, *_parts: object) -> None:
        raise PermanentError(QuarantineReason.FORBIDDEN_XML)

    def close(self) -> None:
        """Nothing is kept."""


def check(content: bytes, limits: InspectionLimits) -> None:
    """Accept an e-invoice's XML.

    Raises:
        PermanentError: ``forbidden_xml`` at the first sign of a document type, ``malformed_xml``
            or ``too_deep``.
    """
    parser = etree.XMLParser(
        target=_Outline(limits.xml_depth),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        etree.fromstring(content, parser)
    except etree.XMLSyntaxError as err:
        raise PermanentError(QuarantineReason.MALFORMED_XML) from err
