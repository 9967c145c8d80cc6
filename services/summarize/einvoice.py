"""The fields of an e-invoice's XML, exactly: CII (ZUGFeRD 1.0 to XRechnung) and UBL.

Sources: EN 16931-1, UN/CEFACT CII D16B, OASIS UBL 2.1. Foreign XML: only the sandbox runs this.
"""

import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from services.summarize.einvoice_cii import read_cii
from services.summarize.einvoice_ubl import read_ubl
from services.summarize.xml_values import XmlInvoice
from shared.errors import PermanentError
from shared.events.results import EInvoice
from shared.telemetry.reasons import QuarantineReason

_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")

_READERS: Final[dict[str, Callable[[etree._Element], XmlInvoice]]] = {
    "cii": read_cii,
    "ubl": read_ubl,
}


def parse(xml: str) -> etree._Element:
    """Parse an e-invoice: no entities, no document type, no network.

    Raises:
        PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,  # within a figure either would hide the rest of it
    )
    # the text was decoded already: a declaration of another encoding would only mislead
    bare = _DECLARATION.sub("", xml.lstrip("\ufeff"), count=1)
    try:
        root = etree.fromstring(bare.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PermanentError(QuarantineReason.MALFORMED_XML) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise PermanentError(QuarantineReason.FORBIDDEN_XML)
    return root


def read_einvoice(einvoice: EInvoice) -> XmlInvoice:
    """Return everything that an e-invoice's XML says.

    Raises:
        PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
    """
    return _READERS[einvoice.syntax](parse(einvoice.xml))
