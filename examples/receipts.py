"""Shop receipts: a narrow strip, prices with tax included."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from examples.conventions import COUNTRIES, Convention, round_to
from examples.goods import SHOP_GOODS, choose_price
from examples.layouts.blocks import tax_id_label
from examples.layouts.sheet import Sheet
from examples.parties import SHOP_TRADES, Party, make_party
from examples.truth import Line
from examples.wording import Words, choose_words
from shared.events.results import FieldName

WIDTH = 226.0  # 80 mm, the paper of most printers


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt of a shop.

    Attributes:
        convention: how it writes.
        words: how it calls things.
        shop: who was paid.
        number: of the receipt.
        issued: when.
        lines: description, quantity, price with tax, amount with tax.
        rate: of the tax included, in per cent.
    """

    convention: Convention
    words: Words
    shop: Party
    number: str
    issued: date
    lines: tuple[tuple[str, int, Decimal, Decimal], ...]
    rate: Decimal

    @property
    def total(self) -> Decimal:
        """The sum of the lines, tax included."""
        return sum((amount for *_, amount in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """What of the total is tax."""
        return round_to(self.total * self.rate / (100 + self.rate), self.convention.currency)


def make_receipt(random: Random, country: str, *, serial: int, lines: int = 5) -> Receipt:
    """Invent a receipt of a shop in ``country``."""
    custom = COUNTRIES[country]
    goods = random.sample(SHOP_GOODS[custom.language], lines)
    bought = []
    for good in goods:
        quantity, price = random.choice((1, 1, 1, 2, 3)), choose_price(random, good, custom)
        bought.append((good.description, quantity, price, quantity * price))
    return Receipt(
        convention=custom.convention(random),
        words=choose_words(random, custom.language, country),
        shop=make_party(random, country, trades=SHOP_TRADES[custom.language]),
        number=f"{random.randrange(10, 99)}-{serial:06d}",
        issued=date(2025, 1, 2) + timedelta(days=random.randrange(540)),
        lines=tuple(bought),
        rate=Decimal(custom.rates[0]),
    )


def receipt_fields(receipt: Receipt) -> dict[FieldName, str]:
    """Return what stands on the receipt."""
    return {
        "supplier_name": receipt.shop.name,
        "supplier_address": receipt.shop.address,
        "supplier_tax_id": receipt.shop.tax_id,
        "invoice_id": receipt.number,
        "invoice_date": receipt.issued.isoformat(),
        "currency": receipt.convention.currency,
        "net_amount": str(receipt.total - receipt.tax),
        "total_tax_amount": str(receipt.tax),
        "total_amount": str(receipt.total),
    }


def receipt_lines(receipt: Receipt) -> tuple[Line, ...]:
    """Return the line items as a perfect reader would find them."""
    return tuple(
        Line(name, str(quantity), str(price), str(amount))
        for name, quantity, price, amount in receipt.lines
    )


def draw_receipt(receipt: Receipt) -> bytes:
    """Draw the receipt as a PDF page as long as it needs to be."""
    height = 256.0 + 24 * len(receipt.lines)
    sheet = Sheet((WIDTH, height), title=receipt.words.receipt, face="Courier")
    words, convention, shop = receipt.words, receipt.convention, receipt.shop
    middle, left, right = WIDTH / 2, 14.0, WIDTH - 14
    y = 28.0
    for line in sheet.wrap(shop.name, right - left, 12, bold=True):
        sheet.text(middle, y, line, size=12, bold=True, align="center")
        y += 14
    for line in (shop.street, shop.place, f"{words.phone} {shop.phone}"):
        sheet.text(middle, y, line, align="center")
        y += 11
    sheet.text(middle, y, f"{tax_id_label(words, shop)}", size=8, align="center")
    y += 20
    sheet.text(middle, y, words.receipt, size=11, bold=True, align="center")
    y += 16
    sheet.text(left, y, f"No. {receipt.number}")
    sheet.text(right, y, convention.date(receipt.issued), align="right")
    y += 6
    sheet.rule(left, right, y)
    for name, quantity, price, amount in receipt.lines:
        y += 13
        sheet.text(left, y, name)
        y += 11
        sheet.text(left + 12, y, f"{quantity} x {convention.amount(price)}")
        sheet.text(right, y, convention.amount(amount), align="right")
    y += 8
    sheet.rule(left, right, y)
    y += 16
    sheet.text(left, y, words.receipt_total, size=11, bold=True)
    sheet.text(right, y, convention.cash(receipt.total), size=11, bold=True, align="right")
    y += 20
    rows = (
        (words.net, receipt.total - receipt.tax),
        (f"{words.tax} {convention.number(receipt.rate)} %", receipt.tax),
        (words.cash, receipt.total),
    )
    for label, amount in rows:
        sheet.text(left, y, label)
        sheet.text(right, y, convention.amount(amount), align="right")
        y += 12
    sheet.text(middle, y + 14, words.thanks, align="center")
    return sheet.finish()
