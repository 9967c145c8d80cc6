"""Whether what an e-invoice's XML says also stands on the visible page, and where."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from services.summarize.currency import resolve
from services.summarize.dates import find_dates
from services.summarize.doctype import POSTING
from services.summarize.folding import alnum, fold
from services.summarize.labels import Role
from services.summarize.layout import Row, Segment
from services.summarize.page_reading import PageReading
from shared.events.payloads import DocumentType
from shared.events.results import Evidence, FieldName

_SURE: Final = 0.9

_NAMED: Final = 0.6
"""How clearly a label must say what an amount is."""

_STATED: Final = 0.75
"""A date surer than this stands beside a label, in whatever order of day and month."""

_AMOUNT_ROLES: Final[dict[FieldName, tuple[Role, ...]]] = {
    "total_amount": (Role.TOTAL, Role.PAYABLE),
    "net_amount": (Role.NET, Role.SUBTOTAL),
    "total_tax_amount": (Role.TAX,),
}


def _text_in(segments: Sequence[Segment], text: str) -> Evidence | None:
    """Return where ``text`` stands in a segment, as whole words, whatever the spacing."""
    wanted = alnum(text)
    if not wanted:
        return None
    parts = [re.escape(part) for part in re.findall(r"[^\W_]+", fold(text))]
    pattern = re.compile(r"(?<![^\W_])" + r"[\W_]{0,3}".join(parts) + r"(?![^\W_])")
    for segment in segments:
        match = pattern.search(fold(segment.text))
        if match:
            return segment.evidence(match.start(), match.end())
    return None


def _whole_id(rows: Sequence[Row], text: str) -> Evidence | None:
    """Return where a number stands alone: no letter, digit or separator runs into it."""
    pattern = re.compile(
        r"(?<![^\W_])(?<![^\W_][-/._])"
        + re.escape(fold(text))
        + r"(?![^\W_])(?![-/_][^\W_])(?!\.\d)"
    )
    for row in rows:
        for segment in row.segments:
            match = pattern.search(fold(segment.text))
            if match:
                return segment.evidence(match.start(), match.end())
    return None


def _date_in(page: PageReading, wanted: date) -> Evidence | None:
    """Return where a date stands, in either order of day and month."""
    for segment in page.sheet.segments:
        for found in find_dates(segment.text):
            if wanted in {found.day_first, found.month_first}:
                return segment.evidence(found.start, found.end)
    return None


def _currency_in(page: PageReading, code: str) -> Evidence | None:
    """Return where a currency stands: its code, or a symbol beside an amount."""
    spelled = _text_in(page.sheet.segments, code)
    if spelled is not None:
        return spelled
    for figure in page.figures:
        mark = figure.amount.mark
        if mark is not None and resolve(mark, page.home) == code:
            at = max(0, figure.segment.text.find(mark))
            return figure.segment.evidence(at, at + len(mark))
    found = page.currency
    sure = found is not None and found.code == code and found.confidence > _SURE
    return found.evidence if found is not None and sure else None


def on_page(page: PageReading, name: FieldName, value: str) -> Evidence | None:
    """Return where an XML field's value stands on the visible page, or None."""
    if name in _AMOUNT_ROLES:
        figure = page.figure_of(Decimal(value), *_AMOUNT_ROLES[name])
        if figure is None:
            return None
        return figure.segment.evidence(figure.amount.start, figure.amount.end)
    if name in {"invoice_date", "due_date"}:
        return _date_in(page, date.fromisoformat(value))
    if name == "currency":
        return _currency_in(page, value)
    if name == "invoice_id":
        return _whole_id(page.sheet.rows, value)
    return _text_in(page.sheet.segments, value)


def contradicts(page: PageReading, name: FieldName, value: str) -> bool:
    """Tell whether the page says something else than the XML: another total, date, tax id.

    That a value stands somewhere is not enough for a total: the net amount stands there too. So
    where labels name totals, one of those must be it.
    """
    if name in _AMOUNT_ROLES:
        named = {
            abs(item.value)
            for item in page.facts.candidates
            if item.role in _AMOUNT_ROLES[name] and item.strength > _NAMED
        }
        if name == "total_tax_amount":
            named |= {abs(page.chosen.tax)} if page.chosen.tax is not None else set()
        return bool(named) and abs(Decimal(value)) not in named
    if name in {"invoice_date", "due_date"}:
        shown, wanted = page.dates[name == "due_date"], date.fromisoformat(value)
        return shown is not None and shown.confidence > _STATED and not _date_in(page, wanted)
    if name == "supplier_address":
        return name in page.parties and on_page(page, name, value.partition(", ")[0]) is None
    if name in {"supplier_name", "supplier_tax_id", "receiver_name"}:
        return name in page.parties and on_page(page, name, value) is None
    return False


def is_other_type(page: PageReading, kind: DocumentType) -> bool:
    """Tell whether the page is a credit note where the XML is none, or the reverse."""
    shown = page.type
    if shown.is_doubtful or shown.kind not in POSTING:
        return False
    return kind not in POSTING or (
        kind != shown.kind and DocumentType.CREDIT_NOTE in {kind, shown.kind}
    )
