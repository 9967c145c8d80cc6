"""XML that may be an e-invoice: parsed hardened, recognised by its root element."""

import re
from typing import Final, Literal

from lxml import etree

from services.ocr.plain_text import text_page
from shared.errors import PermanentError
from shared.events.results import EInvoice, Page
from shared.telemetry.reasons import QuarantineReason

Syntax = Literal["cii", "ubl"]

CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:"
ZUGFERD_1: Final = "urn:ferd:CrossIndustryDocument:invoice:1p0"
DRAFT: Final = "urn:un:unece:uncefact:data:standard:CBFBUY:5"  # ZUGFeRD before 1.0
UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
UBL_ROOTS: Final = frozenset({"Invoice", "CreditNote"})

MOST_DEPTH: Final = 100
DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")


def parse(data: bytes) -> etree._Element:
    """Parse XML without fetching, expanding or believing anything.

    Raises:
        PermanentError: ``malformed_xml``, ``forbidden_xml`` (a document type or entities) or
            ``too_deep``.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as err:
        raise PermanentError(_reason(err, data)) from err
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise PermanentError(QuarantineReason.FORBIDDEN_XML)
    _check_depth(root)
    return root


def _reason(err: Exception, data: bytes) -> QuarantineReason:
    """Say why libxml2 gave up: it refuses some bombs itself."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return QuarantineReason.FORBIDDEN_XML  # a declared entity is a bomb whatever it says
    if getattr(err, "code", 0) == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return QuarantineReason.TOO_DEEP  # its own limit is 256 levels
    return QuarantineReason.MALFORMED_XML


def _check_depth(root: etree._Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MOST_DEPTH:
            raise PermanentError(QuarantineReason.TOO_DEEP)


def syntax(root: etree._Element) -> Syntax | None:
    """Return the syntax of an e-invoice by its root element; None when it is none."""
    name = etree.QName(root)
    namespace = name.namespace or ""
    if name.localname == "CrossIndustryInvoice" and namespace.startswith(CII):
        return "cii"
    if (name.localname, namespace) in {("CrossIndustryDocument", ZUGFERD_1), ("Invoice", DRAFT)}:
        return "cii"
    if name.localname in UBL_ROOTS and namespace == f"{UBL}{name.localname}-2":
        return "ubl"
    return None


def recognised(data: bytes, *, visible: bool) -> EInvoice | None:
    """Return the e-invoice in ``data``; None when it is something else, or broken."""
    try:
        root = parse(data)
    except PermanentError:
        return None  # beside a visible page, a broken attachment is no invoice
    found = syntax(root)
    if found is None:
        return None
    return EInvoice(syntax=found, xml=_text(root), visible=visible)


def _text(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode")


def read_xml(data: bytes) -> tuple[Page, EInvoice]:
    """Read an e-invoice that has no page: its text nodes stand in for words.

    Raises:
        PermanentError: ``malformed_xml`` (also: no e-invoice), ``forbidden_xml`` or ``too_deep``.
    """
    root = parse(data)
    found = syntax(root)
    if found is None:
        raise PermanentError(QuarantineReason.MALFORMED_XML)
    lines = [" ".join(str(text).split()) for text in root.itertext() if text.strip()]
    page = text_page(lines, number=1, engine="xml")
    return page, EInvoice(syntax=found, xml=_text(root), visible=False)
