"""What kind of document it is: its title, its vocabulary, and how sure that is."""

import re
from dataclasses import dataclass
from typing import Final

from services.summarize.folding import fold, letters
from services.summarize.layout import Segment, Sheet
from shared.events.payloads import DocumentType

POSTING: Final = frozenset({DocumentType.INVOICE, DocumentType.RECEIPT, DocumentType.CREDIT_NOTE})
"""Types that become postings; the others are memos."""

DOUBTFUL: Final = 0.6
"""A memo whose best posting rival has this share of its score is doubtful, and the reverse."""

_TITLES: Final = tuple(
    (DocumentType(kind), re.compile(pattern))
    for kind, pattern in (
        (
            "other",
            (
                r"quotation|^quote|quote$|angebot|devis(?!e)|sebutharga|estimate|"
                r"kostenvoranschlag|proforma(?:invoice|rechnung)?|auftragsbestatigung|orderconfirmation|"
                r"confirmationdecommande|lieferschein|deliverynote|deliveryorder|"
                r"bonde?livraison|packinglist|packingslip|mahnung|zahlungserinnerung|"
                r"paymentreminder|lettrederelance|remittanceadvice|payslip|gehaltsabrechnung|"
                r"bulletindepaie|slipgaji|notapenghantaran"
            ),
        ),
        (
            "credit_note",
            (
                r"creditnote|creditmemo|gutschrift|avoir(?!d)|notedecredit|notakredit|"
                r"stornorechnung|rechnungskorrektur|korrekturrechnung|notacredito|creditnota|"
                r"facturedavoir"
            ),
        ),
        (
            "purchase_order",
            (
                r"purchaseorder|^bestellung|bondecommande|pesananbelian|pesanantempatan|"
                r"localorder|workorder|ordenDecompra|bestellschein|auftragserteilung"
            ),
        ),
        (
            "bank_statement",
            (
                r"bankstatement|statementofaccount|accountstatement|kontoauszug|"
                r"relevedecompte|relevebancaire|penyataakaun|penyatabank|accountsummary|"
                r"kontoubersicht|statementperiod|extraitdecompte|monthlystatement|"
                r"currentaccountstatement"
            ),
        ),
        (
            "receipt",
            (
                r"receipt|resit|quittung|kassenbon|kassenbeleg|^recu(?:de)?|ticketdecaisse|"
                r"cashbill|cashsales?|guestcheck|bonkaufbeleg|kassenzettel|salesslip|"
                r"taxcashsales|barverkauf"
            ),
        ),
        (
            "invoice",
            (
                r"taxinvoice|invoice|^(?:handels|schluss|teil|abschlags|ausgangs|sammel|"
                r"honorar|stromab|endab|monats)?rechnung(?!s)|rechnung|facture|invois|factura|"
                r"fattura|factuur"
            ),
        ),
        (
            "contract",
            (
                r"contract|agreement|vertrag|contrat|perjanjian|kontrak|vereinbarung|"
                r"termsandconditions|leasedeed|convention(?!al)|nondisclosure"
            ),
        ),
        (
            "form",
            (
                r"applicationform|registrationform|antrag|formular|formulaire|borang|"
                r"fragebogen|questionnaire|claimform|orderform|enrolmentform|^form|form$|"
                r"anmeldung|consentform|selfdeclaration|application(?:for)"
            ),
        ),
    )
)

_ANY_TITLE: Final = re.compile("|".join(pattern.pattern for _, pattern in _TITLES))

