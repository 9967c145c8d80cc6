"""XML: well-formed, without a document type, and an e-invoice by its root element."""

from typing import Final

from lxml import etree

from services.ingest.inspection import InspectionLimits
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:"
_ROOTS: Final = frozenset(
    {
        "{urn:ferd:CrossIndustryDocument:invoice:1p0}CrossIndustryDocument",  # ZUGFeRD 1.0
        "{urn:un:unece:uncefact:data:standard:CBFBUY:5}Invoice",  # ZUGFeRD before 1.0
        "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice",
        "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote",
    }
)


def is_einvoice(root: str) -> bool:
    """Whether a root element, as ``{namespace}name``, is one of CII or UBL."""
    namespace, _, name = root.removeprefix("{").rpartition("}")
    return root in _ROOTS or (name == "CrossIndustryInvoice" and namespace.startswith(_CII))


class _Outline:
    """Sees elements go by and keeps none: a tree would cost many times the file's size."""

    def __init__(self, most_depth: int) -> None:
        self._most_depth = most_depth
        self._depth = 0
        self._seen_root = False

    def start(self, tag: str | bytes, attrib: object) -> None:
        del attrib
        if not self._seen_root and not is_einvoice(str(tag)):
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
