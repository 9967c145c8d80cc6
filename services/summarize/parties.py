"""Who sent a document and to whom: names, address, tax id."""

import re
from collections.abc import Iterator
from typing import Final

from stdnum.eu import vat

from services.summarize.dates import find_dates
from services.summarize.folding import alnum, fold, letters
from services.summarize.labels import read_label
from services.summarize.layout import Segment, Sheet
from services.summarize.references import Found

_COMPANY: Final = re.compile(
    r"\b(?:gmbh|mbh|ag|kg(?!\.?[a-z])|ohg|ug|gbr|e\.?\s?k\.?|sarl|sas|s\.?a\.?r\.?l|eurl|ltd"
    r"|limited|llc|llp|inc|plc"
    r"|corp|corporation|company|sdn\.?\s?bhd|s/b|bhd|enterprises?|trading|pte|pty|b\.?v|s\.?l"
    r"|s\.?r\.?l"
    r"|spa|oy|ab|aps|a/s|hardware|restaurant|restoran|bakery|bakeries|cafe|stores?|shop|mart"
    r"|pasaraya|perniagaan|syarikat|kedai|supermarket|pharmacy|bookshop|hotel|bistro|centre"
    r"|services?|industries|holding|group|werke|handel|verlag|& co|et fils|freres|s\.a)\b\.?"
)
_LEGAL: Final = re.compile(
    r"\b(?:gmbh|mbh|ag|kg(?!\.?[a-z])|ohg|ug|gbr|sarl|sas|eurl|ltd|limited|llc|llp|inc|plc"
    r"|corp|sdn\.?\s?bhd|s/b|bhd"
    r"|pte|pty|b\.v|s\.l|s\.r\.l)\b\.?"
)
_SELLER: Final = re.compile(
    r"^\W*(?:verkaufer|seller|supplier|vendor|from|fournisseur|vendeur|emetteur|lieferant|pembekal"
    r"|penjual|dari|rechnungssteller|issued by|absender|verkoper|proveedor"
    r"|billed by)\b(?:\s*:\s*|[\s./a-z]{0,14}$)"
)
_BUYER: Final = re.compile(
    r"^\W*(?:bill(?:ed)?(?: to)?|invoiced? to|bil kepada|sold to|customer|client|kunde"
    r"|kaufer\S*|rechnungsempfanger"
    r"|rechnung an|empfanger|destinataire|facture a|adresse a|kepada|pelanggan|acheteur|buyer"
    r"|bill to|ship to|deliver(?:y)? (?:to|address)|lieferadresse|adresse de livraison|pembeli|to"
    r"|rechnungsadresse|invoice address|billing address|adresse de facturation|attn|cliente|klant"
    r"|leistungsempfanger|facturer a)\b(?! (?:no|number|id|nr|vat|code))[\s:.]*"
)
_NAME: Final = re.compile(r"^\W*(?:name|nom|nama|firma|company(?: name)?)\s*:\s*", re.IGNORECASE)
_NOT_A_NAME: Final = re.compile(
    r"^\W*(?:tel|fax|phone|mobile|e-?mail|www|http|gst|sst|vat|tva|ust|tax|reg|co\.?\s?reg"
    r"|company no"
    r"|iban|bic|date|datum|tarikh|page|seite|invoice|rechnung|facture|receipt|resit|quittung|bill\b"
    r"|no\.|nr\.|jalan\b|jln\b|lot\b|no\s?\d|level\b|floor\b|unit\b|shipping\b|thank|welcome|cash\b"
    r"|original|copy\b|kopie\b|duplicate|reprint|simplified|guest check|ihre?\b|wir\b|sehr|dear"
    r"|credit note|gutschrift|avoir|kunde\b|beispiel-?rechnung|purchase order|telefon\b"
    r"|kundennummer|statement"
    r"|your order|order number|(?:order|table|your|cashier|customer|client|time|terminal"
    r"|trans|items?|to|from|shop|due|balance"
    r"|amount|nummer|address|adresse|anschrift|globale nummer|bestellung"
    r"|your order)\b(?:\s?(?:no|number|id"
    r"|date))?\s*(?:[:#.]|$)"
    r"|\(|\d+\s*$|www\.|qty\b|description|powered by|served by|bizdate|(?:mon|tues|wednes"
    r"|thurs|fri|satur|sun)day)"
)
_ADDRESS: Final = re.compile(
    r"\b\d{4,6}\b|\bjalan\b|\bjln\b|\blot\b|\bstr\b|strasse|strase|\bstreet\b|\broad\b"
    r"|\brue\b|\bave"
    r"|\btaman\b|\bfloor\b|\bno\.?\s?\d|\bplatz\b|\bweg\b|\bchemin\b|\bweg\b|\bgasse\b"
    r"|\ballee\b|\blane\b"
    r"|selangor|kuala|johor|\bmall\b|\bplaza\b|\bdrive\b|\bsquare\b|\bcedex\b|\bpostfach\b"
    r"|\bbandar\b"
    r"|seksyen|kawasan|\bbatu\b|\bboulevard\b"
)
_STOP: Final = re.compile(
    r"\b(?:tel|fax|phone|e-?mail|www|gst|sst|vat|tva|ust|tax|reg|iban|invoice|rechnung|facture|date"
    r"|datum|receipt|co\.? ?no|siret|hotline|fon|telefon|cashier|doc|bill)\b|@|\bh?ttp"
)
_PHONE: Final = re.compile(r"^[\s(+]*[\d][\d\s()/.+-]{6,}$")
_MONEY: Final = re.compile(r"\d[.,]\d{2}(?!\d)")
_NAME_WORDS: Final = 3  # a shorter one that reads like a label of money is one
_ADDRESS_LINES: Final = 5
_ADDRESS_GAP: Final = 4  # rows of something else that may stand between

