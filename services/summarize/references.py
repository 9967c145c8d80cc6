"""What a document is called and when: its number, its date, the day it is due."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.summarize.dates import DateFound, Order, date_order, find_dates
from services.summarize.folding import fold
from services.summarize.layout import Segment, Sheet, overlaps_x
from shared.events.results import Evidence

_NUMBER_WORD: Final = (
    r"(?:no\b|nr\b|number|nummer|num\b|numero|n[°ºo]|id\b|#|№|ref\b|bil\b|bilangan|nombor)"
)
_CREDIT: Final = (
    r"(?:credit\s?(?:note|memo)|gutschrifts?|avoir|note de credit|nota kredit|korrektur)"
)
_INVOICE: Final = (
    r"(?:(?:cash |tax )?inv(?:oice)?(?![-/a-z0-9])|taxinv|"
    r"[a-z]*rechnungs?|facture|invois|factura|fattura|factuur)"
)
_OTHER: Final = (
    r"(?:bill|receipt|rcpt|resit|doc(?:ument)?|slip|cb|beleg|bon|quittung|recu|ticket"
    r"|trans(?:action)?"
    r"|check|cash ?(?:bill|sales?)|re[cç]u|order)"
)
_SEP: Final = r"[\s.:_'/-]{0,3}"

_ID_LABELS: Final = tuple(
    (kind, score, re.compile(pattern))
    for kind, score, pattern in (
        ("credit", 0.97, rf"(?<![a-z]){_CREDIT}{_SEP}{_NUMBER_WORD}"),
        ("credit", 0.95, rf"{_NUMBER_WORD}{_SEP}(?:de |d'|der |du )?(?:l')?{_CREDIT}"),
        ("credit", 0.93, rf"^\W*{_CREDIT}(?=[\s:#(])"),
        ("invoice", 0.97, rf"(?<![a-z]){_INVOICE}(?:\s?\(\d+\))?{_SEP}{_NUMBER_WORD}"),
        ("invoice", 0.96, rf"(?<![a-z])(?:no\.?|nombor|numero|n°) {_INVOICE}\b"),
        ("invoice", 0.95, rf"(?<![a-z]){_NUMBER_WORD}{_SEP}(?:de |d'|der |du )?(?:la )?{_INVOICE}"),
        ("invoice", 0.92, rf"^\W*{_INVOICE}(?=[\s:#(,])"),
        ("other", 0.82, rf"(?<![a-z]){_OTHER}{_SEP}{_NUMBER_WORD}"),
        ("other", 0.8, rf"(?<![a-z]){_NUMBER_WORD}{_SEP}(?:de |du )?{_OTHER}\b"),
        ("other", 0.6, r"^\s*#(?=\s?\S*\d)"),
        ("other", 0.6, r"^\W*no\W*(?=[:.])(?!.*(?:jalan|jln|lot|taman|street|lorong|persiaran|,))"),
    )
)
_ANY_ID_LABEL: Final = re.compile(
    rf"{_CREDIT}|{_INVOICE}|{_OTHER}{_SEP}{_NUMBER_WORD}|{_NUMBER_WORD}{_SEP}(?:de |du )?{_OTHER}"
    r"|^\W*no\W*[:.]|^\s*#"
)

_FOREIGN: Final = re.compile(
    r"liee|related|original|ihre|your|kunden|customer|client|vat|tva|gst|sst|tax reg|ust|uid|reg\b"
    r"|date|datum|bestell|commande|account|konto|lot|tel|fax|page|seite|siret|table|co\. no"
    r"|purchase|p\.?o\.? |zu rechnung|bezug|order (?:no|number)|against"
)
_ID: Final = re.compile(r"[A-Za-z]{1,4}\s\d{3,}|[A-Za-z0-9][A-Za-z0-9./_\\-]*")

_INVOICE_DATE: Final = re.compile(
    r"(?:invoice|bill|receipt|issued?|rechnungs?|beleg|ausstellungs?|tax|credit note|gutschrifts?"
    r"|biz|doc(?:ument)?|trans(?:action)?|sales?|order)\s?-?(?:date|datum|dt)\b"
    r"|date\s?(?:de |d'|of |du )\s?(?:la |l')?(?:facture|facturation|invoice|issue|emission"
    r"|avoir|document|bill)"
    r"|datum der rechnung|rechnungsdatum|tarikh (?:invois|resit|bil)|dated\b|ausgestellt am"
    r"|emise? le"
    r"|(?:rechnung|gutschrift|invoice|facture|avoir|credit note)\b.{0,60}\b(?:vom|von|of|du"
    r"|dated)\W*$"
    r"|fecha (?:de )?(?:factura|emision)|data (?:fattura|emissione)|factuurdatum"
)
_GENERIC_DATE: Final = re.compile(
    r"(?:^|[^a-z])(?:date|datum|tarikh|dt|fecha|data)\b[\s:.,/]*(?:& ?time|/ ?time)?[\s:.]*$"
    r"|\b(?:le|den)\s*$"
)
_DUE: Final = re.compile(
    r"\bdue\b|fallig|zahlbar|zahlungsziel|echeance|pay(?:able|ment)?\s(?:by|before|until|due)"
    r"|\bby\s*$|bayar sebelum|avant le|netto bis"
    r"|uberweisen|tarikh akhir|perlu dibayar|a payer (?:avant|le)|bezahlen sie|avant le|jatuh tempo"
    r"|zahlung bis|vencimiento|scadenza|vervaldatum|a regler|begleichen|sebelum"
)
_OTHER_DATE: Final = re.compile(
    r"deliver|liefer|leistung|livraison|bestell|commande|purchase order|expir|valid|gultig|period"
    r"|zeitraum|shipp|birth|geburt|since|until|skonto|discount|exp\b|from\b|\bto\b|\bbis\b"
    r"|print|cetak"
    r"|opened|open\b|check.?in|check.?out|arriv|depart|order date|po date|return|refund|paid"
    r"|payment date"
    r"|vereinbart|bestellung|vom\b|virement|wire|paiement recu|statement|original"
)
_TIME: Final = re.compile(r"\b\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class Found:
    """A value, how sure it is, and the words it stands on."""

    value: str
    confidence: float
    evidence: Evidence


def _is_id(text: str) -> bool:
    """Tell whether a token may be a document number: digits in it, no date, not a bare year."""
    return any(c.isdigit() for c in text) and not find_dates(text) and len(text.strip(".-/")) >= 1


def _after(sheet: Sheet, segment: Segment, end: int) -> Iterator[tuple[Segment, int, float]]:
    """Yield where a label's value may stand: behind it, right of it, under it."""
    if segment.text[end:].strip(" :.#-"):
        yield segment, end, 1.0
        return
    row = sheet.rows[segment.row].segments
    for other in row[segment.column + 1 : segment.column + 3]:
        yield other, 0, 1.0
    for other in sheet.below(segment, 2):
        yield other, 0, 0.93