_BODY: Final = tuple(
    (DocumentType(kind), worth, re.compile(pattern))
    for kind, worth, pattern in (
        (
            "letter",
            1.6,
            (
                r"^dear\b|^sehr geehrte|^(?:cher|chere|chers) |^madame|^monsieur|^hello |"
                r"^hallo |^tuan\b|^puan\b|^liebe[r]? |to whom it may concern|^yth\b|"
                r"^hi [a-z]+,"
            ),
        ),
        (
            "letter",
            1.6,
            (
                r"sincerely|(?:kind|best|warm) regards|yours (?:truly|faithfully)|"
                r"mit freundlichen|cordialement|salutations|yang benar|hochachtungsvoll|"
                r"freundliche grusse|viele grusse|yang ikhlas|herzliche"
            ),
        ),
        ("letter", 0.6, r"^(?:subject|betreff|objet|perkara|re)\s*:"),
        (
            "contract",
            1.2,
            (
                r"\b(?:hereby agree|between the parties|whereas\b|parties agree|herein\b|"
                r"die parteien\b|les parties\b)|in witness whereof|"
                r"zwischen .{0,40}\bund\b.*(?:wird|nachfolgend)|"
                r"pihak pertama|governing law|gerichtsstand|"
                r"kundigungsfrist|termination of this|entre les soussign|vertragspartner|"
                r"terminate this|notice period|vertragsdauer|terhadap perjanjian|"
                r"shall be governed"
            ),
        ),
        ("contract", 0.6, r"^\W*(?:§|art(?:icle|ikel|\.)?|clause|section|klausel|fasal)\s*\d+"),
        (
            "bank_statement",
            1.5,
            (
                r"opening balance|closing balance|balance (?:brought|carried) forward|"
                r"anfangssaldo|endsaldo|alter saldo|neuer saldo|kontostand|nouveau solde|"
                r"ancien solde|solde (?:precedent|final|initial)|baki (?:awal|akhir|bawa|"
                r"pembukaan|penutup)|previous balance|statement (?:period|date)|"
                r"ending balance|beginning balance"
            ),
        ),
        (
            "purchase_order",
            1.0,
            (
                r"\bp\.?o\.? (?:no|number|date|#)|purchase order (?:no|number|#|date)|"
                r"bestellnummer\s*:|please (?:supply|deliver)|deliver to\b|wir bestellen|"
                r"nous commandons|bestelldatum|wir bitten um lieferung|expected delivery"
            ),
        ),
        (
            "receipt",
            1.0,
            (
                r"\b(?:cashier\b|change\b|tender|tunai\b|baki\b|kassierer|caissier|cash\b|"
                r"terminal\b|thank you\b.*(?:again|shopping)|bar\b\s+\d)|wechselgeld|ruckgeld|"
                r"goods sold|vielen dank fur ihren einkauf|merci de votre visite|es bediente"
            ),
        ),
        (
            "invoice",
            1.0,
            (
                r"\b(?:due date\b|payment terms?\b|fallig|inv(?:oice)?\.? ?(?:no|number|date|#)|"
                r"ueberweisen)|zahlungsziel|zahlungsbedingung|echeance|bill to\b|"
                r"rechnungs(?:nr|nummer|datum)|date de facture|zahlbar|amount due\b|"
                r"net \d+ days|uberweisen sie|netapayer|tarikh invois|balance due"
            ),
        ),
        (
            "form",
            0.8,
            (
                r"_{6,}|\.{12,}|[☐☑☒□]|please (?:tick|fill|complete)|bitte ankreuzen|"
                r"^signature\b|unterschrift des antrag|date of birth|geburtsdatum|tick (?:one|"
                r"where)|sila tandakan|cocher|zutreffendes"
            ),
        ),
    )
)


_ANY_BODY: Final = re.compile("|".join(pattern.pattern for _, _, pattern in _BODY))

_REPEATING: Final = frozenset({DocumentType.CONTRACT, DocumentType.RECEIPT, DocumentType.FORM})
"""Types whose words count each time they occur, until it is enough."""

_ENOUGH: Final = 2.5
_HEADED: Final = 1.9  # a title that stands alone, or begins its line and carries a number


@dataclass(frozen=True, slots=True)
class TypeFound:
    """A document's type.

    Attributes:
        kind: the type.
        confidence: the probability that it is right.
        is_doubtful: whether a posting type and a memo type are both likely.
    """

    kind: DocumentType
    confidence: float
    is_doubtful: bool


def _title_weight(
    segment: Segment, sheet: Sheet, squashed: str, kind: DocumentType, match: re.Match[str]
) -> float:
    """Return how much a line looks like the document's title, 0 to 4."""
    words = len(segment.words)
    if words > 9:  # noqa: PLR2004 - a sentence
        return 0.15
    reference = kind in {DocumentType.PURCHASE_ORDER, DocumentType.CONTRACT, DocumentType.OTHER}
    if reference and ":" in segment.text and any(c.isdigit() for c in segment.text):
        return 0.15  # "Bestellung: 2018-471331" is a reference to one
    beside = sheet.rows[segment.row].segments[segment.column + 1 : segment.column + 2]
    if reference and segment.text.rstrip().endswith(":") and beside:
        return 0.15
    share = (match.end() - match.start()) / max(1, len(squashed))
    if fold(segment.text).rstrip().endswith((".", ",", ";")) and words > 4:  # noqa: PLR2004
        return 0.15
    first_page = sheet.rows[segment.row].page == 1
    early = first_page and segment.box[1] < 0.5  # noqa: PLR2004 - the upper half
    weight = 0.4
    if share > 0.75:  # noqa: PLR2004 - hardly anything else on the line
        weight = 3.0
    elif match.start() == 0 and words <= 7:  # noqa: PLR2004 - "Facture FA-2017-0009"
        weight = 2.0 if any(c.isdigit() for c in segment.text) else 1.0
    elif share > 0.4:  # noqa: PLR2004
        weight = 1.2
    if segment.height > 1.25 * sheet.body_height and early:
        weight *= 1.4
    return weight if early else weight * 0.5