_TAX_LABELLED: Final = re.compile(
    r"(?:gst|sst|vat|ust|uid|tva|tax|steuer|mwst|iva|btw|st|ein"
    r"|registration)[\s.-]*(?:id(?:nr)?|reg(?:istration)?|no|nr|number"
    r"|nummer|intracom\w*|ident\w*)?[\s.:#)-]*(?:id(?:nr)?|no|nr|number|ent)?[\s.:#)-]*"
    r"([a-z]{0,3}[\s-]?\d[\dA-Za-z /.-]{6,17}\d)"
)
_VAT_ID: Final = re.compile(
    r"\b(?:DE\s?\d{9}|ATU\s?\d{8}|FR\s?[A-Z0-9]{2}\s?\d{9}|GB\s?\d{9}|IT\s?\d{11}"
    r"|ES\s?[A-Z0-9]\d{7}[A-Z0-9]"
    r"|NL\s?\d{9}B\d{2}|BE\s?0?\d{9,10}|LU\s?\d{8}|PL\s?\d{10}|IE\s?\d{7}[A-Z]{1,2}|T\d{13}"
    r"|DK\s?\d{8}|SE\s?\d{12}|CHE-?\d{3}\.\d{3}\.\d{3})\b"
)
_CUSTOMERS: Final = re.compile(r"client|customer|kunde|your|ihre|acheteur|buyer|kaufer|pelanggan")


def _clean(text: str) -> str:
    """Return a name without a registration number in brackets, codes and loose punctuation."""
    text = re.sub(
        r"\s*\(?\b(?:(?:co|company)\.?\s?(?:reg|no)|reg)\b.*$", "", text, flags=re.IGNORECASE
    )
    text = re.sub(r"\s*\((?=[^)]*\d)[\dA-Za-z\s./-]{4,}\)?\s*$", "", text)
    return text.strip(" \t:;,-*|·•●\u2013")


def _is_name(text: str) -> bool:
    """Tell whether a line may be a name: letters mostly, no label, no date, no address."""
    count = sum(c.isalpha() for c in text)
    digits = sum(c.isdigit() for c in text)
    return (
        count >= 3  # noqa: PLR2004 - shorter ones are codes
        and digits <= count / 2
        and len(text) <= 70  # noqa: PLR2004 - longer ones are sentences
        and not _NOT_A_NAME.match(fold(text))
        and not find_dates(text)
        and "@" not in text
        and not text.rstrip().endswith(":")
        and not (
            read_label(text) and len(text.split()) < _NAME_WORDS and not _LEGAL.search(fold(text))
        )
    )


def _under(sheet: Sheet, segment: Segment, label: re.Pattern[str]) -> Iterator[Segment]:
    """Yield what stands under a heading, in its column, until a gap or another heading."""
    last = segment
    for other in sheet.below(segment, 8):
        if other.box[1] - last.box[3] > 2.2 * max(sheet.body_height, 1e-6):
            return
        if abs(other.box[0] - segment.box[0]) > 0.12 or label.match(fold(other.text)):  # noqa: PLR2004
            continue
        last = other
        yield other


def _named(segment: Segment, start: int, confidence: float) -> Found | None:
    """Return the name that ``segment`` holds from ``start`` on."""
    text = segment.text[start:]
    match = _NAME.match(text)
    begin = start + (match.end() if match else 0)
    name = _clean(segment.text[begin:])
    if not name:
        return None
    at = segment.text.index(name, begin)
    evidence = segment.evidence(at, at + len(name))
    return Found(name, confidence * min(1.0, 0.5 + evidence.confidence / 2), evidence)


