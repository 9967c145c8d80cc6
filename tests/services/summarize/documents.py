"""Documents for tests, in words: none of them is anybody's."""

INVOICE = (
    "Muster GmbH",
    "Hauptstr. 5",
    "10115 Berlin",
    "USt-IdNr. DE136695976",
    "Kunde",
    "Beispiel AG",
    "Rechnung",
    "Rechnungsnummer: | 4711",
    "Rechnungsdatum: | 02.03.2026",
    "Zahlbar bis: | 01.04.2026",
    "Beschreibung | Menge | Einzelpreis | Betrag",
    "Wartung der Anlage | 2 | 30,00 | 60,00",
    "Ersatzteile nach Liste | 4 | 10,00 | 40,00",
    "Nettobetrag | | | 100,00 EUR",
    "MwSt. 19 % | | | 19,00 EUR",
    "Gesamtbetrag | | | 119,00 EUR",
)

RECEIPT = (
    "KEDAI BUKU MAJU SDN BHD",
    "12, JALAN MELATI 3",
    "50450 KUALA LUMPUR",
    "TAX INVOICE",
    "INVOICE NO : CS00123",
    "DATE : | 25/12/2018 18:24",
    "PENCIL BOX | 1 | 5.50 | 5.50",
    "NOTE BOOK A4 | 2 | 2.02 | 4.04",
    "TOTAL SALES (INCLUSIVE GST) | | | 9.54",
    "ROUNDING ADJ | | | 0.01",
    "TOTAL : | | | 9.55",
    "CASH | | | 10.00",
    "CHANGE | | | 0.45",
    "THANK YOU PLEASE COME AGAIN",
)

CONTRACT = (
    "Service Agreement",
    "This agreement is made between Northgate Ltd and Birch & Sons Ltd.",
    "The parties agree as follows and intend to be bound by it.",
    "1. The provider shall maintain the lifts in the building of the client.",
    "Article 2 The monthly fee is stated in the annex to this agreement.",
    "This agreement shall be governed by the laws of England.",
    "Either party may terminate this agreement with three months notice period.",
)

LETTER = (
    "Birkental Holzbau GmbH",
    "Sehr geehrte Damen und Herren,",
    "wir ziehen um und sind an zwei Tagen nicht erreichbar.",
    "Laufende Arbeiten werden davon nicht verzögert oder berührt.",
    "Mit freundlichen Grüßen",
)

STATEMENT = (
    "Bank statement",
    "Account 12 34 56 78",
    "Statement period March 2026",
    "Opening balance | | | 1,204.00",
    "Card payment | | | 104.00",
    "Closing balance | | | 1,100.00",
)

ORDER = (
    "Purchase Order",
    "PO number: | PO-2231",
    "Please deliver to our warehouse by the date below.",
    "Total | | | 500.00 EUR",
)

FORM = (
    "Application form",
    "Please fill in all fields and tick one box only.",
    "Name ______________",
    "Date of birth ______________",
    "Signature",
)
