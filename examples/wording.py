"""What documents call things, in four languages, with the synonyms that real ones use."""

from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """The labels of one document."""

    invoice: str
    credit_note: str
    receipt: str
    number: str
    credit_number: str
    date: str
    due: str
    customer: str
    supplier: str
    position: str
    description: str
    quantity: str
    unit_price: str
    amount: str
    net: str
    tax: str
    total: str
    receipt_total: str
    credit_total: str
    tax_id: str
    pay_to: str
    account: str
    phone: str
    page: str
    carried: str
    brought: str
    cash: str
    greeting: str
    opening: str
    credit_opening: str
    prose_net: str
    prose_tax: str
    prose_total: str
    credit_prose_total: str
    closing: str
    thanks: str


_CHOICES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "en": {
        "invoice": ("INVOICE", "Invoice", "Tax Invoice"),
        "credit_note": ("CREDIT NOTE", "Credit note"),
        "receipt": ("RECEIPT",),
        "number": ("Invoice No.", "Invoice number", "Invoice #", "Document no."),
        "credit_number": ("Credit note No.", "Credit note number"),
        "date": ("Invoice date", "Date", "Date of issue"),
        "due": ("Due date", "Payment due", "Pay by"),
        "customer": ("Bill to", "Customer", "Invoiced to"),
        "supplier": ("From", "Supplier", "Seller"),
        "position": ("#", "Item"),
        "description": ("Description", "Details", "Item description"),
        "quantity": ("Qty", "Quantity"),
        "unit_price": ("Unit price", "Rate", "Price"),
        "amount": ("Amount", "Line total"),
        "net": ("Subtotal", "Net amount", "Total before tax"),
        "tax": ("VAT",),
        "total": ("Total", "Total due", "Amount due", "Invoice total"),
        "receipt_total": ("TOTAL", "TOTAL TO PAY"),
        "credit_total": ("Total credited", "Credit total"),
        "tax_id": ("VAT Reg. No.", "VAT no."),
        "pay_to": ("Please pay to", "Payment details"),
        "account": ("Account",),
        "phone": ("Tel.", "Phone"),
        "page": ("Page {page} of {pages}",),
        "carried": ("Carried forward",),
        "brought": ("Brought forward",),
        "cash": ("Cash",),
        "greeting": ("Dear Sir or Madam,", "Dear customer,"),
        "opening": (
            "thank you for your order. For the services below we invoice you as follows.",
            "as agreed we charge you for the following deliveries and services.",
        ),
        "credit_opening": ("we credit you for the following returned goods and services.",),
        "prose_net": ("The net amount is {net}.",),
        "prose_tax": ("We add {rate} {tax_name}, which makes {tax}.",),
        "prose_total": ("Please transfer the total amount of {total} by {due}.",),
        "credit_prose_total": ("The total amount of {total} will be credited to you.",),
        "closing": ("Yours faithfully,", "Kind regards,"),
        "thanks": ("Thank you for your business.", "Thank you!"),
    },
    "de": {
        "invoice": ("RECHNUNG", "Rechnung"),
        "credit_note": ("GUTSCHRIFT", "Rechnungskorrektur"),
        "receipt": ("QUITTUNG", "KASSENBON"),
        "number": ("Rechnungsnummer", "Rechnungs-Nr.", "Rechnung Nr.", "Belegnummer"),
        "credit_number": ("Gutschriftsnummer", "Gutschrift Nr."),
        "date": ("Rechnungsdatum", "Datum", "Ausstellungsdatum"),
        "due": ("Zahlbar bis", "Fällig am", "Fälligkeitsdatum"),
        "customer": ("Rechnung an", "Kunde", "Rechnungsempfänger"),
        "supplier": ("Rechnungssteller", "Lieferant", "Verkäufer"),
        "position": ("Pos.", "Nr."),
        "description": ("Bezeichnung", "Beschreibung", "Leistung"),
        "quantity": ("Menge", "Anzahl"),
        "unit_price": ("Einzelpreis", "Preis"),
        "amount": ("Betrag", "Gesamtpreis"),
        "net": ("Nettobetrag", "Zwischensumme", "Summe netto"),
        "tax": ("MwSt.", "USt.", "Umsatzsteuer"),
        "total": ("Gesamtbetrag", "Rechnungsbetrag", "Endbetrag", "Zu zahlen"),
        "receipt_total": ("SUMME", "GESAMT"),
        "credit_total": ("Gutschriftsbetrag", "Gesamtbetrag der Gutschrift"),
        "tax_id": ("USt-IdNr.", "USt-ID"),
        "pay_to": ("Bankverbindung", "Zahlung an"),
        "account": ("Konto",),
        "phone": ("Tel.", "Telefon"),
        "page": ("Seite {page} von {pages}",),
        "carried": ("Übertrag",),
        "brought": ("Übertrag von Vorseite",),
        "cash": ("Bar",),
        "greeting": ("Sehr geehrte Damen und Herren,",),
        "opening": (
            "vielen Dank für Ihren Auftrag. Für unsere Leistungen berechnen wir Ihnen:",
            "vereinbarungsgemäß stellen wir Ihnen folgende Lieferungen und Leistungen in Rechnung:",
        ),
        "credit_opening": ("für die zurückgenommenen Waren und Leistungen schreiben wir gut:",),
        "prose_net": ("Der Nettobetrag beläuft sich auf {net}.",),
        "prose_tax": ("Hinzu kommen {rate} {tax_name}, das sind {tax}.",),
        "prose_total": ("Bitte überweisen Sie den Gesamtbetrag von {total} bis zum {due}.",),
        "credit_prose_total": ("Den Gesamtbetrag von {total} schreiben wir Ihrem Konto gut.",),
        "closing": ("Mit freundlichen Grüßen", "Freundliche Grüße"),
        "thanks": ("Vielen Dank für Ihren Auftrag.", "Wir danken für Ihr Vertrauen."),
    },
    "fr": {
        "invoice": ("FACTURE", "Facture"),
        "credit_note": ("AVOIR", "Facture d'avoir"),
        "receipt": ("TICKET",),
        "number": ("Facture n°", "Numéro de facture", "N° de facture"),
        "credit_number": ("Avoir n°", "Numéro d'avoir"),
        "date": ("Date de facture", "Date d'émission", "Date"),
        "due": ("Date d'échéance", "Échéance", "À régler avant le"),
        "customer": ("Facturé à", "Client"),
        "supplier": ("Vendeur", "Émetteur", "Fournisseur"),
        "position": ("N°",),
        "description": ("Désignation", "Description"),
        "quantity": ("Qté", "Quantité"),
        "unit_price": ("Prix unitaire", "P.U. HT"),
        "amount": ("Montant HT", "Total HT ligne", "Montant"),
        "net": ("Total HT", "Montant total HT", "Sous-total"),
        "tax": ("TVA",),
        "total": ("Total TTC", "Net à payer", "Montant TTC"),
        "receipt_total": ("TOTAL TTC",),
        "credit_total": ("Total TTC de l'avoir", "Net à votre crédit"),
        "tax_id": ("N° TVA", "TVA intracommunautaire"),
        "pay_to": ("Coordonnées bancaires", "Règlement par virement"),
        "account": ("Compte",),
        "phone": ("Tél.",),
        "page": ("Page {page} sur {pages}",),
        "carried": ("Report à la page suivante",),
        "brought": ("Report",),
        "cash": ("Espèces",),
        "greeting": ("Madame, Monsieur,",),
        "opening": ("nous vous remercions de votre commande et vous facturons comme suit.",),
        "credit_opening": ("nous portons à votre crédit les retours suivants.",),
        "prose_net": ("Le montant total HT s'élève à {net}.",),
        "prose_tax": ("S'y ajoute la {tax_name} de {rate}, soit {tax}.",),
        "prose_total": ("Merci de régler le montant total TTC de {total} avant le {due}.",),
        "credit_prose_total": ("Le montant total TTC de {total} vous sera crédité.",),
        "closing": ("Cordialement,", "Veuillez agréer nos salutations distinguées,"),
        "thanks": ("Merci de votre confiance.",),
    },
    "ms": {
        "invoice": ("INVOIS", "Invois", "INVOIS CUKAI"),
        "credit_note": ("NOTA KREDIT",),
        "receipt": ("RESIT",),
        "number": ("No. Invois", "Nombor Invois"),
        "credit_number": ("No. Nota Kredit",),
        "date": ("Tarikh Invois", "Tarikh"),
        "due": ("Tarikh Akhir Bayaran", "Bayar Sebelum"),
        "customer": ("Bil Kepada", "Pelanggan"),
        "supplier": ("Daripada", "Pembekal"),
        "position": ("Bil.", "No."),
        "description": ("Keterangan", "Butiran"),
        "quantity": ("Kuantiti", "Ktt"),
        "unit_price": ("Harga Seunit", "Harga"),
        "amount": ("Amaun", "Jumlah (RM)"),
        "net": ("Jumlah Kecil", "Jumlah Sebelum Cukai"),
        "tax": ("Cukai Perkhidmatan", "SST"),
        "total": ("Jumlah Keseluruhan", "Jumlah Perlu Dibayar", "Jumlah Besar"),
        "receipt_total": ("JUMLAH", "JUMLAH BESAR"),
        "credit_total": ("Jumlah Kredit",),
        "tax_id": ("No. SST", "No. Pendaftaran SST"),
        "pay_to": ("Bayaran kepada", "Maklumat Bank"),
        "account": ("No. Akaun",),
        "phone": ("Tel.",),
        "page": ("Muka surat {page} daripada {pages}",),
        "carried": ("Dibawa ke hadapan",),
        "brought": ("Dibawa dari muka surat lalu",),
        "cash": ("Tunai",),
        "greeting": ("Tuan/Puan,",),
        "opening": ("terima kasih atas pesanan anda. Butiran bayaran adalah seperti berikut.",),
        "credit_opening": ("kami mengkreditkan barangan yang dipulangkan seperti berikut.",),
        "prose_net": ("Jumlah sebelum cukai ialah {net}.",),
        "prose_tax": ("Ditambah {tax_name} sebanyak {rate}, iaitu {tax}.",),
        "prose_total": ("Sila jelaskan jumlah keseluruhan {total} sebelum {due}.",),
        "credit_prose_total": ("Jumlah keseluruhan {total} akan dikreditkan kepada anda.",),
        "closing": ("Yang benar,", "Sekian, terima kasih."),
        "thanks": ("Terima kasih atas urusan anda.", "Terima kasih, sila datang lagi."),
    },
}

_BY_COUNTRY: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "US": {"invoice": ("INVOICE", "Invoice"), "tax": ("Sales tax",), "tax_id": ("EIN", "Tax ID")},
    "JP": {"tax": ("Consumption tax",), "tax_id": ("Registration No.",)},
    "AT": {"tax": ("USt.", "MwSt."), "tax_id": ("UID-Nr.", "UID")},
    "CH": {
        "tax": ("MWST",),
        "tax_id": ("MWST-Nr.", "UID"),
        "greeting": ("Sehr geehrte Damen und Herren",),
        "opening": ("vielen Dank für Ihren Auftrag. Wir verrechnen Ihnen wie folgt:",),
        "closing": ("Freundliche Grüsse",),
    },
}


def choose_words(random: Random, language: str, country: str) -> Words:
    """Choose one synonym for every label."""
    choices = _CHOICES[language] | _BY_COUNTRY.get(country, {})
    return Words(**{label: random.choice(synonyms) for label, synonyms in choices.items()})