def _token(segment: Segment, start: int) -> tuple[int, int] | None:
    """Return where the first document number after ``start`` stands, within a few characters."""
    for match in _ID.finditer(segment.text, start):
        if match.start() - start > 14:  # noqa: PLR2004 - "(380) Nr. " stands between, no sentence
            return None
        if _is_id(match.group()):
            if segment.text[match.end() : match.end() + 1] == ")":
                continue  # a type code in brackets
            return match.start(), match.start() + len(match.group().rstrip("./-_"))
    return None


def find_id(sheet: Sheet, *, credit: bool) -> Found | None:
    """Return the document's number: the credit note's own where it is one, else the invoice's."""
    best: tuple[float, int, Found] | None = None
    for segment in sheet.segments:
        folded = fold(segment.text)
        if not _ANY_ID_LABEL.search(folded):
            continue
        for kind, score, pattern in _ID_LABELS:
            for match in pattern.finditer(folded):
                before = folded[max(0, match.start() - 14) : match.start()]
                if _FOREIGN.search(before) or _FOREIGN.match(folded[match.end() :].lstrip(" :-s")):
                    continue
                worth = score * (0.7 if credit != (kind == "credit") and kind != "other" else 1.0)
                if best is not None and worth <= best[0]:
                    continue
                for place, start, factor in _after(sheet, segment, match.end()):
                    token = _token(place, start)
                    if token is None:
                        continue
                    text = place.text[token[0] : token[1]]
                    evidence = place.evidence(*token)
                    if best is None or worth * factor > best[0]:
                        found = Found(text, worth * factor * evidence.confidence, evidence)
                        best = (worth * factor, segment.row, found)
                    break
    return best[2] if best else None


