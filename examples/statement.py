"""A bank statement: a month of bookings with a running balance."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from examples.conventions import COUNTRIES, Convention
from examples.identifiers import spaced_iban
from examples.layouts.blocks import party_lines
from examples.layouts.sheet import Sheet, paper_of
from examples.parties import Party, make_party


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of a bank account: every balance follows from the one before."""

    convention: Convention
    holder: Party
    opening: Decimal
    bookings: tuple[tuple[date, str, Decimal], ...]

    @property
    def closing(self) -> Decimal:
        """The balance after the last booking."""
        return self.opening + sum((amount for *_, amount in self.bookings), Decimal(0))


def make_statement(random: Random) -> Statement:
    """Invent the month of a British account."""
    day = date(2026, 3, 2)
    bookings = []
    for text in ("Direct debit", "Card payment", "Transfer in", "Standing order", "Cash machine"):
        for _ in range(3):
            day += timedelta(days=random.randrange(3))
            amount = Decimal(random.randrange(450, 90000)) / 100
            other = make_party(random, "GB")
            name = other.city if text == "Cash machine" else other.name
            bookings.append((day, f"{text} {name}", amount if text == "Transfer in" else -amount))
    return Statement(
        convention=COUNTRIES["GB"].convention(random),
        holder=make_party(random, "GB"),
        opening=Decimal(random.randrange(300000, 900000)) / 100,
        bookings=tuple(bookings),
    )


def draw_statement(statement: Statement) -> bytes:
    """Draw the statement on one page with a running balance."""
    sheet = Sheet(paper_of("GB"), title="Account statement")
    convention, holder, right = statement.convention, statement.holder, sheet.width - 60
    sheet.text(60, 64, "Merrowdale Bank", size=16, bold=True)
    sheet.text(right, 64, "ACCOUNT STATEMENT", size=13, bold=True, align="right")
    sheet.text(right, 80, "1 March 2026 to 31 March 2026", align="right")
    for row, line in enumerate(party_lines(holder)):
        sheet.text(60, 104 + 12 * row, line)
    sheet.text(60, 156, f"IBAN {spaced_iban(holder.iban)}", bold=True)
    sheet.text(right, 156, "Statement no. 3/2026", align="right")
    for x, head in ((right - 160, "Paid in"), (right - 80, "Paid out"), (right, "Balance")):
        sheet.text(x, 190, head, bold=True, align="right")
    sheet.text(60, 190, "Date", bold=True)
    sheet.text(120, 190, "Details", bold=True)
    sheet.rule(60, right, 195)
    y, balance = 210.0, statement.opening
    sheet.text(120, y, "Opening balance", bold=True)
    sheet.text(right, y, convention.amount(balance), bold=True, align="right")
    for day, text, amount in statement.bookings:
        y += 17
        balance += amount
        sheet.text(60, y, f"{day:%d/%m}")
        sheet.text(120, y, text, size=8.5)
        sheet.text(
            right - (160 if amount > 0 else 80), y, convention.amount(abs(amount)), align="right"
        )
        sheet.text(right, y, convention.amount(balance), align="right")
    sheet.rule(60, right, y + 8)
    sheet.text(120, y + 24, "Closing balance", bold=True)
    sheet.text(right, y + 24, convention.cash(statement.closing), bold=True, align="right")
    return sheet.finish()