def _titles(sheet: Sheet) -> dict[DocumentType, float]:
    """Return the best title weight of each type, and a little for each further mention."""
    best: dict[DocumentType, float] = {}
    mentions: dict[DocumentType, int] = {}
    for segment in sheet.segments:
        squashed = letters(segment.text)
        if len(squashed) < 4 or not _ANY_TITLE.search(squashed):  # noqa: PLR2004 - no title is shorter
            continue
        for kind, pattern in _TITLES:
            match = pattern.search(squashed)
            if match is None:
                continue
            mentions[kind] = mentions.get(kind, 0) + 1
            best[kind] = max(
                best.get(kind, 0.0), _title_weight(segment, sheet, squashed, kind, match)
            )
            break
    return {kind: best[kind] + 0.1 * min(5, mentions[kind]) for kind in best}


def _vocabulary(sheet: Sheet) -> dict[DocumentType, float]:
    """Return what the words of the body say for each type."""
    seen: set[int] = set()
    counts: dict[DocumentType, float] = {}
    for row in sheet.rows:
        folded = fold(row.text).strip()
        if not _ANY_BODY.search(folded):
            continue
        for number, (kind, worth, pattern) in enumerate(_BODY):
            if number not in seen and pattern.search(folded):
                counts[kind] = counts.get(kind, 0.0) + worth
                if kind not in _REPEATING or counts[kind] >= _ENOUGH:
                    seen.add(number)
    return counts


def find_type(sheet: Sheet, *, has_total: bool, has_tax: bool, has_change: bool) -> TypeFound:
    """Return what kind of document this is.

    Args:
        sheet: the document.
        has_total: whether an amount is labelled as a total.
        has_tax: whether an amount is labelled as a tax.
        has_change: whether cash and change are on the page.
    """
    scores: dict[DocumentType, float] = dict.fromkeys(DocumentType, 0.0)
    titles = _titles(sheet)
    for kind, weight in titles.items():
        scores[kind] += weight
    counts = _vocabulary(sheet)
    for kind, worth in counts.items():
        scores[kind] += worth
    titled = max(scores[DocumentType.INVOICE], scores[DocumentType.CREDIT_NOTE]) - counts.get(
        DocumentType.INVOICE, 0.0
    )
    if has_total and titled >= _HEADED:
        # An invoice may greet like a letter; a letter is not headed "Invoice" and adds no tax.
        scores[DocumentType.LETTER] *= 0.3
    if has_change:
        scores[DocumentType.RECEIPT] += 2.0
    if has_total:
        scores[DocumentType.INVOICE] += 0.5
        scores[DocumentType.RECEIPT] += 0.5
        if has_tax:
            scores[DocumentType.INVOICE] += 0.5
            scores[DocumentType.RECEIPT] += 0.4
    credit, invoice = scores[DocumentType.CREDIT_NOTE], scores[DocumentType.INVOICE]
    if credit >= _HEADED and credit >= DOUBTFUL * invoice:
        # A credit note is made like an invoice and names the one that it corrects.
        scores[DocumentType.CREDIT_NOTE] += invoice
    if titles.get(DocumentType.OTHER, 0.0) >= _HEADED:
        # A quotation has sums and terms like an invoice: its title says what it is.
        for kind in POSTING:
            scores[kind] = titles.get(kind, 0.0)
    return _decide(scores, has_total=has_total)


def _decide(scores: dict[DocumentType, float], *, has_total: bool) -> TypeFound:
    """Turn scores into a type; a document with a total and no title of its own is doubtful."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0].value))
    kind, score = ranked[0]
    if score < 1.2:  # noqa: PLR2004 - nothing says what it is
        posted = max(scores[item] for item in POSTING)
        return TypeFound(DocumentType.OTHER, 0.5, is_doubtful=has_total or posted > DOUBTFUL)
    posting = kind in POSTING
    rival = max(worth for other, worth in scores.items() if (other in POSTING) != posting)
    others = sum(worth for other, worth in scores.items() if other != kind and other not in POSTING)
    others += 0.0 if posting else sum(scores[other] for other in POSTING)
    confidence = 0.99 * score / (score + 0.5 * others + 0.15)
    return TypeFound(kind, min(0.99, confidence), is_doubtful=rival > DOUBTFUL * score)