@dataclass(frozen=True, slots=True)
class _Dated:
    found: DateFound
    segment: Segment
    label: str
    kind: str
    score: float


def _date_label(sheet: Sheet, segment: Segment, start: int, previous: int) -> str:
    """Return the words that say what a date is: before it, left of it, or above it."""
    inside = fold(segment.text[previous:start])
    if any(c.isalpha() for c in inside):
        return inside
    if previous:
        return ""
    beside = ""
    row = sheet.rows[segment.row].segments
    for other in reversed(row[max(0, segment.column - 2) : segment.column]):
        if any(c.isalpha() for c in other.text) and not find_dates(other.text):
            beside = fold(other.text)
            break
    return beside if _is_date_label(beside) else _above(sheet, segment) or beside


def _is_date_label(text: str) -> bool:
    """Tell whether a text says what a date is."""
    return any(
        pattern.search(text) for pattern in (_INVOICE_DATE, _GENERIC_DATE, _DUE, _OTHER_DATE)
    )


def _above(sheet: Sheet, segment: Segment) -> str:
    """Return the heading over a date, from the two rows above; "" when there is none."""
    for above in reversed(sheet.rows[max(0, segment.row - 2) : segment.row]):
        for other in above.segments:
            text = fold(other.text)
            over = above.page == segment.page and overlaps_x(other.box, segment.box)
            if over and any(c.isalpha() for c in text):
                return text if _is_date_label(text) and not find_dates(other.text) else ""
    return ""


def _judge(label: str, tail: str, row: int) -> tuple[str, float]:
    """Return what a label makes of a date, and how surely."""
    near = label[-70:]
    if _INVOICE_DATE.search(near):
        return "invoice", 0.98
    if _DUE.search(near) and "skonto" not in near:
        return "due", 0.95
    if _OTHER_DATE.search(near):
        return "other", 0.5
    if _GENERIC_DATE.search(near):
        return "invoice", 0.95
    timed = 0.04 if _TIME.search(tail) else 0.0
    return "unlabelled", max(0.6, 0.84 - row * 0.001) + timed


def _every_date(sheet: Sheet) -> list[_Dated]:
    dated: list[_Dated] = []
    for segment in sheet.segments:
        previous = 0
        for found in find_dates(segment.text):
            label = _date_label(sheet, segment, found.start, previous)
            row = sheet.rows[segment.row]
            kind, score = _judge(label, row.text, segment.row)
            dated.append(_Dated(found, segment, label, kind, score))
            previous = found.end
    return dated


def _choose(dated: list[_Dated], order: Order, *, shown: bool) -> Found | None:
    """Return the best date, less sure where others claim the same or the order is a guess."""
    if not dated:
        return None
    best = max(dated, key=lambda item: (item.score, -item.segment.row, -item.found.start))
    value = best.found.read(order)
    rivals = {
        item.found.read(order)
        for item in dated
        if item.found.read(order) != value and item.score > best.score - 0.03
    }
    evidence = best.segment.evidence(best.found.start, best.found.end)
    confidence = best.score * min(1.0, 0.5 + evidence.confidence / 2)
    confidence *= 0.9 if rivals else 1.0
    confidence *= 0.85 if best.found.is_ambiguous and not shown else 1.0
    return Found(value.isoformat(), confidence, evidence)


def find_document_dates(sheet: Sheet, default: Order) -> tuple[Found | None, Found | None]:
    """Return the document's date and the day it is due.

    Args:
        sheet: the document.
        default: the order of day and month where the document does not show it.
    """
    dated = _every_date(sheet)
    order, shown = date_order((item.found for item in dated), default)
    due = _choose([item for item in dated if item.kind == "due"], order, shown=shown)
    own = [item for item in dated if item.kind in {"invoice", "unlabelled"}]
    issued = _choose(own or [item for item in dated if item.kind == "other"], order, shown=shown)
    if (
        issued
        and due
        and not shown
        and date.fromisoformat(due.value) < date.fromisoformat(issued.value)
    ):
        other: Order = "mdy" if order == "dmy" else "dmy"
        swapped = (
            _choose(own, other, shown=False),
            _choose([item for item in dated if item.kind == "due"], other, shown=False),
        )
        if swapped[0] and swapped[1] and swapped[0].value <= swapped[1].value:
            issued, due = swapped
    return issued, due
