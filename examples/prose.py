"""Documents that are no business transaction: a contract and a letter."""

from random import Random

from examples.layouts.blocks import party_lines
from examples.layouts.sheet import Sheet, paper_of
from examples.parties import make_party

LEFT = 72.0

_CLAUSES = {
    "Subject matter": "The Provider shall maintain the heating and ventilation equipment listed in "
    "Annex A at the premises of the Client. Spare parts are not included and shall be agreed "
    "separately.",
    "Term": "This Agreement takes effect on the date of the last signature and runs for "
    "twenty-four months. It is extended by twelve months at a time unless either party gives "
    "notice in writing three months before it ends.",
    "Remuneration": "The parties shall agree the fees in a separate schedule each year. Fees fall "
    "due within thirty days of receipt of a proper invoice.",
    "Duties of the Client": "The Client shall grant access to the equipment during working hours "
    "and shall name a contact person who can decide on site.",
    "Response times": "The Provider shall begin to work on a fault within eight working hours of "
    "notice, and within four hours where heating fails altogether between October and April.",
    "Liability": "Either party is liable without limit for intent and gross negligence. For slight "
    "negligence liability is limited to the foreseeable damage typical of this contract.",
    "Confidentiality": "The parties shall keep confidential what they learn of each other's "
    "business, for three years beyond the end of this Agreement.",
    "Final provisions": "Changes to this Agreement must be made in writing; so must a waiver of "
    "this clause. Should a provision be void, the others remain in force. The law of England and "
    "Wales applies.",
}

_LETTER_DE = (
    (
        "wir beziehen uns auf unser Gespräch in der vergangenen Woche und möchten Ihnen mitteilen, "
        "dass unsere Filiale im kommenden Monat in neue Räume zieht."
    ),
    (
        "Während des Umzugs sind wir an zwei Tagen telefonisch nicht erreichbar. Laufende Aufträge "
        "werden davon nicht berührt; Ihre Ansprechpartnerin bleibt dieselbe."
    ),
    (
        "Wir laden Sie herzlich ein, uns in den neuen Räumen zu besuchen. Bitte geben Sie uns bis "
        "Ende des Monats Bescheid, ob wir mit Ihnen rechnen dürfen."
    ),
)


def draw_contract(random: Random) -> bytes:
    """Draw a service agreement of two pages between two British companies."""
    client, provider = make_party(random, "GB"), make_party(random, "GB")
    sheet = Sheet(paper_of("GB"), title="Service agreement", face="Times")
    width = sheet.width - 2 * LEFT
    sheet.text(sheet.width / 2, 90, "SERVICE AGREEMENT", size=18, bold=True, align="center")
    y = 130.0
    for party, role in ((client, "Client"), (provider, "Provider")):
        text = f'{party.name}, {party.address} (hereinafter the "{role}")'
        y = sheet.paragraph(LEFT, y, text, width=width, size=11)
        if role == "Client":
            sheet.text(sheet.width / 2, y + 4, "and", size=11, align="center")
            y += 22
    y = sheet.paragraph(LEFT, y + 12, "agree as follows:", width=width, size=11)
    for number, (title, clause) in enumerate(_CLAUSES.items(), 1):
        if y > sheet.height - 260 and sheet.page == 1:
            sheet.text(sheet.width / 2, sheet.height - 40, "Page 1 of 2", align="center")
            sheet.new_page()
            y = 80.0
        sheet.text(LEFT, y + 18, f"{number}.  {title}", size=12, bold=True)
        y = sheet.paragraph(LEFT, y + 38, clause, width=width, size=11) + 6
    y += 70
    for x, party in ((LEFT, client), (sheet.width / 2 + 20, provider)):
        sheet.rule(x, x + 190, y)
        sheet.text(x, y + 14, f"Place, date, signature ({party.name})", size=7.5)
    sheet.text(sheet.width / 2, sheet.height - 40, "Page 2 of 2", align="center")
    return sheet.finish()


def draw_plain_letter(random: Random) -> bytes:
    """Draw a German business letter that asks for no money."""
    sender, receiver = make_party(random, "DE"), make_party(random, "DE")
    sheet = Sheet(paper_of("DE"), title="Brief")
    width = sheet.width - 2 * LEFT
    right = sheet.width - LEFT
    for row, line in enumerate([*party_lines(sender), f"Tel. {sender.phone}"]):
        sheet.text(right, 60 + 13 * row, line, bold=row == 0, align="right")
    for row, line in enumerate(party_lines(receiver)):
        sheet.text(LEFT, 160 + 13 * row, line, size=10.5)
    sheet.text(right, 236, f"{sender.city}, 14. April 2026", size=10.5, align="right")
    sheet.text(LEFT, 270, "Unser Umzug im Mai", size=11, bold=True)
    sheet.text(LEFT, 300, "Sehr geehrte Damen und Herren,", size=10.5)
    y = 322.0
    for paragraph in _LETTER_DE:
        y = sheet.paragraph(LEFT, y, paragraph, width=width, size=10.5) + 8
    sheet.text(LEFT, y + 12, "Mit freundlichen Grüßen", size=10.5)
    sheet.text(LEFT, y + 56, "Henrike Adlerhof", size=10.5)
    sheet.text(LEFT, y + 70, "Leiterin Kundendienst", size=9, gray=0.3)
    return sheet.finish()
