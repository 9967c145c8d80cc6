"""The labels of the public documents, in canonical fields. They are never committed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import cast

from lxml import etree

from services.summarize.dates import find_dates
from shared.events.payloads import MediaType
from shared.events.results import EInvoice


@dataclass(frozen=True, slots=True)
class Labelled:
    """A document and what is true of it."""

    path: Path
    media_type: MediaType
    truth: dict[str, str]


def receipts(folder: Path) -> Iterator[Labelled]:
    """Yield the receipts of an SROIE folder (img/, key/); every date there is day first."""
    for key in sorted((folder / "key").glob("*.json")):
        label = json.loads(key.read_text(encoding="utf-8"))
        amount = re.sub(r"[^\d.]", "", label.get("total", ""))
        dates = find_dates(label.get("date", ""))
        truth = {"supplier_name": label.get("company", "")}
        if amount:
            truth["total_amount"] = str(Decimal(amount))
        if dates:
            truth["invoice_date"] = dates[0].read("dmy").isoformat()
        image = folder / "img" / f"{key.stem}.jpg"
        yield Labelled(image, MediaType.JPEG, {k: v for k, v in truth.items() if v})


PATHS = {
    "supplier_name": "SellerTradeParty/Name",
    "supplier_tax_id": "SellerTradeParty/SpecifiedTaxRegistration/ID",
    "receiver_name": "BuyerTradeParty/Name",
    "invoice_id": "ExchangedDocument/ID|HeaderExchangedDocument/ID",
    "invoice_date": "ExchangedDocument/IssueDateTime|HeaderExchangedDocument/IssueDateTime",
    "due_date": "SpecifiedTradePaymentTerms/DueDateDateTime",
    "currency": "InvoiceCurrencyCode",
    "net_amount": "TaxBasisTotalAmount",
    "total_tax_amount": "TaxTotalAmount",
    "total_amount": "GrandTotalAmount",
}
"""Where CII keeps each field: a second, simpler reading than the one under test."""


def _text(element: etree._Element) -> str:
    """Return all text in an element, with single spaces."""
    return " ".join("".join(map(str, element.itertext())).split())


def einvoice_truth(einvoice: EInvoice) -> dict[str, str]:
    """Return the fields of a CII document, read by their element names alone."""
    root = etree.fromstring(einvoice.xml.encode(), etree.XMLParser(resolve_entities=False))
    truth: dict[str, str] = {}
    for name, paths in PATHS.items():
        for path in paths.split("|"):
            steps = "/".join(f"*[local-name()='{step}']" for step in path.split("/"))
            every = cast("list[etree._Element]", root.xpath(f"//{steps}"))
            found = [element for element in every if _text(element)]
            if name == "supplier_tax_id":
                found.sort(key=lambda element: element.get("schemeID") != "VA")
            if found and name not in truth:
                text = _text(found[0])
                if name.endswith("_date"):
                    digits = re.sub(r"\D", "", text)[:8]
                    text = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
                truth[name] = text
    return truth
