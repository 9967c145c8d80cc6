"""A summary made from words and positions alone."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from services.summarize.amounts import written
from services.summarize.confidence import ENOUGH, ENOUGH_DATE, of_part, of_reading, of_total
from services.summarize.contested import is_contested, reached
from services.summarize.currency import home_currency, iso_4217, resolve, scale_of
from services.summarize.doctype import POSTING
from services.summarize.figures import Figure, of_role
from services.summarize.labels import Role
from services.summarize.lines import Cell, Line
from services.summarize.page_reading import PageReading
from services.summarize.prose import extract
from services.summarize.reconcile import STRONG, Proof
from services.summarize.references import Found
from services.summarize.wording import sentence
from shared.events.payloads import DocumentType
from shared.events.results import FieldName, FieldValue, LineItem, Summary
from shared.telemetry.reasons import HeldReason

_FEWEST_WORDS: Final = 5
"""A document with fewer words was not read well enough to be called anything."""

_LEGIBLE: Final = 0.6
"""Below this mean confidence of its words a document was not read well enough either."""


def _value(value: str, confidence: float, *found: Found) -> FieldValue:
    return FieldValue(
        value=value,
        confidence=round(min(0.99, max(0.01, confidence)), 4),
        evidence=tuple(item.evidence for item in found),
    )


def _amount(
    value: Decimal, confidence: float, figure: Figure | None, scale: int
) -> FieldValue | None:
    """Return an amount with the figure that shows it; without evidence there is no value."""
    if figure is None:
        return None
    evidence = figure.segment.evidence(figure.amount.start, figure.amount.end)
    return FieldValue(
        value=written(value, scale),
        confidence=round(min(0.99, max(0.01, confidence)), 4),
        evidence=(evidence,),
    )


def _amounts(page: PageReading) -> dict[FieldName, FieldValue | None]:
    """Return total, net and tax as the arithmetic chose them."""
    chosen = page.chosen
    found: dict[FieldName, FieldValue | None] = {}
    if chosen.total is None:
        return found
    scale = scale_of(page.currency.code) if page.currency else 2
    figure = page.figure_of(chosen.total, Role.TOTAL, Role.PAYABLE)
    words = figure.confidence if figure else 0.0
    found["total_amount"] = _amount(chosen.total, of_total(chosen, words), figure, scale)
    if chosen.net is not None:
        figure = page.figure_of(chosen.net, Role.NET, Role.SUBTOTAL)
        words = figure.confidence if figure else 0.0
        found["net_amount"] = _amount(chosen.net, of_part(chosen, words), figure, scale)
    if chosen.tax is not None:
        figure = page.figure_of(chosen.tax, Role.TAX)
        words = figure.confidence if figure else 0.0
        sure = of_part(chosen, words)
        taxed = _amount(chosen.tax, sure, figure, scale)
        found["total_tax_amount"] = taxed or _summed(page, chosen.tax, sure, scale)
    if chosen.net is not None and chosen.tax is not None:
        rounding = chosen.total - chosen.net - chosen.tax
        printed = of_role(page.figures, Role.ROUNDING)
        same = (one for one in printed if rounding and abs(one.value) == abs(rounding))
        figure = next(same, None)
        words = figure.confidence if figure else 0.0
        found["rounding_amount"] = _amount(rounding, of_part(chosen, words), figure, scale)
    return found


def _summed(page: PageReading, value: Decimal, confidence: float, scale: int) -> FieldValue | None:
    """Return a tax that is printed only in parts, one a rate, with every part as evidence."""
    parts = of_role(page.figures, Role.TAX)
    if abs(sum((part.value for part in parts), Decimal(0))) != abs(value):
        return None
    places = (part.segment.evidence(part.amount.start, part.amount.end) for part in parts)
    return FieldValue(
        value=written(value, scale), confidence=round(confidence, 4), evidence=tuple(places)
    )


def read_fields(page: PageReading) -> dict[FieldName, FieldValue]:
    """Return every canonical field that the pages show."""
    issued, due = page.dates
    parties: dict[FieldName, Found | None] = {
        "supplier_name": page.parties.get("supplier_name"),
        "supplier_address": page.parties.get("supplier_address"),
        "supplier_tax_id": page.parties.get("supplier_tax_id"),
        "receiver_name": page.parties.get("receiver_name"),
        "invoice_id": page.id,
        "invoice_date": issued,
        "due_date": due,
    }
    fields: dict[FieldName, FieldValue | None] = {
        name: _value(found.value, found.confidence, found)
        for name, found in parties.items()
        if found is not None
    }
    if page.currency is not None:
        fields["currency"] = FieldValue(
            value=page.currency.code,
            confidence=round(page.currency.confidence, 4),
            evidence=(page.currency.evidence,),
        )
    fields |= _amounts(page)
    return {name: value for name, value in fields.items() if value is not None}


def _cell(cell: Cell | None, confidence: float, scale: int | None) -> FieldValue | None:
    if cell is None:
        return None
    evidence = cell.segment.evidence(cell.start, cell.end)
    value = cell.value if cell.number is None or scale is None else written(cell.number, scale)
    return FieldValue(
        value=value,
        confidence=round(confidence * of_reading(evidence.confidence), 4),
        evidence=(evidence,),
    )


def _line_item(line: Line) -> LineItem:
    """Return a line; one whose quantity and price make its amount is surer than one without."""
    sure = 0.96 if line.is_proved else 0.75
    return LineItem(
        description=_cell(line.description, 0.8, None),
        quantity=_cell(line.quantity, sure, 0),
        unit_price=_cell(line.unit_price, sure, 2),
        amount=_cell(line.amount, sure, 2),
    )


def _missing(page: PageReading, fields: dict[FieldName, FieldValue]) -> Iterable[HeldReason]:
    """Yield what a posting cannot do without and the pages do not show."""
    if "currency" not in fields or fields["currency"].value not in iso_4217():
        yield HeldReason.CURRENCY_UNKNOWN
    if "invoice_date" not in fields:
        yield HeldReason.DATE_MISSING
    if "supplier_name" not in fields:
        yield HeldReason.SUPPLIER_MISSING
    total, date = fields.get("total_amount"), fields.get("invoice_date")
    unsure = total is not None and total.confidence < ENOUGH
    undated = date is not None and date.confidence < ENOUGH_DATE
    several = page.holds_several or is_contested(page.chosen, page.facts) or in_two_currencies(page)
    if unsure or undated or page.type.is_doubtful or several:
        yield HeldReason.LOW_CONFIDENCE


_WHOLLY: Final = 0.9
"""Share of the marks from which a currency is the document's, where little else speaks for it."""