def _section(
    sheet: Sheet, heading: re.Pattern[str], confidence: float
) -> tuple[Found, Segment] | None:
    """Return the name under (or right behind) a heading like "Seller"."""
    for segment in sheet.segments:
        match = heading.match(fold(segment.text))
        if match is None:
            continue
        rest = segment.text[match.end() :].strip(" :.-")
        if not rest:
            found = _below(sheet, segment, heading, confidence)
        elif ":" in segment.text and _is_name(rest):
            behind = _named(segment, segment.text.index(rest, match.end()), confidence)
            found = (behind, segment) if behind else None
        else:
            found = None
        if found is not None:
            return found
    return None


def _below(
    sheet: Sheet, segment: Segment, heading: re.Pattern[str], confidence: float
) -> tuple[Found, Segment] | None:
    """Return the name of a section: behind "Name:", right of the heading, or its first line."""
    row = sheet.rows[segment.row].segments
    right = row[segment.column + 1 : segment.column + 2]
    under = list(_under(sheet, segment, heading))[:4]
    for other in under:
        label = _NAME.match(other.text)
        if label is None:
            continue
        place = other
        if not other.text[label.end() :].strip():
            beside = sheet.rows[other.row].segments[other.column + 1 : other.column + 2]
            if not beside:
                continue
            place = beside[0]
        found = _named(place, 0, confidence)
        if found is not None:
            return found, place
    colon = segment.text.rstrip().endswith(":")
    beside = tuple(other for other in right if colon or other.text.lstrip().startswith((":", ".")))
    for other in (*beside, *under):
        found = _named(other, 0, confidence) if _is_name(other.text.strip(" :.")) else None
        if found is not None:
            return found, other
    return None


_SENDER: Final = re.compile(r"\s+[-·•●|\u2013\u2014∙*]\s+|\s*[·•●∙|]\s*|,\s")

_POSTCODE: Final = re.compile(r"\b\d{4,6}\b|\b[A-Z]{1,2}\d[A-Z\d]? ?[A-Z\d]{3,4}\b|\b\d{3}-\d{4}\b")
_HEAD: Final = 0.65  # of the first page: below stand the totals and the small print
_SIGNS: Final = re.compile(r"\s[-·•●|\u2013\u2014∙*]\s|[·•●∙|]")


def _sender_line(sheet: Sheet) -> tuple[Found, Segment] | None:
    """Return the name that starts a one-line address ("Name · Street 1 · 12345 Place")."""
    for segment in sheet.segments:
        signs = _SIGNS.search(segment.text) is not None
        split = (_SIGNS if signs else _SENDER).split(segment.text)
        if signs and len(split) == 2:  # noqa: PLR2004 - "Name · Street 1, 12345 Place"
            split = [split[0], *split[1].split(", ")]
        parts = [part.strip() for part in split]
        if len(parts) < 3 or not _is_name(parts[0]):  # noqa: PLR2004 - name, street, place
            continue
        if _ADDRESS.search(fold(parts[0])) or (not signs and not _LEGAL.search(fold(parts[0]))):
            continue
        rest = " ".join(parts[1:4])
        if _POSTCODE.search(rest) and sum(c.isdigit() for c in rest) <= 14:  # noqa: PLR2004
            found = _named(segment, 0, 0.85)
            if found is None:
                continue
            end = len(parts[0])
            return Found(parts[0], found.confidence, segment.evidence(0, end)), segment
    return None


def find_receiver(sheet: Sheet) -> Found | None:
    """Return who the document is addressed to."""
    section = _section(sheet, _BUYER, 0.85)
    if section is not None:
        return section[0]
    sender = _sender_line(sheet)
    if sender is not None and sender[1].box[1] < 0.5:  # noqa: PLR2004 - an address window: the receiver stands under the sender's line
        for other in list(_under(sheet, sender[1], _BUYER))[:3]:
            if _is_name(other.text) and letters(other.text) != letters(sender[0].value):
                return _named(other, 0, 0.75)
    return None


def find_supplier(sheet: Sheet, receiver: Found | None) -> tuple[Found, Segment] | None:
    """Return who the document is from: a section, a sender line, a company's name near the top."""
    section = _section(sheet, _SELLER, 0.95)
    if section is not None and section[1].page == 1 and section[1].box[1] < _HEAD:
        return section
    # a label at the foot is anybody's to add
    return _sender_line(sheet) or _at_the_top(sheet, receiver) or section


