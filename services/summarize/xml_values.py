"""Values in an e-invoice's XML: how elements are found and what their texts mean.

Elements are found by their local names, because ZUGFeRD 1.0, its drafts and Factur-X use the same
names under different namespaces and prefixes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import combinations
from typing import Final

from lxml import etree

from services.summarize.dates import find_dates
from shared.events.payloads import DocumentType
from shared.events.results import FieldName

_CREDIT_CODES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"}
)
"""UNTDID 1001 codes of credit notes."""

_NAMESPACES: Final = (
    "urn:un:unece:uncefact:",
    "urn:ferd:",
    "urn:oasis:names:specification:ubl:",
)

_MOST_SAID: Final = 50
"""Elements of one name that are compared; nobody has more than two."""

_DRAFT: Final = "urn:un:unece:uncefact:data:standard:CBFBUY:"
"""ZUGFeRD before 1.0 has elements without a namespace."""

_ORDER_CODES: Final = frozenset({"220", "221", "226", "231"})


@dataclass(frozen=True, slots=True)
class XmlValue:
    """A value and the XPath 1.0 expression that selects its element, without namespaces."""

    value: str
    xpath: str
    text: str


@dataclass(frozen=True, slots=True)
class XmlLine:
    """One line of an e-invoice; ``counts`` is False for group and information lines."""

    description: XmlValue | None
    quantity: XmlValue | None
    unit_price: XmlValue | None
    amount: XmlValue | None
    counts: bool


@dataclass(frozen=True, slots=True)
class XmlInvoice:
    """What the XML says.

    Attributes:
        kind: invoice, credit note or purchase order.
        fields: by canonical name; absent where the XML has none.
        lines: in the order of the XML.
        line_total: the sum of the lines that the XML states, or None.
        is_ambiguous: whether it says two things where one is to be.
    """

    kind: DocumentType
    fields: dict[FieldName, XmlValue]
    lines: tuple[XmlLine, ...]
    line_total: Decimal | None
    is_ambiguous: bool = False


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Yield the children with one of these local names, in the namespaces of e-invoices.

    One of anybody else's namespace is an extension: whoever shows the invoice passes it over.
    """
    for child in element:
        if _local(child) in names and _is_ours(child):
            yield child


def _is_ours(element: etree._Element) -> bool:
    namespace = etree.QName(element).namespace or ""
    if namespace:
        return namespace.startswith(_NAMESPACES)
    root = element.getroottree().getroot()
    return (etree.QName(root).namespace or "").startswith(_DRAFT)


def walk(element: etree._Element | None, path: str) -> Iterator[etree._Element]:
    """Yield the descendants at ``path``: local names between slashes, alternatives between bars."""
    found = [element] if element is not None else []
    for step in path.split("/"):
        found = [child for item in found for child in children(item, *step.split("|"))]
    yield from found


def xpath_of(element: etree._Element) -> str:
    """Return an XPath that selects exactly ``element`` in any namespace."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None:
        name = _local(current)
        parent = current.getparent()
        same = [item for item in parent if _local(item) == name] if parent is not None else []
        index = f"[{same.index(current) + 1}]" if len(same) > 1 else ""
        steps.append(f"*[local-name()='{name}']{index}")
        current = parent
    return "/" + "/".join(reversed(steps))


def text_of(element: etree._Element) -> str:
    """Return an element's own text without surrounding space; of one that has elements, none."""
    return "" if len(element) else " ".join((element.text or "").split())


def in_currency(element: etree._Element | None, path: str, currency: str) -> etree._Element | None:
    """Return an amount in the invoice's currency: a tax total may be there in two."""
    found = (item for item in walk(element, path) if text_of(item))
    return next((item for item in found if item.get("currencyID") in {currency, None}), None)


def said_twice(root: etree._Element, *paths: str) -> bool:
    """Tell whether an invoice says two things where one is to be: no two read it alike."""
    for path in paths:
        said = [(text_of(item), item.get("currencyID")) for item in walk(root, path)]
        for (one, its), (other, others) in combinations(said[:_MOST_SAID], 2):
            if one != other and (its == others or None in {its, others}):
                return True
    return False


def first(element: etree._Element | None, *paths: str) -> etree._Element | None:
    """Return the first element with a text at any of ``paths``, tried in order."""
    for path in paths:
        for found in walk(element, path):
            if text_of(found):
                return found
    return None


def as_text(element: etree._Element | None) -> XmlValue | None:
    """Return an element's text as a value."""
    if element is None:
        return None
    text = text_of(element)
    return XmlValue(text, xpath_of(element), text)


def as_amount(element: etree._Element | None) -> XmlValue | None:
    """Return an element's number as an exact decimal string with at least two decimals."""
    if element is None:
        return None
    text = text_of(element)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) >= Decimal(10) ** 15:
        return None
    exact = value.normalize()
    exponent = exact.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 0)
    return XmlValue(f"{exact:.{places}f}", xpath_of(element), text)


def as_number(element: etree._Element | None) -> XmlValue | None:
    """Return an element's number as a plain decimal string ("3", "0.5")."""
    amount = as_amount(element)
    if amount is None:
        return None
    plain = f"{Decimal(amount.value).normalize():f}"
    return XmlValue(plain, amount.xpath, amount.text)


def as_date(element: etree._Element | None) -> XmlValue | None:
    """Return an element's date in ISO 8601 (CII format 102 is YYYYMMDD)."""
    if element is None:
        return None
    text = text_of(element)
    compact = re.match(r"(\d{4})-?(\d{2})-?(\d{2})", text)
    found = find_dates("-".join(compact.groups())) if compact else find_dates(text)
    if not found:
        return None
    return XmlValue(found[0].read("dmy").isoformat(), xpath_of(element), text)


def joined(
    element: etree._Element | None, streets: Sequence[str], place: Sequence[str], country: str
) -> XmlValue | None:
    """Return an address as one line: streets, place, and the country where it is all there is."""
    if element is None:
        return None

    def at(paths: Sequence[str]) -> list[str]:
        return [text_of(item) for path in paths for item in walk(element, path) if text_of(item)]

    texts = [text for text in (*at(streets), " ".join(at(place))) if text] or at([country])
    if not texts:
        return None
    text = ", ".join(texts)
    return XmlValue(text, xpath_of(element), text)


def kind_of(code: str | None, *, is_credit: bool = False) -> DocumentType:
    """Return the document type of an UNTDID 1001 code."""
    if is_credit or code in _CREDIT_CODES:
        return DocumentType.CREDIT_NOTE
    if code in _ORDER_CODES:
        return DocumentType.PURCHASE_ORDER
    return DocumentType.INVOICE


def present(fields: dict[FieldName, XmlValue | None]) -> dict[FieldName, XmlValue]:
    """Return only the fields that the XML has."""
    return {name: value for name, value in fields.items() if value is not None and value.value}