def in_two_currencies(page: PageReading) -> bool:
    """Tell whether the total's currency may be another one than the document's."""
    if page.currency is None or page.chosen.total is None:
        return False
    code, sure = page.currency.code, page.currency.confidence
    own: set[str | None] = set()
    others: set[str | None] = set()
    for figure in of_role(page.figures, Role.TOTAL, Role.PAYABLE):
        if figure.amount.mark is not None:
            its = own if abs(figure.value) == abs(page.chosen.total) else others
            its.add(resolve(figure.amount.mark, page.home))
    if own:
        return code not in own
    return sure < _WHOLLY and (code in others or code != home_currency(page.home))


def lines_differ(page: PageReading) -> bool:
    """Tell whether lines that prove themselves add up to nothing that goes with the total."""
    table, chosen = page.table, page.chosen
    if not table.is_sure or chosen.total is None or Proof.LINES in chosen.proofs:
        return False
    total = sum(page.facts.lines, Decimal(0))
    stated = set(page.facts.values(Role.NET, Role.TOTAL, Role.PAYABLE))
    parts = set(page.facts.values(Role.SUBTOTAL))  # of some of the lines, at one rate
    return total not in parts | (stated & reached(chosen, page.facts))


def doubts_of(page: PageReading, fields: dict[FieldName, FieldValue]) -> tuple[HeldReason, ...]:
    """Return why a document must not be posted, or recorded as a memo, without a person."""
    words = [word for item in page.pages for word in item.words]
    legible = sum(word.confidence for word in words) >= _LEGIBLE * len(words)
    if len(words) < _FEWEST_WORDS or not legible:
        return (HeldReason.LOW_CONFIDENCE,)
    kind = page.type.kind
    if kind not in POSTING:
        bill = bool(page.chosen.proofs & STRONG) and kind in {
            DocumentType.LETTER,
            DocumentType.FORM,
            DocumentType.OTHER,
        }
        return (HeldReason.LOW_CONFIDENCE,) if page.type.is_doubtful or bill else ()
    found = [*page.chosen.doubts]
    if lines_differ(page):
        found.append(HeldReason.LINES_MISMATCH)
    found.extend(_missing(page, fields))
    return tuple(dict.fromkeys(found))


def summarize_pages(page: PageReading) -> Summary:
    """Return the summary of a document that is words on pages."""
    kind = page.type.kind
    has_fields = kind in POSTING or kind is DocumentType.PURCHASE_ORDER
    if kind in POSTING:
        fields = read_fields(page)
        doubts = doubts_of(page, fields)
    else:
        doubts = doubts_of(page, {})
        fields = read_fields(page) if has_fields or doubts else {}
    return Summary(
        document_type=kind,
        type_confidence=round(page.type.confidence, 4),
        summary=sentence(kind, fields) if kind in POSTING else extract(page.sheet),
        fields=fields,
        line_items=tuple(_line_item(line) for line in page.table.lines) if has_fields else (),
        doubts=doubts,
    )