def _at_the_top(sheet: Sheet, receiver: Found | None) -> tuple[Found, Segment] | None:
    """Return what looks most like a company's name near the top."""
    other = letters(receiver.value) if receiver else ""
    best: tuple[float, Segment] | None = None
    every = alnum(" ".join(row.text for row in sheet.rows))
    top = (segment for row in sheet.rows[:40] if row.page == 1 for segment in row.segments)
    for segment in top:
        index, name = segment.row, _clean(segment.text)
        if not _is_name(name) or (other and letters(name) == other):
            continue
        folded = fold(name)
        score = 0.55 - 0.03 * min(index, 15)
        legal = 0.3 if index <= 5 else 0.12  # noqa: PLR2004 - further down stands who owns it
        score += legal if _LEGAL.search(folded) else 0.06 if _COMPANY.search(folded) else 0.0
        score += 0.08 if segment.height > 1.25 * sheet.body_height else 0.0
        score += 0.05 if every.count(alnum(name)) > 1 else 0.0
        score -= 0.3 if _ADDRESS.search(folded) and not _LEGAL.search(folded) else 0.0
        score -= 0.4 if len(letters(name)) < 4 or name.count(":") else 0.0  # noqa: PLR2004
        if best is None or score > best[0]:
            best = (score, segment)
    if best is None or best[0] < 0.15:  # noqa: PLR2004 - nothing that looks like a name
        return None
    found = _named(best[1], 0, min(0.92, 0.35 + 0.65 * best[0]))
    return (_whole(sheet, best[1], found), best[1]) if found else None


def _whole(sheet: Sheet, segment: Segment, found: Found) -> Found:
    """Return a name that began on the lines above ("AIK HUAT HARDWARE / (SETIA ALAM) SDN BHD")."""
    name, at = found.value, segment.row
    while at > 0 and (name.count(")") > name.count("(") or _TAIL.match(fold(name))):
        above = sheet.rows[at - 1]
        if len(above.segments) != 1 or above.page != segment.page or not _is_name(above.text):
            break
        name, at = f"{above.text} {name}", at - 1
    return Found(
        name, found.confidence * 0.95 if at != segment.row else found.confidence, found.evidence
    )


_TAIL: Final = re.compile(r"^(?:enterprise|sdn|bhd|gmbh|ltd|limited|trading|& co|bakery|and )")


def find_address(sheet: Sheet, supplier: Segment) -> Found | None:
    """Return the supplier's address: what follows its name on its line, or the lines under it."""
    signed = _SIGNS.split(supplier.text)
    parts = signed if len(signed) > 1 else _SENDER.split(supplier.text)
    if len(parts) > 1 and _POSTCODE.search(supplier.text):
        at = supplier.text.index(parts[1])
        text = ", ".join(part.strip() for part in parts[1:])
        return Found(text, 0.75, supplier.evidence(at))
    lines: list[Segment] = []
    for other in sheet.below(supplier, _ADDRESS_LINES + 2):
        folded = fold(other.text)
        last = lines[-1].row if lines else supplier.row
        if other.row - last > _ADDRESS_GAP:
            break
        if (
            _STOP.search(folded)
            or _PHONE.match(folded)
            or _MONEY.search(folded)
            or find_dates(other.text)
        ):
            if lines:
                break
            continue
        street = not lines and other.row == supplier.row + 1 and any(c.isdigit() for c in folded)
        runs_on = bool(lines) and lines[-1].text.rstrip().endswith(",")
        place = _ADDRESS.search(folded) or _POSTCODE.search(other.text)
        if not (street or runs_on or place):
            if lines:
                break
            continue
        lines.append(other)
        if len(lines) == _ADDRESS_LINES:
            break
    if not lines:
        return None
    evidence = lines[0].evidence()
    text = ", ".join(line.text.strip(" ,") for line in lines)
    return Found(re.sub(r"^\w+:\s*", "", text), 0.7 * evidence.confidence, evidence)


def find_tax_id(sheet: Sheet) -> Found | None:
    """Return the supplier's tax id: one that is labelled so and is not the customer's."""
    labelled: Found | None = None
    for segment in sheet.segments:
        left = sheet.rows[segment.row].segments[: segment.column]
        context = fold(" ".join([*(other.text for other in left[-1:]), segment.text]))
        if _CUSTOMERS.search(context):
            continue
        match = _VAT_ID.search(segment.text)
        if match:
            value = re.sub(r"\s", "", match.group())
            confidence = 0.93 if vat.is_valid(value) else 0.85
            return Found(value, confidence, segment.evidence(match.start(), match.end()))
        if labelled is None:
            numbered = _TAX_LABELLED.search(fold(segment.text))
            if numbered:
                start, end = numbered.span(1)
                text = segment.text[start:end].strip()
                evidence = segment.evidence(start, end)
                labelled = Found(text, 0.8 * evidence.confidence, evidence)
    return labelled
