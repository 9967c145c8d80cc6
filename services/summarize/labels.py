"""What the words beside an amount say it is, in English, German, French, Malay and neighbours.

A label is compared by its letters only: OCR loses spaces and accents before it loses letters.
Rules are tried in order and the first that matches wins, so the exceptions stand before the rule.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from services.summarize.folding import fold, letters


class Role(StrEnum):
    """What an amount is in the arithmetic of a document."""

    TOTAL = "total"  # what the document is about, taxes included
    PAYABLE = "payable"  # what is still to be paid: the total less what was paid before
    SUBTOTAL = "subtotal"  # a sum before charges; with or without tax, the arithmetic knows
    NET = "net"  # the total before tax
    TAX = "tax"
    ROUNDING = "rounding"
    DISCOUNT = "discount"
    CHARGE = "charge"  # service, shipping, tips
    PREPAID = "prepaid"  # paid before, and deducted
    TENDERED = "tendered"  # cash handed over
    CHANGE = "change"
    PAID = "paid"  # card, transfer: exactly what was due
    IGNORED = "ignored"  # counts, points, savings, capital: no part of the arithmetic


@dataclass(frozen=True, slots=True)
class Label:
    """A reading of a label: its role and how strongly it says so (0 to 1)."""

    role: Role
    strength: float


_TAX_NAME = (
    r"(?:consumptiontax|gst|sst|vat|mwst|must|ust|umsatzsteuer|mehrwertsteuer|tva|"
    r"salestax|servicetax|cukai\w*"
    r"|taxes|tax|steuer|iva|btw|ppn)"
)
_SUM = (
    r"(?:total|tota|totai|summe|betrag|amount|amt|jumlah|sales|sum|montant|price|preis|subtotal"
    r"|zwischensumme|rechnungssumme|bayaran|bill|due|payable|importe|totale|totaal)"
)
_INCL = (
    r"(?:incl|inkl|inc(?!ome)|inclu|inclsive|ttc|with|mit|brutto|gross|termasuk|inkusif|einschl)"
)
_EXCL = (
    r"(?:exc|exkl|without|wo(?=tax|gst|vat)|before|ohne|ht(?:va)?$|horst|netto|vorsteuer|sebelum"
    r"|tidaktermasuk|zzgl|beforetax|lessgst)"
)

_RULES: Final = tuple(
    (Role(role), strength, re.compile(pattern))
    for role, strength, pattern in (
        (
            "ignored",
            1.0,
            (
                r"qty|quant|menge|anzahl(?!ung)|itemcount|totalitem|noitem|noofitem|totalpcs|points?|saving|"
                r"yousave|award|balanceb|newbalance|openingbalance|closingbalance|"
                r"anfangssaldo|endsaldo|"
                r"capital|kapital|stammkap|kuantiti|bilangan|weight|gewicht|poids|km$|mileage|"
                r"exchangerate|"
                r"skonto|earlypayment|nextpayment|minimumpayment|creditlimit|seite|page|unitprice|"
                r"einzelpreis|prixunit|^tel|^fax|^phone|^iban|perunit|acctno|cardno|terminal|"
                r"gsts?ummary|taxsummary|gstanalysis"
            ),
        ),
        ("total", 0.9, r"(?:after|incl\w*)(?:cent)?round|(?:total|tota|jumlah|amt|amount)rounded"),
        ("total", 0.9, r"^round\w{0,3}(?:total|jumlah)|^finaltotal|afteradj|totalselepas"),
        (
            "rounding",
            1.0,
            (
                r"r?oun?d?ing|rour?ding|^round\w{0,2}adj|bundaran|penggenapan|^rundung|"
                r"arrondi|centadj|adjustment$"
            ),
        ),
        ("tax", 0.9, rf"^{_TAX_NAME}\d*\w{{0,3}}(?:included|incl|inclus|enthalten|inklusive)"),
        (
            "tax",
            0.9,
            (
                rf"^\w{{0,3}}(?:includ\w*|inclusive|incl|inkl|davon|darin|dont|"
                rf"enthaltene?)(?:of)?{_TAX_NAME}(?:amount|amt|rm)?$"
            ),
        ),
        ("tax", 0.9, rf"^(?:total|price|prices)(?:includes|included){_TAX_NAME}$"),
        (
            "change",
            1.0,
            (
                r"^(?:less|cash|total)?change|changedue|^baki(?!perlu)|ruckgeld|wechselgeld|"
                r"zuruck|rendu|monnaie|duitbaki|kembali(?:an)?$"
            ),
        ),
        (
            "prepaid",
            0.9,
            (
                r"anzahlung|prepaid|alreadypaid|paidinadvance|acompte|advancepayment|"
                r"lessdeposit|depositpaid|deposit$|vorauszahlung|akonto|abschlagszahl|dejap|"
                r"dejare|amountreceived|bereitsbezahlt|bereitsgezahlt|paymentsreceived|"
                r"lesspayment|wangpendahuluan|totalpaid|paidtodate"
            ),
        ),
        (
            "tendered",
            1.0,
            (
                r"^(?:total)?cash(?:rm|myr|eur|usd|sales?rm)?$|tender|^tunai|bargeld|^gegeben|"
                r"gegeben$|especes|^bar$|^paidamount|^amountpaid|^payment(?:s|rm)?$|^recu$|"
                r"^barzahlung|cashreceived|bayarantunai|cashpaid|amtpaid|^paid$|duitditerima|"
                r"^bezahlt$|^paymentmodecash|^paymentcash"
            ),
        ),
        (
            "paid",
            0.9,
            (
                r"visa|viva$|mastercard|^edc|master$|amex|debit|credit(?:card|rm)?$|"
                r"kreditkarte|eckarte|girocard|cartebancaire|^cb$|ewallet|touchngo|^tng|^nets|"
                r"grabpay|boost|paywave|qrpay|duitnow|maestro|applepay|googlepay|"
                r"kartenzahlung|sepa|virement|uberweisung|^card(?:type|payment|rm|sale)?"
            ),
        ),
        (
            "net",
            0.6,
            (
                r"taxable(?:amount|amt|value|base|supplies|sales|turnover)|steuerbasis|"
                r"basisbetrag|basehort|montantbase|tax(?:able)?base"
            ),
        ),
        (
            "tax",
            1.0,
            (
                rf"^(?:total|summe|sum|gesamt|jumlah|montant|zzgl|zuzuglich|zuzugl|plus|add|"
                rf"betrag|output|less)?(?:der|de(?:la)?)?{_TAX_NAME}(?:es)?(?:total|gesamt|"
                rf"amount|amt|betrag|payable|rm|summe|collectee|charge|charged|totals?|s|i|ex|"
                rf"sr|zrl|rate|standard|a|at|due|vente)*$"
            ),
        ),
        (
            "tax",
            1.0,
            (
                rf"^(?:total|sum|montant|summe|jumlah|betrag)(?!with|mit|incl|inkl|inc|"
                rf"exc)\w{{0,4}}{_TAX_NAME}$|steuerbetrag|taxamount|taxtotal|taxamt|tvatotal|"
                rf"totaldestaxes|montanttva|summeust|ustbetrag|mwstbetrag|umsatzsteuerbetrag"
            ),
        ),
        ("subtotal", 0.7, r"^total\w*supplies|^supplies(?:excl|incl|total)?$"),
        (
            "total",
            1.0,
            (
                rf"{_SUM}\w*?{_INCL}|{_SUM}ttc|grandtotal|bruttosumme|bruttobetrag|"
                rf"bruttogesamt|gesamtbrutto|rechnungsbetrag|rechnungsendbetrag|endbetrag|"
                rf"endsumme|gesamtendbetrag|invoicetotal|totalinvoice|jumlahbesar|"
                rf"jumlahkeseluruhan|jumlahinvois|totalgeneral|invoiceamount|invoicevalue|"
                rf"totalgross|grosstotal|grossamount|totalttc|totaleuro?s?ttc|totalcharge$|"
                rf"totalcreditnote|gutschriftsbetrag|totalavoir|montantttc|totalcredited|"
                rf"credittotal|jumlahkredit|votrecredit|gesamtbetragdergutschrift"
            ),
        ),
        (
            "payable",
            1.0,
            (
                r"zahlbetrag|zuzahlen|zahlender|netapayer|soldeapayer|montantdu|montantapayer|"
                r"resteapayer|apayer|balancedue|amountdue|totaldue|residual|outstanding|"
                r"offenerbetrag|^duerm$|perludibayar|perluidibayar|amountpayable|amtpayable|"
                r"totalpayable|dueamount|totaltopay|amounttopay|pleasepay|uberweisungsbetrag|"
                r"restbetrag|^payable|forderungsbetrag|betragfallig|falligerbetrag|"
                r"amountowing|totalowing|payableamount|jumlahbayaran|jumlahperlu"
            ),
        ),
        (
            "net",
            1.0,
            (
                rf"(?:{_SUM}|total)\w*?{_EXCL}|^totalht|montantht|nettobetrag|nettosumme|"
                rf"summenetto|gesamtnetto|nettogesamt|nettowert|amountexcl|"
                rf"netamount|netvalue|nettoumsatz|totalhorstaxe|summeohne|^netto$|^net$|^ht$|"
                rf"warenwertnetto|rechnungssummeohne"
            ),
        ),
        ("net", 0.5, r"^nett?otal\w{0,3}$|^totalnet\w{0,3}$|^nett?total|^net(?:sales|price)?$"),
        (
            "subtotal",
            1.0,
            (
                r"subtotal|subttl|soustotal|zwischensumme|jumlahkecil|positionssumme|"
                r"itemtotal|goodstotal|warenwert|totalbeforetax|summepositionen|lineitemtotal|"
                r"merchandise|subjumlah|zwischentotal"
            ),
        ),
        (
            "charge",
            0.9,
            (
                r"servicecharge|svccharge|^svc|^service|shipping|versand|^porto|freight|"
                r"delivery(?:fee|charge|cost)|fraisde|frais|handling|zuschlag|postage|^tips?$|"
                r"trinkgeld|cajperkhidmatan|^caj|carriage|lieferkosten|livraison|p[&]?p$|"
                r"surcharge|ecotax|mindermenge"
            ),
        ),
        (
            "discount",
            0.9,
            (
                r"disc|rabatt|remise|diskaun|abschlag|nachlass|voucher|coupon|promo|rebate|"
                r"potongan|gutschein|allowance"
            ),
        ),
        (
            "total",
            0.95,
            (
                r"totalamount|totalamt|gesamtbetrag|gesamtsumme|gesamtpreis|totalsales|"
                r"totalbill|totalrm|totalmyr|totaleur|montanttotal|totalprice|totalcost|"
                r"jumlahharga|jumlahrm|totaldela|takeouttotal|dineintotal|billtotal|totalusd|"
                r"totalgbp|totalamout|gesamtwert|rechnungssumme|summegesamt|totalapayer|"
                r"ordertotal|totalvalue|salestotal|summeeur"
            ),
        ),
        (
            "total",
            0.7,
            (
                r"^\w{0,2}(?:total|tota|totai|totall|t0tal|jumlah|summe|gesamt|sumtotal|"
                r"totale|totaal|totals)\w{0,3}$|total$|^total"
            ),
        ),
    )
)


_ZERO: Final = re.compile(r"(?<=[A-Za-z])0(?=[A-Za-z])")
"""A zero between letters is an O that OCR misread."""


@lru_cache(maxsize=8192)
def read_label(text: str) -> Label | None:
    """Return what ``text`` calls the amount beside it, or None when it says nothing."""
    squashed = letters(_ZERO.sub("o", text))
    if not squashed or len(squashed) > 60:  # noqa: PLR2004 - a sentence is no label
        return None
    for role, strength, pattern in _RULES:
        if pattern.search(squashed):
            return Label(role, strength)
    return None


_PROSE: Final = tuple(
    (Role(role), strength, re.compile(pattern))
    for role, strength, pattern in (
        (
            "payable",
            0.8,
            (
                r"amount due|balance due|outstanding (?:amount|balance)|zahlbetrag|solde|"
                r"net a payer"
            ),
        ),
        (
            "net",
            0.9,
            (
                r"net amount|net total|nettobetrag|netto\b|\bht\b|before tax|excluding (?:vat|"
                r"tax|gst)|sebelum cukai|ohne (?:mwst|ust|umsatzsteuer)|hors taxes?"
            ),
        ),
        (
            "tax",
            0.9,
            (
                r"\b(?:vat|gst|sst|tva|mwst|ust|umsatzsteuer|mehrwertsteuer|sales tax|"
                r"consumption tax|service tax|cukai perkhidmatan|tax)\b(?! (?:included|"
                r"inclusive))"
            ),
        ),
        (
            "total",
            0.95,
            (
                r"total amount|gesamtbetrag|rechnungsbetrag|endbetrag|montant total(?! ht)|"
                r"montant ttc|total ttc|\bttc\b|jumlah keseluruhan|invoice total|grand total|"
                r"gesamtsumme|total of|total sum|sum of|betrag von|amount of"
            ),
        ),
    )
)


@lru_cache(maxsize=2048)
def read_prose_label(text: str) -> Label | None:
    """Return what a sentence calls the amount that follows: the last thing that it names."""
    folded = fold(text)
    best: tuple[int, int, Label] | None = None
    for order, (role, strength, pattern) in enumerate(_PROSE):
        for match in pattern.finditer(folded):
            if best is None or (match.end(), -order) > best[:2]:
                best = (match.end(), -order, Label(role, strength))
    return best[2] if best else None


def forget_labels() -> None:
    """Drop the labels that were read: they are a document's, and it may be erased."""
    read_label.cache_clear()
    read_prose_label.cache_clear()
